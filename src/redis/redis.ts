import { type Clock, pause } from '../clock.ts'
import { Failure } from '../errors.ts'
import type { Reporter } from '../report.ts'
import { noTracing, type Tracing } from '../tracing/tracing.ts'
import type { RedisClient } from './connect.ts'
import { type Link, openLink } from './link.ts'
import { faultOf } from './refusal.ts'
import { answeredWithin } from './round-trip.ts'
import type { SubscriptionOptions } from './subscription.ts'
import { createToldState, type RedisState } from './told-state.ts'

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
// Work that must not fail waits longer than this for Redis.
const outageMs = 500

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
  const subscribers = new Set<SubscriptionOptions>()
  let leftAt = Number.POSITIVE_INFINITY
  let cameBackAt = Number.NEGATIVE_INFINITY
  let closed = false
  let resolveOpened = (): void => {}
  const opened = new Promise<void>((resolve) => {
    resolveOpened = resolve
    clock.after(openMs, resolve)
  })

  const open = (url: string): Link => {
    const link: Link = openLink({
      url,
      prefix,
      commandMs,
      timeoutMaxMs,
      clock,
      report,
      isUsed: () => link === used,
      onChange: () => changed(link),
    })
    for (const { name, lua } of scripts) link.client.defineCommand(name, { lua })
    for (const one of subscribers) link.subscribe(one)
    return link
  }
  let used = open(options.url)
  /** The link to another address, while it is not ready yet, and why it was not. */
  let next: Link | undefined
  let whyNotUsed = new Set<string>()

  let state = used.state()
  const told = createToldState(clock, state, (now) => {
    const because = 'because' in now ? { because: now.because } : {}
    report({ name: 'redis', event: now.name, ...because })
  })
  const isReady = (): boolean => used.state().name === 'ready'
  const follow = (): void => {
    const wasReady = state.name === 'ready'
    state = used.state()
    if (wasReady && !isReady()) leftAt = clock.now()
    if (!wasReady && isReady() && clock.now() - leftAt >= outageMs) cameBackAt = clock.now()
    told.set(state)
    resolveOpened()
  }
  const retired = new Set<Link>() // their commands in flight may still be answered
  const use = (link: Link): void => {
    const old = used
    old.close(timeoutMaxMs)
    retired.add(old)
    clock.after(timeoutMaxMs, () => void retired.delete(old))
    used = link
    next = undefined
    for (const one of subscribers) {
      one.onLost()
      if (link.isListening(one)) one.onReady()
    }
    follow()
  }
  const useNextIfReady = (): void => {
    if (closed || next?.state().name !== 'ready' || ![...subscribers].every(next.isListening)) return
    use(next)
    report({ name: 'redis', event: 'new-address', because: 'in use' })
  }
  const changed = (link: Link): void => {
    const found = link.state()
    if (link === used) follow()
    else if (found.name === 'ready') useNextIfReady()
    else if (link === next && !whyNotUsed.has(found.because)) {
      whyNotUsed.add(found.because)
      report({ name: 'redis', event: 'new-address', because: found.because })
    }
  }

  const isBlip = (): boolean => {
    const found = used.state()
    return found.name === 'away' && !closed && clock.now() - found.since < blipMs
  }
  const commands = (isTolerant: boolean): Pick<Redis, 'run' | 'script'> => {
    const run: Redis['run'] = async (command) => {
      while (isTolerant && isBlip()) await pause(clock, 25)
      if (!isReady()) throw new Failure('redis.unavailable', { retryAfterMs: 1000 })
      const link = used
      const limitMs = Math.max(link.roundTrip.limitMs(), isTolerant ? tolerantMs : 0)
      try {
        return await answeredWithin(command(link.client), limitMs, clock)
      } catch (error) {
        if (error instanceof Failure) throw error
        const fault = faultOf(error as Error)
        report({ name: 'redis-error', reason: fault.reason })
        // One refused command (a key of another type) leaves Redis in use for what it still does.
        if (fault.reason !== 'refused' && link.state().name === 'ready') link.failed(fault)
        throw new Failure('redis.unavailable', { retryAfterMs: 1000, cause: error })
      }
    }
    const script: Redis['script'] = (name, lua, { dropOnWrongType } = { dropOnWrongType: false }) => {
      scripts.push({ name, lua })
      tracing.scriptDefined(name, lua)
      for (const link of [used, next]) link?.client.defineCommand(name, { lua })
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

  const shared: Omit<Redis, 'run' | 'script' | 'tolerant'> = {
    prefix,
    subscribe: (listening) => {
      subscribers.add(listening)
      for (const link of [used, next]) link?.subscribe(listening)
      return {
        close: () => {
          subscribers.delete(listening)
          for (const link of [used, next]) link?.unsubscribe(listening)
          useNextIfReady()
        },
      }
    },
    replace: (url) => {
      const link = open(url)
      next?.close(0)
      whyNotUsed = new Set()
      if (isReady()) next = link
      else use(link)
    },
    attempt: async (command) =>
      isReady()
        ? answeredWithin(command(used.client), timeoutMaxMs, clock).catch(() => undefined)
        : undefined,
    state: () => (isReady() ? 'ready' : 'away'),
    status: told.status,
    cameBackAt: () => cameBackAt,
    roundTripMs: () => used.roundTrip.medianMs(),
    opened,
    close: () => {
      closed = true
      told.stop()
      for (const link of [used, next, ...retired]) link?.close(0)
    },
  }
  const tolerant: Redis = { ...shared, ...commands(true), tolerant: undefined as never }
  tolerant.tolerant = tolerant
  return { ...shared, ...commands(false), tolerant }
}
