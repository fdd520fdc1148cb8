import { createChatHub } from '../chathub/client.ts'
import { createCompanyToken } from '../chathub/company-token.ts'
import { type CallContext, createExchange, type Exchange } from '../chathub/exchange.ts'
import { createSharedLogin } from '../chathub/shared-login.ts'
import type { Clock } from '../clock.ts'
import { type Proxies, proxyFor } from '../outbound.ts'
import type { Redis } from '../redis/redis.ts'
import type { Reporter } from '../report.ts'
import type { Secret } from '../secret.ts'
import { noTracing, type Tracing } from '../tracing/tracing.ts'
import { createBreaker } from './breaker.ts'
import { type Budget, jitterMs } from './budget.ts'
import { type ChatHubHealth, createHealth } from './health.ts'
import { createPriorityQueue } from './priority-queue.ts'
import { withRateLimit } from './rate-limit.ts'
import { withRetry } from './retry.ts'

/** The time that a call must have left for ChatHub's answer when it gets its slot. */
const answerMsMax = 500

/**
 * The way to ChatHub: one function type in layers. From the outside in: token, retry, breaker, rate limit, HTTP exchange.
 * Every attempt, login and retry takes a slot of its own.
 */
export const createUpstream = (options: {
  chathubUrl: URL
  authHeader: 'authorization' | 'x-authorization-key'
  companyToken: Secret | undefined
  login: string | undefined
  password: Secret | undefined
  timeoutMs: number
  idleMs: number
  proxies: Proxies
  queueMax: number
  budget: Budget
  redis: Redis | undefined
  probeMs: number
  /** The outermost layer: what an administrator has switched off. */
  withSwitches?(exchange: Exchange): Exchange
  tokenEncryptionSecret: Secret | undefined
  clock: Clock
  report: Reporter
  tracing?: Tracing
}) => {
  const { budget, queueMax, timeoutMs, clock, report, tracing = noTracing } = options
  const queue = createPriorityQueue({
    budget,
    queueMax,
    answerMs: Math.min(timeoutMs, answerMsMax),
    clock,
    tracing,
    report: ({ lane, client }, ms) => report({ name: 'upstream-wait', lane, client, ms }),
  })
  const breaker = createBreaker({ clock, report })
  const { companyToken: token, login, password, chathubUrl: origin } = options
  const { redis, tokenEncryptionSecret: secret } = options
  const bound = `${origin.origin} ${login}`
  const sharedLogin = redis && login ? createSharedLogin({ redis, clock, secret, bound }) : undefined
  const logInShared = sharedLogin?.logIn
  const companyToken = createCompanyToken({
    credentials: { token, login, password },
    clock,
    report,
    logInShared,
  })
  const http = createExchange({ ...options, origin, proxy: proxyFor(origin, options.proxies) })

  let exchange: Exchange = tracing.attempts(http.exchange, origin)
  exchange = withRateLimit(exchange, queue, report)
  exchange = breaker.withBreaker(exchange)
  exchange = withRetry(exchange, { clock, report })
  exchange = companyToken.withToken(exchange)
  const health = createHealth(options)
  exchange = health.withHealth(exchange)
  exchange = tracing.calls(options.withSwitches?.(exchange) ?? exchange)
  const chathub = createChatHub(exchange, report)

  return {
    chathub,
    companyToken,
    sharedLogin,
    estimate: queue.estimate,
    /** The most calls that can leave within `ms` if no other call waits. */
    callsWithin: (ms: number): number =>
      budget.status().requestsPerSecond * (1 + Math.floor(ms / (1000 + jitterMs))),
    /** Calls that wait for a slot, by lane. */
    waiting: queue.waiting,
    /** Asks ChatHub unless a call has proved its state within the last seconds. */
    check: (context: CallContext) => health.check(() => chathub.organizations(context)),
    health: () => timesOf(health.status()),
    startProbes: () => health.start(chathub.organizations),
    status: () => ({
      chathub: timesOf(health.status()),
      token: companyToken.status(),
      queue: { waiting: queue.waiting(), max: queueMax },
      budget: budget.status(),
      breaker: { state: breaker.state() },
      unknownFields: chathub.unknownFields(),
    }),
    close: () => {
      health.stop()
      return http.close()
    },
  }
}

const timesOf = ({ state, since, checkedAt }: ChatHubHealth) => ({
  state,
  since: new Date(since).toISOString(),
  checkedAt: checkedAt === null ? null : new Date(checkedAt).toISOString(),
})
