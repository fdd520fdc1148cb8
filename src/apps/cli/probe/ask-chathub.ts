import { type ChatHub, createChatHub } from '../../../chathub/client.ts'
import { type CallContext, createExchange, type Exchange } from '../../../chathub/exchange.ts'
import { createLogin } from '../../../chathub/login.ts'
import { Refused } from '../../../chathub/refused.ts'
import { type Clock, pause, systemClock } from '../../../clock.ts'
import type { Config } from '../../../config.ts'
import { isFailure } from '../../../errors.ts'
import { proxyFor } from '../../../outbound.ts'
import { createLocalBudget, firstAskMs } from '../../../throttle/budget.ts'
import { createPriorityQueue } from '../../../throttle/priority-queue.ts'
import { withRateLimit } from '../../../throttle/rate-limit.ts'

/** What ChatHub answered. `value`: as the gateway reads it; undefined where it was refused or cannot be used. */
export type Answered<T> = { value?: T; status: number; body: string }

/** ChatHub as it is: every call goes out once, within the budget, and its answer is kept as it came. */
export type AskChatHub = {
  /** One call at a time. @throws Failure when there is no answer */
  ask<T>(call: (chathub: ChatHub, context: CallContext) => Promise<T>): Promise<Answered<T>>
  /** Sends a call and breaks the connection before its answer can be read. */
  lose(call: (chathub: ChatHub, context: CallContext) => Promise<unknown>): Promise<void>
  /** Gets a token by the login of the settings, and uses it from now on. Undefined: there is no login. */
  logIn(): Promise<Answered<unknown> | undefined>
  /** The same call with a credential that does not exist. */
  askAsStranger: AskChatHub['ask']
  /** Calls as fast as the budget allows. Gives how many of all calls so far ChatHub answered with 429. */
  burst(count: number): Promise<number>
  /** From now on calls are not stopped by Ctrl-C. */
  letFinish(): void
  wait(ms: number): Promise<void>
  now(): number
  close(): Promise<void>
}

const callMaxMs = 120_000
/** A request of the probe is one packet; its answer takes longer. */
const loseAfterMs = 5

/** `stop`: ends every call that waits or runs. */
export const createAskChatHub = (
  config: Config,
  stop: AbortSignal,
  clock: Clock = systemClock,
): AskChatHub => {
  const origin = config.chathubUrl
  const http = createExchange({ ...config, origin, proxy: proxyFor(origin, config), clock, report: () => {} })
  const budget = createLocalBudget({
    requestsPerSecond: () => config.requestsPerSecond,
    clock,
    opensAt: firstAskMs,
  })
  const queue = createPriorityQueue({ budget, queueMax: 100, answerMs: 500, clock, report: () => {} })
  let token = config.companyToken?.reveal()
  let last: { status: number; body: string } | undefined
  let throttled = 0
  let signal = stop

  const recorded =
    (exchange: Exchange): Exchange =>
    async (call) => {
      last = undefined
      try {
        const reply = await exchange({ ...call, ...(token !== undefined && { token }) })
        last = { status: reply.status, body: reply.body.toString() }
        return reply
      } catch (error) {
        if (isFailure(error) && error.cause instanceof Refused)
          last = { status: error.cause.status, body: '' }
        if (last?.status === 429) throttled++
        throw error
      }
    }
  const limited = (exchange: Exchange): Exchange => recorded(withRateLimit(exchange, queue, () => {}))
  const plain = limited(http.exchange)
  const contextOf = (more: { signal: AbortSignal }): CallContext => ({
    lane: 'people',
    client: 'probe',
    deadline: clock.now() + callMaxMs,
    ...more,
  })
  const answered = async <T>(call: Promise<T>): Promise<Answered<T>> => {
    try {
      const value = await call
      return { value, ...(last as NonNullable<typeof last>) }
    } catch (error) {
      if (!last || !isFailure(error)) throw error
      return last
    }
  }
  const chathub = createChatHub(plain, () => {})
  const ask: AskChatHub['ask'] = (call) => answered(call(chathub, contextOf({ signal })))

  return {
    ask,
    askAsStranger: async (call) => {
      const own = token
      token = 'probe-this-token-does-not-exist'
      return ask(call).finally(() => (token = own))
    },
    lose: async (call) => {
      const left = new AbortController()
      const broken = limited((sent) => {
        const maySend = (): boolean => {
          const may = sent.maySend?.() ?? true
          if (may) clock.after(loseAfterMs, () => left.abort())
          return may
        }
        return http.exchange({ ...sent, maySend })
      })
      await call(
        createChatHub(broken, () => {}),
        contextOf({ signal: left.signal }),
      ).catch((error) => {
        if (!isFailure(error)) throw error
      })
    },
    logIn: async () => {
      if (!config.login) return undefined
      const credentials = { token: undefined, login: config.login, password: config.password }
      const login = createLogin({ credentials: () => credentials, clock, report: () => {} })
      const found = await answered(login(plain, contextOf({ signal }), () => true))
      token = found.value?.token.reveal() ?? token
      return found
    },
    burst: async (count) => {
      const call = () => chathub.organizations(contextOf({ signal })).catch(() => {})
      await Promise.all(Array.from({ length: count }, call))
      return throttled
    },
    letFinish: () => {
      signal = new AbortController().signal
    },
    wait: (ms) => pause(clock, ms, signal),
    now: () => clock.now(),
    close: http.close,
  }
}
