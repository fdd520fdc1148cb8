import { type Clock, pause } from '../clock.ts'
import { Failure } from '../errors.ts'
import type { Reporter } from '../report.ts'
import { noTracing, type Tracing } from '../tracing/tracing.ts'
import { createAvailability } from './availability.ts'
import type { RedisClient } from './connect.ts'
import { answeredWithin, type Connection, openConnection } from './connection.ts'
import { faultOf } from './refusal.ts'
import { createReplacement } from './replacement.ts'
import { createRoundTrip } from './round-trip.ts'
import { createSubscription, type Subscription, type SubscriptionOptions } from './subscription.ts'
import type { RedisState } from './told-state.ts'

/** A Lua script, loaded once and called by its hash. Keys come before arguments. */
type Script = (keys: string[], ...args: (string | number | Buffer)[]) => Promise<unknown>

/** Every command goes through this one circuit breaker, so a reader waits for a hung Redis at most once. */
export type Redis = {
  /**
   * @throws Failure `redis.unavailable` at once while Redis is away or refuses the work, and when it refuses the command
   * or does not answer within four round trips. At least `commandMs` are allowed, and at most `timeoutMaxMs`.
   */
  run<T>(command: (client: RedisClient) => Promise<T>): Promise<T>
  /** The same for what tells nothing about Redis: undefined while it is away, refuses the command or is late. */
  attempt<T>(command: (client: RedisClient) => Promise<T>): Promise<T | undefined>
  /** `dropOnWrongType`: for keys that may be lost. If one of them has another type, all are unlinked. */
  script(name: string, lua: string, options?: { dropOnWrongType: boolean }): Script
  /** The same for writes: allows 500 ms at least, and waits up to 1 s for a Redis that has just gone away. */
  tolerant: Redis
  subscribe(listening: SubscriptionOptions): { close(): void }
  /** Connects to another address, and uses it once its server and all subscriptions are ready. */
  replace(url: string): void
  /** Precedes every key. */
  prefix: string
  /** Whether commands are sent now. */
  state(): 'ready' | 'away'
  /** The same for people, with the reason. `refused`: the server answers, and refuses what the work needs. */
  status(): { state: RedisState['name']; detail: string | null }
  /** When Redis last came back after half a second or longer (monotonic ms). Minus infinity: it was there all the time. */
  cameBackAt(): number
  /** The measured round trip, ms. */
  roundTripMs(): number
  /** Resolves when the first connection is ready or was refused, after 500 ms at the latest. */
  opened: Promise<void>
  close(): void
}

const openMs = 500
const tolerantMs = 500
const blipMs = 1000

type Options = {
  url: string
  prefix: string
  clock: Clock
  report: Reporter
  /** The least time that a reader allows for an answer, ms. */
  commandMs: number
  /** The most time, ms. */
  timeoutMaxMs?: number | undefined
  tracing?: Tracing
}

