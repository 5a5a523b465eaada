// Runs named checks in turn and prints one JSON line for each: {name, value} or {name, error}.
// Values are made of JSON alone, so that what two nodes answer can be compared.

export function plain (value) {
  if (value == null || typeof value === 'string' || typeof value === 'boolean') return value ?? null
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value)
  if (typeof value === 'bigint') return String(value)
  if (value instanceof Uint8Array) return Buffer.from(value).toString('latin1')
  if (value instanceof Map) return plain(Object.fromEntries(value))
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value.code === 'number' && value.multihash != null) return value.toString()
  if (value.constructor !== Object && typeof value.toString === 'function' &&
      value.toString !== Object.prototype.toString) return value.toString()
  return Object.fromEntries(Object.keys(value).sort().map(key => [key, plain(value[key])]))
}

export async function all (source) {
  const found = []
  for await (const one of source) found.push(one)
  return found
}

export async function bytes (source) {
  return Buffer.concat((await all(source)).map(one => Buffer.from(one)))
}

export async function run (checks) {
  for (const [name, check] of Object.entries(checks)) {
    const told = { name }
    try {
      told.value = plain(await check())
    } catch (fault) {
      told.error = String(fault?.message ?? fault)
    }
    process.stdout.write(JSON.stringify(told) + '\n')
  }
}
