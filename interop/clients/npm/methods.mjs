// Every public method of kubo-rpc-client on the node at API; names begin with the RPC's command.
// What differs from node to node (keys, peer ids, times) is told by its form.
import { CID } from 'multiformats/cid'
import { create, globSource } from 'kubo-rpc-client'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { all, bytes, run } from './checks.mjs'

const api = create({ url: process.env.API })
const large = Buffer.alloc(700_000, 'twelve bytes')
const EMPTY = 'QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn'
const ABSENT = 'QmaaqrHyAQm7gALkRW8DcfGX3u8q9rWKnxEMmf7m9z515w'
const kind = value => Array.isArray(value) ? 'list' : value === null ? 'null' : typeof value
const shape = value => Object.fromEntries(Object.entries(value).map(([k, v]) => [k, kind(v)]))
const isKey = id => /^k51[a-z0-9]+$/.test(String(id))
const first = async source => { for await (const one of source) return one }
const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'jiaozi-methods-'))
fs.mkdirSync(path.join(scratch, 'tree', 'ü below'), { recursive: true })
fs.writeFileSync(path.join(scratch, 'tree', 'a + b %.txt'), 'a')
fs.writeFileSync(path.join(scratch, 'tree', 'ü below', '文.txt'), 'b', { mode: 0o640 })
fs.symlinkSync('a + b %.txt', path.join(scratch, 'tree', 'link'))
const made = {}
const collected = async add => { // how often is ours to choose
  const seen = []
  const found = await add((n, p) => seen.push([n, p ?? '']))
  return { found, last: seen.at(-1), rises: seen.every(([n], i) => i === 0 || seen[i - 1][0] < n) }
}

