import { createChatHub } from '../chathub/client.ts'
import { createCompanyToken } from '../chathub/company-token.ts'
import { createExchange, type Exchange } from '../chathub/exchange.ts'
import { createSharedLogin } from '../chathub/shared-login.ts'
import type { Clock } from '../clock.ts'
import { type Proxies, proxyFor } from '../outbound.ts'
import type { Redis } from '../redis/redis.ts'
import type { Reporter } from '../report.ts'
import type { Secret } from '../secret.ts'
import { createBreaker } from './breaker.ts'
import { type Budget, jitterMs } from './budget.ts'
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
  tokenEncryptionSecret: Secret | undefined
  clock: Clock
  report: Reporter
}) => {
  const { budget, queueMax, timeoutMs, clock, report } = options
  const queue = createPriorityQueue({
    budget,
    queueMax,
    answerMs: Math.min(timeoutMs, answerMsMax),
    clock,
    report: (lane, ms) => report({ name: 'upstream-wait', lane, ms }),
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

  let exchange: Exchange = http.exchange
  exchange = withRateLimit(exchange, queue, report)
  exchange = breaker.withBreaker(exchange)
  exchange = withRetry(exchange, { clock, report })
  exchange = companyToken.withToken(exchange)

  return {
    chathub: createChatHub(exchange, report),
    companyToken,
    sharedLogin,
    estimate: queue.estimate,
    /** The most calls that can leave within `ms` if no other call waits. */
    callsWithin: (ms: number): number =>
      budget.status().requestsPerSecond * (1 + Math.floor(ms / (1000 + jitterMs))),
    /** Calls that wait for a slot, by lane. */
    waiting: queue.waiting,
    /** False while the breaker is open: calls fail at once, whatever is cached. */
    isReachable: () => breaker.state() !== 'open',
    health: (): 'ok' | 'unavailable' | 'refused' => {
      if (companyToken.status().state === 'refused') return 'refused'
      return breaker.state() === 'closed' ? 'ok' : 'unavailable'
    },
    status: () => ({
      token: companyToken.status(),
      queue: { waiting: queue.waiting(), max: queueMax },
      budget: budget.status(),
      breaker: { state: breaker.state() },
    }),
    close: http.close,
  }
}
