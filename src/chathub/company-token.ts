import { type Clock, within } from '../clock.ts'
import { Failure, isFailure } from '../errors.ts'
import type { Reporter } from '../report.ts'
import type { Secret } from '../secret.ts'
import type { CallContext, Exchange } from './exchange.ts'
import { type Credentials, createLogin, isRefusedLogin } from './login.ts'
import type { Token } from './sealed-token.ts'
import type { LogInShared } from './shared-login.ts'

/** `token`: the configured token. `login`: a token that a login returned. */
type Source = 'token' | 'login'
/** `since` and `until` are monotonic, `expiresAt` is ms since 1970. */
type Ready = { state: 'ready'; source: Source; since: number } & Token
type State = { state: 'none' } | Ready | { state: 'refused'; source: Source; until: number }

type TokenStatus = {
  /** `unproven`: ChatHub has not yet accepted the token. */
  state: State['state'] | 'unproven'
  source: Source | null
  ageSeconds: number | null
  detail: string | null
}

/** The only holder of the company token. */
export type CompanyToken = {
  /** Adds the token to each call. After a 401 it obtains another token and repeats the call; a second time only if the
   * other token came from another instance. */
  withToken(exchange: Exchange): Exchange
  /** Replaces credentials whose file has changed, from the next call on. */
  replace(credentials: Partial<Credentials>): void
  status(): TokenStatus
}

const loginBackoffMaxMs = 60_000
// A refused token cannot lock an account, so it is tried again sooner than a login.
const tokenBackoffMaxMs = 4000
const renewBeforeMs = 60_000

/**
 * Uses the configured token first, and logs in when ChatHub refuses it. All waiting calls share one login; `logInShared` is
 * how instances share theirs. Logins are at least 1 s apart. Refused credentials are tried again after a growing delay; until then calls fail at once with
 * `chathub.credentials`.
 */
export const createCompanyToken = (options: {
  credentials: Credentials
  clock: Clock
  report: Reporter
  logInShared?: LogInShared | undefined
}): CompanyToken => {
  const { clock, report } = options
  let credentials = options.credentials
  let failures = 0

  const configured = (): State => {
    const { token } = credentials
    if (!token) return { state: 'none' }
    return { state: 'ready', token, source: 'token', since: clock.now(), expiresAt: undefined, shared: false }
  }
  let current: State = configured()
  /** The last token that ChatHub refused. It is not taken from another instance again. */
  let refusedToken: Secret | undefined
  let acceptedToken: Secret | undefined
  let running: Promise<Secret> | undefined

  const refuse = (source: Source): Failure => {
    const delay = Math.min(source === 'login' ? loginBackoffMaxMs : tokenBackoffMaxMs, 1000 * 2 ** failures++)
    current = { state: 'refused', source, until: clock.now() + delay }
    report({ name: 'token-refused', source, retryInMs: delay })
    return new Failure('chathub.credentials', { retryAfterMs: delay })
  }

  const isUsable = ({ token, expiresAt = Infinity }: Token): boolean =>
    token.reveal() !== refusedToken?.reveal() && clock.wall() < expiresAt - renewBeforeMs
  const login = createLogin({
    credentials: () => credentials,
    clock,
    report,
    logInShared: options.logInShared,
  })
  const logInOnce = async (exchange: Exchange, context: CallContext): Promise<Secret> => {
    try {
      const obtained = await login(exchange, context, isUsable)
      if (!obtained) return current.state === 'ready' ? current.token : logInOnce(exchange, context)
      current = { ...obtained, state: 'ready', source: 'login', since: clock.now() }
      report({ name: 'login', result: obtained.shared ? 'shared' : 'ok' })
      return obtained.token
    } catch (error) {
      if (!isRefusedLogin(error)) {
        report({ name: 'login', result: 'failed' })
        throw error
      }
      const failure = refuse('login')
      report({ name: 'login', result: 'refused', retryInMs: failure.retryAfterMs ?? 0 })
      throw failure
    }
  }

  /** One login for all calls that wait for it, each until its own deadline: that of a background call is far away. */
  const logIn = async (exchange: Exchange, context: CallContext): Promise<Secret> => {
    running ??= logInOnce(exchange, context).finally(() => (running = undefined))
    const token = await within(clock, running, context.deadline - clock.now())
    if (!token) throw new Failure('queue.full', { retryAfterMs: 1000 })
    return token
  }

  const obtain = async (exchange: Exchange, context: CallContext): Promise<Secret> => {
    if (current.state === 'refused') {
      const left = current.until - clock.now()
      if (left > 0) throw new Failure('chathub.credentials', { retryAfterMs: left })
      if (current.source === 'token') current = configured()
    }
    if (current.state !== 'ready') return logIn(exchange, context)
    const old = current
    const expiresAt = old.expiresAt ?? Number.POSITIVE_INFINITY
    if (!credentials.login || clock.wall() <= expiresAt - renewBeforeMs) return old.token
    return logIn(exchange, context).catch((error) => {
      // The old token is still good, so a failed renewal is no reason to fail.
      if (clock.wall() >= expiresAt) throw error
      if (current.state !== 'ready') current = old
      return old.token
    })
  }

  /** A token other than `failed`. @throws Failure `chathub.credentials` if there is none */
  const renew = async (failed: Secret, exchange: Exchange, context: CallContext): Promise<Secret> => {
    if (current.state === 'ready') {
      if (current.token !== failed) return current.token
      if (!credentials.login) throw refuse(current.source)
      current = { state: 'none' }
    }
    return obtain(exchange, context)
  }

  return {
    withToken: (exchange) => async (call) => {
      let token = await obtain(exchange, call.context)
      for (let renewals = 0; ; renewals++) {
        try {
          const reply = await exchange({ ...call, token: token.reveal() })
          failures = 0
          acceptedToken = token
          return reply
        } catch (error) {
          if (!isFailure(error, 'chathub.credentials')) throw error
          refusedToken = token
          const isCurrent = current.state === 'ready' && current.token === token
          // A token that another instance obtained may be old, so a refusal of it says nothing about a login.
          const isLast = renewals >= 2 || (renewals === 1 && !(isCurrent && (current as Ready).shared))
          if (isLast) throw isCurrent ? refuse((current as Ready).source) : error
          token = await renew(token, exchange, call.context)
        }
      }
    },
    replace: (changed) => {
      credentials = { ...credentials, ...changed }
      failures = 0
      current = configured()
    },
    status: () => {
      const { state } = current
      const source = state === 'none' ? null : current.source
      const ageSeconds = state === 'ready' ? Math.floor((clock.now() - current.since) / 1000) : null
      if (state === 'ready' && current.token !== acceptedToken)
        return { state: 'unproven', source, ageSeconds, detail: null }
      if (state !== 'refused') return { state, source, ageSeconds, detail: null }
      const refused = source === 'login' ? 'login and password' : 'company token'
      const seconds = Math.max(0, Math.ceil((current.until - clock.now()) / 1000))
      return { state, source, ageSeconds, detail: `ChatHub refuses the ${refused}; next try in ${seconds} s` }
    },
  }
}
