import { type Clock, pause } from '../clock.ts'
import { Failure } from '../errors.ts'
import type { RedisErrorReason, Reporter } from '../report.ts'
import { connectRedis, type RedisClient } from './connect.ts'
import { inspectServer } from './inspect-server.ts'
import { createSubscription, type SubscriptionOptions } from './subscription.ts'

/** A Lua script, loaded once and called by its hash. Keys come before arguments. */
export type Script = (keys: string[], ...args: (string | number | Buffer)[]) => Promise<unknown>

/** Every command goes through this one circuit breaker, so a reader waits for a hung Redis at most once. */
export type Redis = {
  /** @throws Failure `redis.unavailable` at once while Redis is away, after `commandMs` without an answer, and when Redis refuses the command */
  run<T>(command: (client: RedisClient) => Promise<T>): Promise<T>
  /** `dropOnWrongType`: for keys that may be lost. If one of them has another type, all are unlinked. */
  script(name: string, lua: string, options?: { dropOnWrongType: boolean }): Script
  /** The same for writes: waits 500 ms for an answer, and up to 1 s for a Redis that has just gone away. */
  tolerant: Redis
  subscribe(listening: SubscriptionOptions): ReturnType<typeof createSubscription>
  /** Connects to another address from now on. */
  replace(url: string): void
  /** Precedes every key. */
  prefix: string
  /** Whether commands are sent now. */
  state(): 'ready' | 'away'
  /** The same for people, with the reason. `unsupported`: the server is too old to be used. */
  status(): { state: State['name']; detail: string | null }
  /** Resolves when the first connection is ready or was refused, after 500 ms at the latest. */
  opened: Promise<void>
  close(): void
}

type State = { name: 'ready' } | { name: 'away'; since: number; because: string } | Unsupported
type Unsupported = { name: 'unsupported'; because: string }

const probeMs = 250
const openMs = 500
// One answer in time may be luck on a slow link. Two in a row end the outage.
const goodProbesToReturn = 2
const badProbesToReconnect = 4
const tolerantMs = 500
const blipMs = 1000

/** `commandMs`: the longest that a reader waits for an answer. */
type Options = { url: string; prefix: string; clock: Clock; report: Reporter; commandMs: number }

