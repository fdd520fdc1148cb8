import type { CallContext, Exchange } from '../chathub/exchange.ts'
import type { Clock } from '../clock.ts'
import { isFailure } from '../errors.ts'
import { verdictOf } from './breaker.ts'

/** `unknown`: nothing has been answered yet. `refused`: ChatHub answers and does not accept the gateway's credential. */
export type ChatHubState = 'unknown' | 'ok' | 'unavailable' | 'refused'
/** Times are ms since 1970. `checkedAt`: the last call whose outcome says something. */
export type ChatHubHealth = { state: ChatHubState; since: number; checkedAt: number | null }

const probeDeadlineMs = 10_000
// A caller who asks for a check cannot make the gateway probe more often than this.
const recentMs = 5000
const recentFailureMs = 1000

/**
 * What is known of ChatHub, from the outcome of every call. When no call was made for `probeMs` (taken at random between
 * 0.75 and 1.5 times), the gateway asks by itself, in the lowest lane. `probeMs` 0: it never does.
 */
export const createHealth = (options: { clock: Clock; probeMs: number }) => {
  const { clock, probeMs } = options
  let health: ChatHubHealth = { state: 'unknown', since: clock.wall(), checkedAt: null }
  let provenAt = Number.NEGATIVE_INFINITY
  let running: Promise<unknown> | undefined
  let cancel = (): void => {}

  const prove = (state: ChatHubState): void => {
    const now = clock.wall()
    health = { state, since: state === health.state ? health.since : now, checkedAt: now }
    provenAt = clock.now()
  }
  /** Asks unless the last proof is recent. All who wait share one probe. */
  const check = async (probe: () => Promise<unknown>): Promise<ChatHubState> => {
    const isRecent = clock.now() - provenAt < (health.state === 'ok' ? recentMs : recentFailureMs)
    if (!isRecent) {
      running ??= probe()
        .catch(() => {})
        .finally(() => (running = undefined))
      await running
    }
    return health.state
  }

  return {
    status: (): ChatHubHealth => health,
    check,
    /** The outermost layer of the way to ChatHub: it sees what callers get. */
    withHealth:
      (exchange: Exchange): Exchange =>
      async (call) => {
        try {
          const reply = await exchange(call)
          prove('ok')
          return reply
        } catch (error) {
          const state = stateAfter(error)
          if (state) prove(state)
          throw error
        }
      },
    /** Probes at once, and then whenever nothing was asked for a while, until `stop`. */
    start: (probe: (context: CallContext) => Promise<unknown>): void => {
      if (probeMs === 0) return
      const wait = (ms: number): void => {
        cancel = clock.after(ms, () => {
          const idleMs = clock.now() - provenAt
          const dueMs = probeMs * (0.75 + Math.random() * 0.75)
          if (idleMs < dueMs) return wait(dueMs - idleMs)
          const deadline = clock.now() + probeDeadlineMs
          void check(() => probe({ lane: 'refreshes', client: 'gateway', deadline }))
          wait(dueMs)
        })
      }
      wait(0)
    },
    stop: (): void => cancel(),
  }
}

/** Undefined: the error says nothing about ChatHub, such as a full queue of our own or a caller that left. */
const stateAfter = (error: unknown): ChatHubState | undefined => {
  if (isFailure(error, 'chathub.credentials')) return 'refused'
  const verdict = verdictOf(error)
  if (verdict === 'unknown') return undefined
  return verdict === 'failed' ? 'unavailable' : 'ok'
}