export const createRedis = (options: Options): Redis => {
  const { clock, prefix, report, commandMs, timeoutMaxMs = 1000, tracing = noTracing } = options
  const scripts: { name: string; lua: string }[] = []
  const subscriptions = new Set<Subscription>()
  const roundTrip = createRoundTrip(commandMs, timeoutMaxMs)
  const retired = new Set<Connection>()
  let url = options.url
  let replacement: ReturnType<typeof createReplacement> | undefined
  let closed = false
  let resolveOpened = (): void => {}
  const opened = new Promise<void>((resolve) => {
    resolveOpened = resolve
    clock.after(openMs, resolve)
  })

  const open = (address: string): Connection => {
    const opening: Connection = openConnection(address, { prefix, clock, timeoutMaxMs }, () => {
      if (opening === connection) return availability.events
      return opening === candidate ? replacement?.events : undefined
    })
    for (const { name, lua } of scripts) opening.client.defineCommand(name, { lua })
    return opening
  }
  let candidate: Connection | undefined
  let connection = open(url)
  const availability = createAvailability({
    connection: () => connection,
    ...{ subscriptions, roundTrip, prefix, timeoutMaxMs, clock, report },
    onOpened: resolveOpened,
  })
  const use = (next: Connection, address: string): void => {
    const old = connection
    connection = next
    url = address
    candidate = undefined
    replacement = undefined
    roundTrip.forget()
    for (const subscription of subscriptions) subscription.move(address)
    // Commands that are in flight may still be answered.
    retired.add(old)
    clock.after(timeoutMaxMs, () => {
      old.close()
      retired.delete(old)
    })
  }
  const replace: Redis['replace'] = (address) => {
    replacement?.abandon()
    const next = open(address)
    if (availability.current().name !== 'ready') {
      use(next, address)
      return availability.failed({ reason: 'connection', text: 'another address' })
    }
    candidate = next
    replacement = createReplacement({
      ...{ connection: next, url: address, subscriptions, clock, report },
      use: ({ found, roundTripMs }) => {
        use(next, address)
        availability.events.checked(found, roundTripMs)
        report({ name: 'redis', event: 'new-address', because: 'in use' })
      },
    })
  }

  const isBlip = (): boolean => {
    const state = availability.current()
    return state.name === 'away' && !closed && clock.now() - state.since < blipMs
  }
  const commands = (isTolerant: boolean): Pick<Redis, 'run' | 'script'> => {
    const run: Redis['run'] = async (command) => {
      while (isTolerant && isBlip()) await pause(clock, 25)
      if (availability.current().name !== 'ready')
        throw new Failure('redis.unavailable', { retryAfterMs: 1000 })
      const { client } = connection
      const limitMs = Math.max(roundTrip.limitMs(), isTolerant ? tolerantMs : 0)
      try {
        return await answeredWithin(command(client), limitMs, clock)
      } catch (error) {
        if (error instanceof Failure) throw error
        const fault = faultOf(error as Error)
        report({ name: 'redis-error', reason: fault.reason })
        // One refused command (a key of another type) leaves Redis in use for what it still does.
        const isOutdated = client !== connection.client || availability.current().name !== 'ready'
        if (fault.reason !== 'refused' && !isOutdated) availability.failed(fault)
        throw new Failure('redis.unavailable', { retryAfterMs: 1000, cause: error })
      }
    }
    const script: Redis['script'] = (name, lua, { dropOnWrongType } = { dropOnWrongType: false }) => {
      scripts.push({ name, lua })
      tracing.scriptDefined(name, lua)
      for (const one of [connection, candidate]) one?.client.defineCommand(name, { lua })
      type Defined = Record<string, (count: number, ...rest: unknown[]) => Promise<unknown>>
      return async (keys, ...args) => {
        const all = keys.map((key) => prefix + key)
        try {
          return await run((now) =>
            (now as unknown as Defined)[`${name}Buffer`]!(all.length, ...all, ...args),
          )
        } catch (error) {
          if (dropOnWrongType && String((error as Failure).cause).includes('WRONGTYPE'))
            await run((now) => now.unlink(...all)).catch(() => {})
          throw error
        }
      }
    }
    return { run, script }
  }

  const subscribe: Redis['subscribe'] = (listening) => {
    const onChange = (): void => {
      const refusal = subscription.refusal()
      if (refusal && availability.current().name === 'ready') availability.failed(refusal)
    }
    const subscription = createSubscription(url, listening, { clock, timeoutMaxMs, onChange })
    subscriptions.add(subscription)
    return {
      close: () => {
        subscriptions.delete(subscription)
        subscription.close()
        replacement?.answered()
      },
    }
  }
  const shared: Omit<Redis, 'run' | 'script' | 'tolerant'> = {
    prefix,
    subscribe,
    replace,
    attempt: (command) =>
      availability.current().name === 'ready'
        ? answeredWithin(command(connection.client), timeoutMaxMs, clock).catch(() => undefined)
        : Promise.resolve(undefined),
    state: () => (availability.current().name === 'ready' ? 'ready' : 'away'),
    status: availability.status,
    cameBackAt: availability.cameBackAt,
    roundTripMs: roundTrip.medianMs,
    opened,
    close: () => {
      closed = true
      availability.stop()
      replacement?.abandon()
      for (const one of [connection, ...retired, ...subscriptions]) one.close()
    },
  }
  const tolerant: Redis = { ...shared, ...commands(true), tolerant: undefined as never }
  tolerant.tolerant = tolerant
  return { ...shared, ...commands(false), tolerant }
}
