import { type Clock, every } from '../clock.ts'
import type { Reporter } from '../report.ts'
import { type Checked, checkCommands, checkServer, prepareChecks } from './check-server.ts'
import { connectRedis, type RedisClient } from './connect.ts'
import { faultOf, isTemporary, type RedisFault } from './refusal.ts'
import { answeredWithin, createRoundTrip, type RoundTrip } from './round-trip.ts'
import { openSubscription, type Subscription, type SubscriptionOptions } from './subscription.ts'
import type { RedisState } from './told-state.ts'

/** The connections to one address, and whether they can be used: the circuit breaker of every command. */
export type Link = {
  client: RedisClient
  roundTrip: RoundTrip
  state(): RedisState
  /** A command failed. */
  failed(fault: RedisFault): void
  subscribe(listening: SubscriptionOptions): void
  unsubscribe(listening: SubscriptionOptions): void
  isListening(listening: SubscriptionOptions): boolean
  /** Nothing is told any more. The connection for commands ends after `ms`, so that those in flight may be answered. */
  close(ms: number): void
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
const toldErrorsMax = 20

/** @throws an error when the URL has a fault */
export const openLink = (options: {
  url: string
  prefix: string
  /** The least and the most time for an answer. */
  commandMs: number
  timeoutMaxMs: number
  clock: Clock
  report: Reporter
  /** Until the link is the one that is used, it reports nothing, and subscribers hear nothing. */
  isUsed(): boolean
  /** The state is another one, or a subscription of a ready link was answered. */
  onChange(): void
}): Link => {
  const { url, prefix, commandMs, timeoutMaxMs, clock, isUsed, onChange } = options
  const client = connectRedis(url, timeoutMaxMs, () => !isClosed)
  prepareChecks(client)
  const roundTrip = createRoundTrip(commandMs, timeoutMaxMs)
  const subscriptions = new Map<SubscriptionOptions, Subscription>()
  let state: RedisState = { name: 'away', since: clock.now(), because: 'not connected yet' }
  let goodProbes = 0
  let badProbes = 0
  let readyAt = Number.NEGATIVE_INFINITY
  let holdMs = refusedMs
  /** False: connected anew, and what the server grants is not known yet. */
  let isChecked = false
  let isChecking = false
  let isClosed = false
  let lastError: string | undefined
  /** The causes of this outage that were reported. They may come in turns. */
  const toldErrors = new Set<string>()
  let mayEvict: string | undefined
  let toldEviction: string | undefined
  let cancelProbe = (): void => {}

  const report: Reporter = (event) => {
    if (isUsed()) options.report(event)
  }
  const changed = (): void => {
    onChange() // from here on the link may be the one that is used
    if (!isUsed() || mayEvict === toldEviction) return
    toldEviction = mayEvict
    if (mayEvict) report({ name: 'redis', event: 'may-evict', because: mayEvict })
  }
  const enter = (next: RedisState): void => {
    cancelProbe()
    state = next
    changed()
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
      if (reason === 'readonly') client.disconnect(true)
    }
    enter({ name: 'refused', until: clock.now() + holdMs, because: text, reason })
    probeAfter(holdMs)
  }
  const failed = (fault: RedisFault): void => {
    if (isClosed) return
    if (isTemporary(fault)) goAway(fault.text)
    else refuse(fault)
  }
  const comeBack = (): void => {
    const refusal = [...subscriptions.values()].map((one) => one.refusal()).find(Boolean)
    if (refusal) failed(refusal)
    else if (state.name !== 'ready') {
      readyAt = clock.now()
      enter({ name: 'ready' })
    }
  }

  /** Asks in the background until Redis answers in time again. Readers do not wait meanwhile. */
  const probe = async (): Promise<void> => {
    const isOver = (): boolean => isClosed || state.name !== 'away'
    const sentAt = clock.now()
    try {
      const fault = await answeredWithin(checkCommands(client, prefix), timeoutMaxMs, clock)
      const ms = clock.now() - sentAt
      if (isOver()) return
      badProbes = 0
      roundTrip.note(ms)
      if (fault) return failed(fault)
      goodProbes = ms > roundTrip.limitMs() ? 0 : goodProbes + 1
      if (goodProbes < goodProbesToReturn) return probeAfter(goodProbes > 0 ? 20 : probeMs)
      if (isChecked) return comeBack()
      void check()
      probeAfter(probeMs)
    } catch {
      if (isOver()) return
      goodProbes = 0
      // A connection may be dead without an error, so a new one is tried.
      if (++badProbes % badProbesToReconnect === 0 && client.status === 'ready') client.disconnect(true)
      probeAfter(probeMs)
    }
  }
  /** A connection that is made anew is checked when it is ready. */
  const checkAgain = (): void => {
    // The connection to a replica stays one to a replica.
    if (state.name === 'refused' && state.reason === 'readonly') client.disconnect(true)
    else if (client.status === 'ready') void check()
  }
  const check = async (): Promise<void> => {
    if (isChecking) return
    isChecking = true
    try {
      const sentAt = clock.now()
      const tripped = client.ping().then(() => roundTrip.note(clock.now() - sentAt))
      const checked = Promise.all([checkServer(client, prefix), tripped.catch(() => {})])
      const [found] = await answeredWithin(checked, timeoutMaxMs, clock)
      void apply(found)
    } catch (error) {
      if (!isClosed) goAway(faultOf(error as Error).text)
    } finally {
      isChecking = false
    }
  }
  const apply = async ({ unsupported, fault, ...found }: Checked): Promise<void> => {
    lastError = undefined
    toldErrors.clear()
    const answers = Promise.all([...subscriptions.values()].map((one) => one.settled()))
    await answeredWithin(answers, subscriptionsMs, clock).catch(() => {})
    if (isClosed || client.status !== 'ready') return
    isChecked = true
    mayEvict = found.mayEvict
    if (unsupported) enter({ name: 'unsupported', because: unsupported })
    else if (fault) failed(fault)
    else comeBack()
  }
  const stopMeasuring = every(clock, measureMs, async () => {
    if (state.name !== 'ready') return
    const sentAt = clock.now()
    const answer = await client.ping().catch(() => undefined)
    if (answer) roundTrip.note(clock.now() - sentAt)
  })

  client.on('ready', () => {
    isChecked = false
    if (!isClosed && (state.name !== 'refused' || clock.now() >= state.until)) void check()
  })
  client.on('error', (error: Error) => {
    if (isClosed) return
    const fault = faultOf(error)
    report({ name: 'redis-error', reason: fault.reason })
    if (!isTemporary(fault)) return refuse(fault)
    lastError = fault.text
    if (!toldErrors.has(fault.text) && toldErrors.size < toldErrorsMax) {
      toldErrors.add(fault.text)
      report({ name: 'redis', event: 'error', because: fault.text })
    }
    if (state.name === 'away' || (state.name === 'refused' && clock.now() >= state.until)) goAway(fault.text)
  })
  client.on('close', () => {
    if (!isClosed && state.name === 'ready') goAway(lastError ?? 'the connection was lost')
  })
  probeAfter(probeMs)
  return {
    client,
    roundTrip,
    state: () => state,
    failed,
    subscribe: (listening) => {
      const subscription: Subscription = openSubscription(url, listening, {
        clock,
        timeoutMaxMs,
        isUsed,
        onAnswer: () => {
          const refusal = subscription.refusal()
          if (refusal && state.name === 'ready') failed(refusal)
          else if (state.name === 'ready') changed()
        },
      })
      subscriptions.set(listening, subscription)
    },
    unsubscribe: (listening) => {
      subscriptions.get(listening)?.close()
      subscriptions.delete(listening)
    },
    isListening: (listening) => subscriptions.get(listening)?.isListening() ?? false,
    close: (ms) => {
      isClosed = true
      cancelProbe()
      stopMeasuring()
      for (const one of subscriptions.values()) one.close()
      if (ms === 0) client.disconnect()
      else clock.after(ms, () => client.disconnect())
    },
  }
}
