import { setTimeout as sleep } from 'node:timers/promises'
import type { Fleet, Slot } from './fleet.ts'

/** What a process holds after a garbage collection. */
export type Held = {
  heapMiB: number
  /** The heap without the code that V8 made. It compiles on for as long as there is load. */
  dataMiB: number
  externalMiB: number
  rssMiB: number
  handles: number
  resources: Record<string, number>
  cpuSeconds: number
}
/** Under load, with the seconds since the start and the requests that the instance had not answered. */
export type Sample = Held & { at: number; open: number }
type Keys = { keys: number; keysForEver: number; families: Record<string, number> }
/** While nothing is under way. */
export type Rest = Held & Keys
const MiB = 1024 * 1024

/** What the process at this place holds after a garbage collection. Undefined: it ended meanwhile. */
export const probe = async ({ running }: Slot): Promise<Held | undefined> => {
  const probes = () => running.lines().filter(({ msg }) => msg === 'probe')
  const before = probes().length
  running.signal('SIGWINCH')
  for (let tries = 0; tries < 100; tries++) {
    await sleep(100)
    const said = probes()[before] as Record<string, number> & { resources: Record<string, number> }
    if (!said) continue
    const { heapUsed = 0, code = 0, external = 0, rss = 0, cpuSeconds = 0, resources } = said
    const handles = Object.values(resources).reduce((sum, count) => sum + count, 0)
    return {
      heapMiB: heapUsed / MiB,
      dataMiB: (heapUsed - code) / MiB,
      externalMiB: external / MiB,
      rssMiB: rss / MiB,
      handles,
      resources,
      cpuSeconds,
    }
  }
  return undefined
}

/** Records that are kept for a day, a week or a month. */
const kept =
  /:(idempotency:|token:|session:|ticket:|assignment:\{\d+\}:chat|journal:\{\d+\}:operation:|audit:\{\d+\}:step)/

/** Removes the records that would end by themselves, but no open operation, and counts what is left in Redis. */
export const keysOf = async (fleet: Fleet): Promise<Keys> => {
  const client = fleet.redis.client()
  // A member begins with the id of its operation.
  const members = await client.zrange('chathub:journal:{kept}:open', '0', '-1')
  const open = new Set(members.map((member) => member.split(' ')[0]))
  const families: Record<string, number> = {}
  let [keys, keysForEver] = [0, 0]
  for (const key of await client.keys('*')) {
    const ttl = await client.pttl(key)
    const isOpen = open.has(key.split(':operation:')[1]?.split(':')[0] ?? '')
    if (kept.test(key) && ttl !== -1 && !isOpen) await client.unlink(key)
    else {
      const parts = key
        .replace(/\{[^}]*\}/g, '{…}')
        .split(':')
        .slice(0, 4)
      const family = parts.map((part) => (/^[\w-]{20,}$|^soak/.test(part) ? '…' : part)).join(':')
      families[family] = (families[family] ?? 0) + 1
      keys++
      if (ttl === -1) keysForEver++
    }
  }
  return { keys, keysForEver, families }
}