await run({
  'add: bytes': async () => made.hello = await api.add('hello'),
  'add: a large file, told of as it goes': () => collected(
    progress => api.add({ path: 'large', content: large }, { progress })),
  'add: CIDv1, raw leaves, other chunks': () => api.add(large, { cidVersion: 1, rawLeaves: true, chunker: 'size-100000' }),
  'add: only hashed': () => api.add('never stored', { onlyHash: true, pin: false }),
  'add: wrapped in a directory': () => all(api.addAll([{ path: 'x/y', content: 'z' }], { wrapWithDirectory: true })),
  'add: mode and times': () => api.add({ path: 'old', content: 'x', mode: 0o600, mtime: { secs: 1000, nsecs: 5 } }),
  'add: trickle': () => api.add(large, { trickle: true }),
  'add: many, empty ones too': async () => {
    const found = await all(api.addAll([
      { path: 'tree/one', content: '1' }, { path: 'tree/two', content: Buffer.alloc(0) },
      { path: 'tree/deep/three', content: '3' }, { path: 'tree/empty' }
    ]))
    made.tree = found.at(-1)
    return found
  },
  'add: a directory from disk': () => all(api.addAll(globSource(path.join(scratch, 'tree'), '**/*'), { wrapWithDirectory: true })),
  'add: what an asynchronous source gives': () => api.add((async function * () { yield Buffer.from('a'); yield Buffer.from('b') })()),
  'add: an option that can not be': () => api.add('x', { chunker: 'size-0' }),
  'cat: all': async () => String(await bytes(api.cat(made.hello.cid))),
  'cat: a part': async () => String(await bytes(api.cat(made.hello.cid, { offset: 1, length: 3 }))),
  'cat: a path': async () => String(await bytes(api.cat(`/ipfs/${made.tree.cid}/deep/three`))),
  'cat: what is not there': () => bytes(api.cat(`/ipfs/${made.tree.cid}/deep/four`)),
  'cat: a directory': () => bytes(api.cat(made.tree.cid)),
  'get: a tar': async () => String(await bytes(api.get(made.tree.cid))).includes(`${made.tree.cid}/deep/three`),
  'get: compressed': async () => (await bytes(api.get(made.tree.cid, { archive: true, compress: true, compressionLevel: 5 }))).length > 100,
  'ls: a directory': () => all(api.ls(made.tree.cid)),
  'ls: a file': () => all(api.ls(made.hello.cid)),
  'resolve: a path': () => api.resolve(`/ipfs/${made.tree.cid}/deep`),
  'refs: all below': () => all(api.refs(made.tree.cid, { recursive: true, unique: true })),
  'refs: with a format': () => all(api.refs(made.tree.cid, { format: '<src> -> <dst> <linkname>' })),
  'refs/local: of this store': async () => (await all(api.refs.local())).length > 5,
  'block/put: bytes': async () => { made.block = await api.block.put(Buffer.from('a block')); return made.block },
  'block/put: dag-cbor': () => api.block.put(Buffer.from([0xa0]), { format: 'dag-cbor', mhtype: 'sha2-512' }),
  'block/put: version 0': () => api.block.put(Buffer.from('0a020801', 'hex'), { format: 'dag-pb', version: 0 }),
  'block/get: bytes': () => api.block.get(made.block),
  'block/stat: size': () => api.block.stat(made.block),
  'block/rm: one, and one that is not there': () => all(api.block.rm([made.block, CID.parse(ABSENT)])),
  'block/rm: a pinned one': async () => (await all(api.block.rm(made.hello.cid)))[0].error?.message,
  'dag/put: a map with a link': async () => {
    made.node = await api.dag.put({ a: [1, 'two', null], link: made.hello.cid })
    return made.node
  },
  'dag/put: pinned, as JSON': () => api.dag.put({ z: 1, a: 2 }, { storeCodec: 'dag-json', inputCodec: 'dag-json', pin: true }),
  'dag/get: all': () => api.dag.get(made.node),
  'dag/get: below a path': () => api.dag.get(made.node, { path: '/a/1' }),
  'dag/get: UnixFS': async () => (await api.dag.get(made.tree.cid)).value.Links.length,
  'dag/resolve: a path': () => api.dag.resolve(made.node, { path: '/link' }),
  'dag/export: a CAR': async () => { made.car = await bytes(api.dag.export(made.tree.cid)); return made.car },
  'dag/import: a CAR': () => all(api.dag.import([made.car])),
  'dag/import: not a CAR': () => all(api.dag.import([Buffer.from('no car')])),
  'pin/add: and again': async () => [await api.pin.add(made.node), await api.pin.add(made.node)],
  'pin/add: directly': () => all(api.pin.addAll([{ cid: made.hello.cid, recursive: false }, { cid: made.node }])),
  'pin/ls: one by its path': () => all(api.pin.ls({ paths: [made.node] })),
  'pin/ls: indirect ones': async () => (await all(api.pin.ls({ type: 'indirect' }))).length > 0,
  'pin/ls: what is not pinned': () => all(api.pin.ls({ paths: [ABSENT] })),
  'pin/update: to another': async () => {
    const [one, other] = await Promise.all([api.dag.put({ n: 1 }), api.dag.put({ n: 2 })])
    await api.pin.add(one)
    return api.pin.update(one, other)
  },
  'pin/rm: one': () => api.pin.rm(made.node),
  'pin/rm: once more': () => api.pin.rm(made.node),
  'pin/rm: many': async () => { await api.pin.add(made.node); return all(api.pin.rmAll([made.node])) },
  'pin/remote/service/add: one': () => api.pin.remote.service.add('there', { endpoint: new URL('http://127.0.0.1:9'), key: 'secret' }),
  'pin/remote/service/ls: its key is not told': () => api.pin.remote.service.ls(),
  'pin/remote/service/rm: one': () => api.pin.remote.service.rm('there'),
  'files/mkdir: with parents': () => api.files.mkdir('/one/two', { parents: true }),
  'files/write: new': () => api.files.write('/one/file', 'content', { create: true }),
  'files/write: into the middle': () => api.files.write('/one/file', 'X', { offset: 3 }),
  'files/write: cut': () => api.files.write('/one/other', large, { create: true, truncate: true, cidVersion: 1, rawLeaves: true }),
  'files/read: all': async () => String(await bytes(api.files.read('/one/file'))),
  'files/read: a part': async () => String(await bytes(api.files.read('/one/file', { offset: 2, length: 3 }))),
  'files/stat: a file': () => api.files.stat('/one/file'),
  'files/stat: a directory, with what is here': () => api.files.stat('/one', { withLocal: true }),
  'files/stat: what is not there': () => api.files.stat('/nowhere'),
  'files/ls: a directory': () => all(api.files.ls('/one')),
  'files/cp: within': () => api.files.cp('/one/file', '/one/copy'),
  'files/cp: from a CID': () => api.files.cp(`/ipfs/${made.tree.cid}`, '/tree'),
  'files/cp: onto what is there': () => api.files.cp('/one/file', '/one/copy'),
  'files/mv: one': () => api.files.mv('/one/copy', '/moved'),
  'files/flush: all': () => api.files.flush('/'),
  'files/rm: one': () => api.files.rm('/moved'),
  'files/rm: a directory without saying so': () => api.files.rm('/one'),
  'files/rm: a directory': () => api.files.rm(['/one', '/tree'], { recursive: true }),
  'key/gen: one': async () => { const key = await api.key.gen('mine', { type: 'ed25519' }); made.key = key.id; return [key.name, isKey(key.id)] },
  'key/gen: of a taken name': () => api.key.gen('mine'),
  'key/list: all': async () => (await api.key.list()).map(key => key.name),
  'key/rename: one': async () => { const told = await api.key.rename('mine', 'ours'); return [told.was, told.now, told.overwrite, isKey(told.id)] },
  'name/publish: offline': async () => { const told = await api.name.publish(made.hello.cid, { key: 'ours', allowOffline: true, resolve: false }); return [isKey(told.name), told.value] },
  'name/resolve: what was published': () => all(api.name.resolve(`/ipns/${made.key}`)),
  'key/rm: one': async () => (await api.key.rm('ours')).name,
  'key/rm: self': () => api.key.rm('self'),
  'config: get': () => api.config.get('Addresses.Swarm'),
  'config: get what is not there': () => api.config.get('Nothing.Here'),
  'config: set': async () => { await api.config.set('Gateway.RootRedirect', '/here'); return api.config.get('Gateway.RootRedirect') },
  'config: set JSON': async () => { await api.config.set('Peering.Peers', []); return api.config.get('Peering.Peers') },
  'config/show: no secrets': async () => { const all = await api.config.getAll(); return [all.Identity.PrivKey ?? 'none', all.Gateway.RootRedirect] },
  'config/replace: all of it': async () => {
    const all = await api.config.getAll()
    all.Gateway.RootRedirect = ''
    await api.config.replace(all)
    return api.config.get('Gateway.RootRedirect')
  },
  'config/profile/apply: dry': async () => shape(await api.config.profiles.apply('lowpower', { dryRun: true })),
  'config/profile/apply: unknown': () => api.config.profiles.apply('odd'),
  'id: this node': async () => shape(await api.id()),
  'version: numbers': async () => (await api.version()).version,
  'repo/stat: numbers': async () => shape(await api.repo.stat()),
  'repo/version: number': () => api.repo.version(),
  'repo/gc: without complaint': async () => (await all(api.repo.gc())).every(one => one.err == null),
  'bootstrap/list: none': () => api.bootstrap.list(),
  'bootstrap/add: one': () => api.bootstrap.add('/ip4/127.0.0.1/tcp/4001/p2p/12D3KooWGC6TvWhfajpX6wvJHMYvKpDMXPb3ZnCZ6dMoaMtimQ5Q'),
  'bootstrap/rm: it': () => api.bootstrap.rm('/ip4/127.0.0.1/tcp/4001/p2p/12D3KooWGC6TvWhfajpX6wvJHMYvKpDMXPb3ZnCZ6dMoaMtimQ5Q'),
  'swarm/peers: offline': () => api.swarm.peers(),
  'swarm/addrs: offline': () => api.swarm.addrs(),
  'swarm/addrs/local: offline': () => api.swarm.localAddrs(),
  'bitswap/stat: offline': () => api.bitswap.stat(),
  'bitswap/wantlist: offline': () => api.bitswap.wantlist(),
  'stats/bw: offline': () => first(api.stats.bw()),
  'stats/bitswap: offline': () => api.stats.bitswap(),
  'stats/repo: numbers': async () => shape(await api.stats.repo()),
  'routing/findprovs: offline': () => all(api.routing.findProvs(made.hello.cid)),
  'routing/findpeer: offline': () => all(api.routing.findPeer('12D3KooWGC6TvWhfajpX6wvJHMYvKpDMXPb3ZnCZ6dMoaMtimQ5Q')),
  'ping: offline': () => all(api.ping('12D3KooWGC6TvWhfajpX6wvJHMYvKpDMXPb3ZnCZ6dMoaMtimQ5Q', { count: 1 })),
  'pubsub/ls: not enabled': () => api.pubsub.ls(),
  'provide/stat: offline': () => api.provide.stat(),
  'log/ls: names': async () => kind((await api.log.ls()).strings ?? (await api.log.ls())),
  'log/level: of all': () => api.log.level('all', 'error'),
  'log/level: unknown': () => api.log.level('all', 'loud'),
  'diag/cmds: a list': async () => kind(await api.diag.cmds()),
  'diag/sys: a report': async () => kind(await api.diag.sys()),
  'commands: the tree': async () => { const tree = await api.commands(); return [tree.Name, tree.Subcommands.some(one => one.Name === 'pin')] },
  'isOnline: offline': () => api.isOnline(),
  'a request that takes too long': () => api.cat(ABSENT, { timeout: 200 }).next(),
  'the caller gives up': async () => { const c = new AbortController(); c.abort(); return api.add('x', { signal: c.signal }) }
})
fs.rmSync(scratch, { recursive: true })
process.exit(0)
