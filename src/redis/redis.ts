import { type Clock, pause } from '../clock.ts'
import { Failure } from '../errors.ts'
import type { Reporter } from '../report.ts'
import { commandMs, connectRedis, type RedisClient } from './connect.ts'
import { createSubscription, type Subscription, type SubscriptionOptions } from './subscription.ts'

/** A Lua script, loaded once and called by its hash. Keys come before arguments. */
export type Script = (keys: string[], ...args: (string | number | Buffer)[]) => Promise<unknown>

/** The one way to Redis: every command goes through one breaker, so no reader pays for a hung Redis more than once. */
export type Redis = {
  /** @throws Failure `redis.unavailable` at once while Redis is away, after 50 ms when it hangs, and when it refuses the command */
  run<T>(command: (client: RedisClient) => Promise<T>): Promise<T>
  /** `dropOnWrongType`: its keys may be lost at any time; one of another type has them all unlinked, so that they heal. */
  script(name: string, lua: string, options?: { dropOnWrongType: boolean }): Script
  /** The same for writes, which have seconds where a reader has milliseconds: waits half a second, and sits a blip out. */
  tolerant: Redis
  /** A connection of its own that listens to channels, again after each reconnect. */
  subscribe(listening: SubscriptionOptions): { close(): void }
  /** Another address from now on: the secret that holds it has changed. */
  replace(url: string): void
  /** Put before every key. */
  prefix: string
  state(): 'ready' | 'away'
  /** Resolves when the first connection is up, was refused, or has taken half a second. */
  opened: Promise<void>
  close(): void
}

const probeMs = 250
const openMs = 500
// One good answer may be luck on a slow link; two in a row end the pause.
const goodProbes = 2
const badProbes = 4
const patientMs = 500
const blipMs = 1000