export const createRedis = (options: Options): Redis => {
  const { clock, prefix, report, commandMs } = options
  const scripts: { name: string; lua: string }[] = []
  let url = options.url
  let state: State = { name: 'away', since: clock.now(), because: 'not connected yet' }
  let goodProbes = 0
  let badProbes = 0
  let lastError: string | undefined
  let cancelProbe = (): void => {}
  let closed = false
  let resolveOpened = (): void => {}
  const opened = new Promise<void>((resolve) => {
    resolveOpened = resolve
    clock.after(openMs, resolve)
  })

  const open = (): RedisClient => {
    const opening = connectRedis(url, (one) => one === client && !closed)
    let connectedBefore = false
    opening.on('error', (error: Error & { code?: string }) => {
      resolveOpened()
      if (closed) return
      report({ name: 'redis-error', reason: 'connection' })
      // The message never holds the password, only host and reason.
      const because = error.code ?? error.message.slice(0, 80)
      if (because !== lastError) report({ name: 'redis', event: 'error', because })
      lastError = because
    })
    opening.on('ready', async () => {
      const { unsupported, mayEvict } = await inspectServer(opening)
      if (opening !== client) return
      if (unsupported) {
        state = { name: 'unsupported', because: unsupported }
        report({ name: 'redis', event: 'unsupported', because: unsupported })
      } else if (!connectedBefore || state.name === 'unsupported') comeBack()
      if (mayEvict && !connectedBefore) report({ name: 'redis', event: 'may-evict', because: mayEvict })
      connectedBefore = true
      resolveOpened()
    })
    for (const { name, lua } of scripts) opening.defineCommand(name, { lua })
    return opening
  }

  const probeAfter = (ms: number): void => {
    cancelProbe()
    cancelProbe = clock.after(ms, probe)
  }
  const comeBack = (): void => {
    cancelProbe()
    if (state.name === 'ready') return
    state = { name: 'ready' }
    lastError = undefined
    report({ name: 'redis', event: 'ready' })
  }
  const goAway = (because: string): void => {
    if (state.name === 'away') return
    state = { name: 'away', since: clock.now(), because }
    goodProbes = 0
    report({ name: 'redis', event: 'away', because })
    probeAfter(probeMs)
  }
  /** Asks in the background until Redis answers in time again. Readers do not wait meanwhile. */
  const probe = (): void => {
    if (closed || state.name !== 'away') return
    // A write, because Redis may answer reads and delay writes. A refusal is an answer too.
    const write = client.set(`${prefix}{gateway}:probe`, '1', 'PX', 1000).catch((error: Error) => {
      if (reasonOf(error) !== 'refused') throw error
    })
    answeredWithin(write, commandMs, clock).then(
      () => {
        badProbes = 0
        if (++goodProbes < goodProbesToReturn) probeAfter(20)
        else if (state.name === 'away') comeBack()
      },
      () => {
        goodProbes = 0
        // A connection may be dead without an error, so a new one is tried.
        if (++badProbes % badProbesToReconnect === 0 && client.status === 'ready') client.disconnect(true)
        probeAfter(probeMs)
      },
    )
  }
  let client = open()
  probeAfter(probeMs)

  const commands = (isTolerant: boolean): Pick<Redis, 'run' | 'script'> => {
    const limitMs = isTolerant ? Math.max(tolerantMs, commandMs) : commandMs
    const run: Redis['run'] = async (command) => {
      while (isTolerant && state.name === 'away' && !closed && clock.now() - state.since < blipMs)
        await pause(clock, 25)
      if (state.name !== 'ready') throw new Failure('redis.unavailable', { retryAfterMs: 1000 })
      try {
        return await answeredWithin(command(client), limitMs, clock)
      } catch (error) {
        if (error instanceof Failure) throw error
        const reason = reasonOf(error as Error)
        report({ name: 'redis-error', reason })
        // A refusal (full, read-only, wrong type) leaves Redis in use for what it still does.
        if (reason !== 'refused' && state.name === 'ready') goAway((error as Error).message.slice(0, 80))
        throw new Failure('redis.unavailable', { retryAfterMs: 1000, cause: error })
      }
    }
    const script: Redis['script'] = (name, lua, { dropOnWrongType } = { dropOnWrongType: false }) => {
      scripts.push({ name, lua })
      client.defineCommand(name, { lua })
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
    subscribe: (listening) => createSubscription(() => url, listening, clock),
    replace: (next) => {
      url = next
      goAway('another address')
      client.disconnect()
      client = open()
    },
    state: () => (state.name === 'ready' ? 'ready' : 'away'),
    status: () => ({ state: state.name, detail: state.name === 'ready' ? null : state.because }),
    opened,
    close: () => {
      closed = true
      client.disconnect()
    },
  }
  const tolerant: Redis = { ...shared, ...commands(true), tolerant: undefined as never }
  tolerant.tolerant = tolerant
  return { ...shared, ...commands(false), tolerant }
}

/** An answer that has arrived but waits for this process's own work still counts: a busy process must not drop Redis. */
const answeredWithin = <T>(answer: Promise<T>, limitMs: number, clock: Clock): Promise<T> =>
  new Promise((resolve, reject) => {
    const late = new Error('Command timed out')
    const cancel = clock.after(limitMs, () => setImmediate(() => setImmediate(reject, late)))
    answer.then(resolve, reject).finally(cancel)
  })

/** `refused`: Redis works and did not execute this command. Every other reason means that it cannot be used now. */
const reasonOf = (error: Error): RedisErrorReason => {
  if (/^(NOAUTH|WRONGPASS|NOPERM)/.test(error.message)) return 'denied'
  if (/^(LOADING|MASTERDOWN|CLUSTERDOWN)/.test(error.message)) return 'starting'
  if (/timed out/.test(error.message)) return 'timeout'
  return 'command' in error && /^[A-Z]+ /.test(error.message) ? 'refused' : 'connection'
}
