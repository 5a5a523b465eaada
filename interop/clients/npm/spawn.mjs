// ipfsd-ctl starts, uses and stops nodes by the program that BIN names.
import assert from 'node:assert'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { createFactory, createNode } from 'ipfsd-ctl'
import { create } from 'kubo-rpc-client'
import { all, bytes, run } from './checks.mjs'

const common = { type: 'kubo', rpc: create, bin: process.env.BIN }
const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'jiaozi-spawn-'))
const isGone = pid => {
  try { process.kill(pid, 0); return false } catch { return true }
}

await run({
  async 'a test node is made, used and gone'() {
    const node = await createNode({ ...common, test: true, disposable: true })
    const { pid, repo, version, api } = await node.info()
    assert.match(version, /^ipfs version \d+\.\d+\.\d+$/)
    assert.match(api, /^\/ip4\/127\.0\.0\.1\/tcp\/\d+$/)
    const { cid } = await node.api.add('hello')
    assert.equal(String(await bytes(node.api.cat(cid))), 'hello')
    await node.stop()
    assert.ok(isGone(pid))
    assert.ok(!fs.existsSync(repo))
    return String(cid)
  },
  async 'options of init and start are taken'() {
    const node = await createNode({
      ...common, test: true, disposable: true,
      init: {
        emptyRepo: true, algorithm: 'ed25519', profiles: ['test', 'unixfs-v1-2025'],
        config: { Bootstrap: [], Swarm: { ConnMgr: { LowWater: 5 } }, Discovery: { MDNS: { Enabled: false } } }
      },
      start: {
        offline: true, pubsub: true, ipnsPubsub: true, repoAutoMigrate: true,
        args: ['--enable-gc', '--agent-version-suffix=here', '--routing=none']
      }
    })
    const config = await node.api.config.getAll()
    assert.equal(config.Swarm.ConnMgr.LowWater, 5)
    const { agentVersion } = await node.api.id()
    const { cid } = await node.api.add('hello')
    await node.stop()
    return { cid: String(cid), suffix: agentVersion.endsWith('/here') }
  },
  async 'a node goes on where it was stopped'() {
    const repo = path.join(scratch, 'kept')
    fs.mkdirSync(repo)
    const node = await createNode({ ...common, test: true, disposable: false, repo })
    const { cid } = await node.api.add('kept')
    await node.stop()
    assert.ok(!fs.existsSync(path.join(repo, 'api')))
    await node.start()
    assert.equal(String(await bytes(node.api.cat(cid))), 'kept')
    const pins = await all(node.api.pin.ls({ paths: [cid] }))
    await node.stop()
    const again = await createNode({ ...common, disposable: false, repo, init: false })
    assert.equal(String(await bytes(again.api.cat(cid))), 'kept')
    await again.stop()
    return pins.length
  },
  async 'a second controller finds the running node by its file'() {
    const repo = path.join(scratch, 'shared')
    const node = await createNode({ ...common, test: true, disposable: false, repo })
    const other = await createNode({ ...common, disposable: false, repo, init: false })
    assert.equal(String((await other.api.id()).id), String((await node.api.id()).id))
    await node.stop()
    return true
  },
  async 'several nodes of a factory run beside each other'() {
    const factory = createFactory({ ...common, test: true, disposable: true })
    const nodes = [await factory.spawn(), await factory.spawn(), await factory.spawn()]
    const ids = await Promise.all(nodes.map(async node => String((await node.api.id()).id)))
    await factory.clean()
    return new Set(ids).size
  },
  async 'a node that is killed is found dead, and starts anew'() {
    const repo = path.join(scratch, 'killed')
    const node = await createNode({ ...common, test: true, disposable: false, repo })
    const { cid } = await node.api.add('acknowledged')
    process.kill((await node.info()).pid, 'SIGKILL')
    await new Promise(resolve => node.subprocess.once('exit', resolve))
    fs.unlinkSync(path.join(repo, 'api'))
    const again = await createNode({ ...common, disposable: false, repo, init: false })
    assert.equal(String(await bytes(again.api.cat(cid))), 'acknowledged')
    await again.stop()
    return true
  }
})
fs.rmSync(scratch, { recursive: true })
process.exit(0)