export const createRedis = (options: {
  url: string
  prefix: string
  clock: Clock
  report: Reporter
}): Redis => {
  const { clock, report } = options
  const scripts: { name: string; lua: string }[] = []
  const subscriptions = new Set<Subscription>()
  let url = options.url
  let away = true // until the first connection is up
  let awaySince = clock.now()
  let good = 0
  let bad = 0
  let lastErrorAt = Number.NEGATIVE_INFINITY
  let closed = false
  let tellOpened = (): void => {}
  const opened = new Promise<void>((resolve) => {
    tellOpened = resolve
    clock.after(openMs, resolve)
  })

  const open = (): RedisClient => {
    const made = connectRedis(url, (one) => one === client && !closed)
    made.on('error', (error: Error) => {
      tellOpened()
      // Once in 10 s is enough to read; the message never holds the password, only host and reason.
      if (clock.now() - lastErrorAt < 10_000) return
      lastErrorAt = clock.now()
      const because = (error as { code?: string }).code ?? error.message.slice(0, 80)
      report({ name: 'redis', event: 'error', because })
    })
    made.once('ready', () => {
      good = goodProbes
      comeBack()
      tellOpened()
      void warnOfEviction(made, report)
    })
    for (const { name, lua } of scripts) made.defineCommand(name, { lua })
    return made
  }

  const comeBack = (): void => {
    if (!away) return
    away = false
    report({ name: 'redis', event: 'ready' })
  }
  /** Asks in the background until Redis answers in time again; readers do not wait meanwhile. */
  const probe = (): void => {
    if (closed || !away) return
    // A write: Redis may answer reads and keep writes waiting. One that it refuses is answered too.
    const write = client.set(`${options.prefix}{gateway}:probe`, '1', 'PX', 1000).catch((error: Error) => {
      if (meansAway(error)) throw error
    })
    answeredIn(write, commandMs, clock).then(
      () => {
        bad = 0
        good++
        if (good >= goodProbes) comeBack()
        else clock.after(20, probe)
      },
      () => {
        good = 0
        // A connection that is up but answers nothing may be dead without knowing: a new one will.
        if (++bad % badProbes === 0 && client.status === 'ready') client.disconnect(true)
        clock.after(probeMs, probe)
      },
    )
  }
  const goAway = (because: string): void => {
    if (away) return
    away = true
    awaySince = clock.now()
    good = 0
    report({ name: 'redis', event: 'away', because })
    clock.after(probeMs, probe)
  }
  let client = open()
  clock.after(probeMs, probe)

  /** A Redis that went away a moment ago is often back in the next. */
  const waitOutBlip = async (): Promise<void> => {
    while (away && !closed && clock.now() - awaySince < blipMs) await pause(clock, 25)
  }
  const access = (tolerant: boolean): Pick<Redis, 'run' | 'script'> => {
    const run: Redis['run'] = async (command) => {
      if (away && tolerant) await waitOutBlip()
      if (away) throw new Failure('redis.unavailable', { retryAfterMs: 1000 })
      try {
        return await answeredIn(command(client), tolerant ? patientMs : commandMs, clock)
      } catch (error) {
        if (error instanceof Failure) throw error
        if (meansAway(error as Error)) goAway((error as Error).message.slice(0, 80))
        // Redis's own refusals (full, read-only, wrong type) leave it in use for what still works.
        throw new Failure('redis.unavailable', { retryAfterMs: 1000, cause: error })
      }
    }
    const script: Redis['script'] = (name, lua, { dropOnWrongType } = { dropOnWrongType: false }) => {
      scripts.push({ name, lua })
      client.defineCommand(name, { lua })
      type Commands = Record<string, (count: number, ...rest: unknown[]) => Promise<unknown>>
      return async (keys, ...args) => {
        const full = keys.map((key) => options.prefix + key)
        try {
          return await run((now) =>
            (now as unknown as Commands)[`${name}Buffer`]!(full.length, ...full, ...args),
          )
        } catch (error) {
          if (dropOnWrongType && String((error as Failure).cause).includes('WRONGTYPE'))
            await run((now) => now.unlink(...full)).catch(() => {})
          throw error
        }
      }
    }
    return { run, script }
  }

  const shared: Omit<Redis, 'run' | 'script' | 'tolerant'> = {
    prefix: options.prefix,
    subscribe: (listening) => {
      const subscription = createSubscription(() => url, listening, clock)
      subscriptions.add(subscription)
      return {
        close: () => {
          subscriptions.delete(subscription)
          subscription.close()
        },
      }
    },
    replace: (next) => {
      url = next
      goAway('another address')
      client.disconnect()
      client = open()
      for (const subscription of subscriptions) subscription.restart()
    },
    state: () => (away ? ('away' as const) : ('ready' as const)),
    opened,
    close: () => {
      closed = true
      client.disconnect()
    },
  }
  const tolerant: Redis = { ...shared, ...access(true), tolerant: undefined as never }
  tolerant.tolerant = tolerant
  return { ...shared, ...access(false), tolerant }
}

/**
 * The answer, or an error after the time limit. An answer that is here already but waits behind this process's own work
 * counts: a busy instance must not take Redis for dead.
 */
const answeredIn = <T>(answer: Promise<T>, limitMs: number, clock: Clock): Promise<T> =>
  new Promise((resolve, reject) => {
    const late = (): void => reject(new Error('Command timed out'))
    const cancel = clock.after(limitMs, () => setImmediate(() => setImmediate(late)))
    answer.then(resolve, reject).finally(cancel)
  })

/** A Redis that may evict keys loses the memory of writes; who runs it should know. CONFIG may be forbidden: then silence. */
const warnOfEviction = async (client: RedisClient, report: Reporter): Promise<void> => {
  try {
    const [, policy] = (await client.config('GET', 'maxmemory-policy')) as string[]
    const [, memory] = (await client.config('GET', 'maxmemory')) as string[]
    if (policy !== 'noeviction' && memory !== '0')
      report({ name: 'redis', event: 'may-evict', because: policy })
  } catch {
    // Nothing is known, so nothing is said.
  }
}

/** Errors of the connection; errors that Redis itself answers (WRONGTYPE, OOM, READONLY) are not. */
const meansAway = (error: Error): boolean =>
  !('command' in error && /^[A-Z]+ /.test(error.message)) ||
  /^(LOADING|MASTERDOWN|CLUSTERDOWN|NOAUTH|WRONGPASS|NOPERM)/.test(error.message)
