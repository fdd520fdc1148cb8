import { type Clock, every } from '../clock.ts'
import type { Reporter } from '../report.ts'
import { type Checked, checkCommands } from './check-server.ts'
import { answeredWithin, type Connection, type ConnectionEvents } from './connection.ts'
import { isTemporary, type RedisFault } from './refusal.ts'
import type { RoundTrip } from './round-trip.ts'
import type { Subscription } from './subscription.ts'
import { createToldState, type RedisState } from './told-state.ts'

/** Whether Redis can be used: the circuit breaker of every command. */
export type Availability = {
  /** What holds now. */
  current(): RedisState
  /** What people are told. */
  status(): { state: RedisState['name']; detail: string | null }
  /** When Redis last came back after half a second or longer (monotonic ms). Minus infinity: it was there all the time. */
  cameBackAt(): number
  /** A command or a subscription failed. */
  failed(fault: RedisFault): void
  /** Of the connection that is used. */
  events: ConnectionEvents
  stop(): void
}

const probeMs = 250
// One answer in time may be luck on a slow link. Two in a row end the outage.
const goodProbesToReturn = 2
const badProbesToReconnect = 3
const measureMs = 1000
const subscriptionsMs = 500
// The server that refused is checked after this time. It doubles while the work is refused what the check is granted.
const refusedMs = 1000
const refusedMaxMs = 30_000
const steadyMs = 10_000
// Work that must not fail waits longer than this for Redis.
const outageMs = 500

export const createAvailability = (options: {
  connection(): Connection
  subscriptions: Set<Subscription>
  roundTrip: RoundTrip
  prefix: string
  timeoutMaxMs: number
  clock: Clock
  report: Reporter
  /** The first connection is ready, or was refused. */
  onOpened(): void
}): Availability => {
  const { connection, subscriptions, roundTrip, prefix, timeoutMaxMs, clock, report, onOpened } = options
  let state: RedisState = { name: 'away', since: clock.now(), because: 'not connected yet' }
  const told = createToldState(clock, state, (next) => {
    const because = 'because' in next ? { because: next.because } : {}
    report({ name: 'redis', event: next.name, ...because })
  })
  let goodProbes = 0
  let badProbes = 0
  let readyAt = Number.NEGATIVE_INFINITY
  let leftAt = Number.POSITIVE_INFINITY
  let cameBackAt = Number.NEGATIVE_INFINITY
  let holdMs = refusedMs
  /** False: connected anew, and what the server grants is not known yet. */
  let isChecked = false
  let lastError: string | undefined
  let lastEviction: string | undefined
  let cancelProbe = (): void => {}

  const enter = (next: RedisState): void => {
    cancelProbe()
    if (state.name === 'ready' && next.name !== 'ready') leftAt = clock.now()
    state = next
    told.set(next)
  }
  const probeAfter = (ms: number): void => {
    cancelProbe()
    cancelProbe = clock.after(ms, () => void (state.name === 'away' ? probe() : checkAgain()))
  }
  const goAway = (because: string): void => {
    if (state.name !== 'away') goodProbes = 0
    enter({ name: 'away', since: state.name === 'away' ? state.since : clock.now(), because })
    probeAfter(probeMs)
  }
  const refuse = ({ reason, text }: RedisFault): void => {
    if (state.name === 'ready') {
      holdMs = clock.now() - readyAt < steadyMs ? Math.min(2 * holdMs, refusedMaxMs) : refusedMs
      // After a failover the same name may lead to the new master.
      if (reason === 'readonly') connection().client.disconnect(true)
    }
    enter({ name: 'refused', until: clock.now() + holdMs, because: text, reason })
    probeAfter(holdMs)
  }
  const failed = (fault: RedisFault): void => (isTemporary(fault) ? goAway(fault.text) : refuse(fault))
  const comeBack = (): void => {
    const refusal = [...subscriptions].map((one) => one.refusal()).find(Boolean)
    if (refusal) failed(refusal)
    else if (state.name !== 'ready') {
      readyAt = clock.now()
      if (readyAt - leftAt >= outageMs) cameBackAt = readyAt
      enter({ name: 'ready' })
    }
  }

  /** Asks in the background until Redis answers in time again. Readers do not wait meanwhile. */
  const probe = async (): Promise<void> => {
    const { client } = connection()
    const isOutdated = (): boolean => client !== connection().client || state.name !== 'away'
    const sentAt = clock.now()
    try {
      const fault = await answeredWithin(checkCommands(client, prefix), timeoutMaxMs, clock)
      const ms = clock.now() - sentAt
      if (isOutdated()) return
      badProbes = 0
      roundTrip.note(ms)
      if (fault) return failed(fault)
      goodProbes = ms > roundTrip.limitMs() ? 0 : goodProbes + 1
      if (goodProbes < goodProbesToReturn) return probeAfter(goodProbes > 0 ? 20 : probeMs)
      if (isChecked) return comeBack()
      connection().check()
      probeAfter(probeMs)
    } catch {
      if (isOutdated()) return
      goodProbes = 0
      // A connection may be dead without an error, so a new one is tried.
      if (++badProbes % badProbesToReconnect === 0 && client.status === 'ready') client.disconnect(true)
      probeAfter(probeMs)
    }
  }
  /** A connection that is made anew is checked when it is ready. */
  const checkAgain = (): void => {
    const { client, check } = connection()
    // The connection to a replica stays one to a replica.
    if (state.name === 'refused' && state.reason === 'readonly') client.disconnect(true)
    else if (client.status === 'ready') check()
  }
  const stopMeasuring = every(clock, measureMs, async () => {
    if (state.name !== 'ready') return
    const { client } = connection()
    const sentAt = clock.now()
    const answer = await client.ping().catch(() => undefined)
    if (answer && client === connection().client) roundTrip.note(clock.now() - sentAt)
  })

  const apply = ({ unsupported, fault, mayEvict }: Checked): void => {
    if (mayEvict && mayEvict !== lastEviction)
      report({ name: 'redis', event: 'may-evict', because: mayEvict })
    lastEviction = mayEvict
    isChecked = true
    if (unsupported) enter({ name: 'unsupported', because: unsupported })
    else if (fault) failed(fault)
    else comeBack()
    onOpened()
  }
  const events: ConnectionEvents = {
    ready: () => {
      isChecked = false
      if (state.name !== 'refused' || clock.now() >= state.until) connection().check()
    },
    checked: async (found, roundTripMs) => {
      lastError = undefined
      roundTrip.note(roundTripMs)
      const { client } = connection()
      const answers = Promise.all([...subscriptions].map((one) => one.settled()))
      await answeredWithin(answers, subscriptionsMs, clock).catch(() => {})
      if (client === connection().client && client.status === 'ready') apply(found)
    },
    unanswered: ({ text }) => goAway(text),
    error: (fault) => {
      onOpened()
      report({ name: 'redis-error', reason: fault.reason })
      if (!isTemporary(fault)) return refuse(fault)
      if (fault.text !== lastError) report({ name: 'redis', event: 'error', because: fault.text })
      lastError = fault.text
      if (state.name === 'away' || (state.name === 'refused' && clock.now() >= state.until))
        goAway(fault.text)
    },
    lost: () => {
      if (state.name === 'ready') goAway(lastError ?? 'the connection was lost')
    },
  }
  probeAfter(probeMs)
  return {
    current: () => state,
    status: told.status,
    cameBackAt: () => cameBackAt,
    failed,
    events,
    stop: () => {
      cancelProbe()
      stopMeasuring()
      told.stop()
    },
  }
}
