import { type Ledger, prefix } from './ledger.ts'

// Texts of the lengths that the gateway sends.
export const ms = '1790000000000'
export const epoch = '1790000000000000'
const instanceId = 'a1b2c3d4e5f6'
const cacheOwner = 'AbCdEfGhIjKl'
const staleMs = 3_600_000

/** Scripts of src/cache and src/throttle, as `instances` live ones call them. */
export const createCacheSteps = (ledger: Ledger, instances: number, requestsPerSecond: number) => {
  const registry = ['members', 'peak', 'confirmed', 'invalidations', 'counter', 'joined', 'data-since'].map(
    (name) => `{gateway}:${name}`,
  )
  const ids = Array.from({ length: instances }, () => instanceId)
  const keysOf = (list: number): string[] =>
    ['copy', 'epoch', 'claim'].map((what) => `list:{operators:${list}}:${what}`)
  let messages = 1000
  return {
    /** `kept`: the copy that Redis has. `found`: it answers with it. */
    read: (list: number, kept: Buffer | undefined, found: boolean, claims: boolean, youngMs: number): void =>
      ledger.script('cacheRead', {
        keys: keysOf(list),
        args: [cacheOwner, 'ahead', 2000, youngMs, youngMs > 60_000 ? 'any' : 'young'],
        reply: [epoch, ms, found && kept ? Buffer.concat([head, kept]) : null, Number(claims)],
        inside: 4 + Number(kept !== undefined) + Number(claims) + Number(found),
      }),
    fill: (list: number, bytes: Buffer): void =>
      ledger.script('cacheFill', {
        keys: keysOf(list),
        args: [epoch, ms, staleMs, bytes, cacheOwner],
        reply: 1,
        inside: 4,
      }),
    /** A list that was written: a new epoch, then every other instance confirms that it forgot the older one. */
    commit: (list: number, bytes: Buffer): void => {
      ledger.script('cacheBump', {
        keys: keysOf(list),
        args: [epoch, ms, staleMs, bytes],
        reply: [epoch, 1, ms],
        inside: 4,
      })
      const [channel, message] = [`${prefix}{gateway}:invalidation`, `old operators:${list}`]
      const number = ++messages
      ledger.script('coherenceAnnounce', {
        keys: registry,
        args: [instanceId, message, channel],
        reply: [number, 12_345, ids],
        inside: 18,
      })
      ledger.pushed(channel, `${number} ${instanceId} ${message}`, instances)
      const [own, confirmation] = [`${prefix}{gateway}:confirm:${instanceId}`, `${number} ${instanceId}`]
      for (let other = 1; other < instances; other++) {
        ledger.command('publish', ['publish', own, confirmation], 1)
        ledger.pushed(own, confirmation, 1)
      }
    },
    /** A slot of the budget. The script looks at every instance. */
    slot: (budgetClass: 'urgent' | 'background'): void => {
      const keys = ['ring', 'background', 'pause', 'slow'].map((name) => `{gateway}:budget:${name}`)
      ledger.script('budgetTake', {
        keys: [...keys, ...['members', 'joined', 'peak', 'data-since'].map((name) => `{gateway}:${name}`)],
        args: [requestsPerSecond, budgetClass, instances, 40],
        reply: [Number(ms), 0, requestsPerSecond],
        inside: 13 + instances + (budgetClass === 'background' ? 3 : 0),
      })
    },
    /** For a second at one instance. */
    rest: (seconds: number): void => {
      ledger.script(
        'coherenceHeartbeat',
        {
          keys: registry,
          args: [instanceId, messages, ms],
          reply: [Number(ms), 1, messages, instances, []],
          inside: 18,
        },
        2 * seconds,
      )
    },
    /** Read rates for the other instances, every 15 seconds: each instance gets those of all others. */
    exchange: (lists: readonly number[], ofOthers: readonly (readonly number[])[], seconds: number): void => {
      const textOf = (read: readonly number[]): string =>
        JSON.stringify([
          ['organizations', 1.234, 12],
          ...read.map((list) => [`operators:${list}`, 1.234, 12]),
        ])
      ledger.script(
        'refreshRates',
        {
          keys: ['refresh:rates'],
          args: [instanceId, textOf(lists)],
          reply: ofOthers.map(textOf),
          inside: 4,
        },
        seconds / 15,
      )
    },
  }
}

const head = Buffer.from(`1 ${epoch} ${ms}\n`)
