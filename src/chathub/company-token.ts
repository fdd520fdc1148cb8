import { type Clock, pause } from '../clock.ts'
import { Failure, isFailure } from '../errors.ts'
import type { Reporter } from '../report.ts'
import { Secret } from '../secret.ts'
import type { Call, CallContext, Exchange } from './exchange.ts'
import { tokenOf } from './wire.ts'

type Source = 'token' | 'login'
/** `since` is monotonic, `expiresAt` epoch ms. */
type Ready = { state: 'ready'; token: Secret; source: Source; since: number; expiresAt?: number | undefined }
type State = { state: 'none' } | Ready | { state: 'refused'; source: Source; until: number }

export type TokenStatus = {
  state: State['state']
  source: Source | null
  ageSeconds: number | null
  detail: string | null
}

/** The only place that holds the company token. */
export type CompanyToken = {
  /** Wraps the way to ChatHub: puts the token on each call and, on a 401, renews it once and replays once. */
  withToken(exchange: Exchange): Exchange
  /** New credentials from a file that changed; take effect with the next call. */
  replace(credentials: Partial<Credentials>): void
  status(): TokenStatus
}

export type Credentials = {
  token: Secret | undefined
  login: string | undefined
  password: Secret | undefined
}

// ChatHub's samples log in at most once a second; the margin covers the way there.
const loginSpacingMs = 1050
const loginWaitMs = 5000
const loginBackoffMaxMs = 60_000
// A fixed token is nobody's account, so asking again cannot lock anybody out: the way back is short.
const tokenBackoffMaxMs = 4000
const renewBeforeMs = 60_000

/**
 * Custody of the company token: the fixed token first, a login when it is refused. One login for all calls that wait, at
 * least 1 s apart; refused credentials are tried again with growing delay, and everything in between fails at once with
 * `chathub.credentials`. A call is replayed only when the token that failed is no longer the current one.
 */
export const createCompanyToken = (options: {
  credentials: Credentials
  clock: Clock
  report: Reporter
}): CompanyToken => {
  const { clock, report } = options
  let credentials = options.credentials
  let failures = 0
  let lastLoginAt = Number.NEGATIVE_INFINITY
  let login: Promise<Secret> | undefined

  const fixed = (): State =>
    credentials.token
      ? { state: 'ready', token: credentials.token, source: 'token', since: clock.now() }
      : { state: 'none' }
  let current: State = fixed()

  const refused = (source: Source): Failure => {
    const delay = Math.min(source === 'login' ? loginBackoffMaxMs : tokenBackoffMaxMs, 1000 * 2 ** failures++)
    current = { state: 'refused', source, until: clock.now() + delay }
    report({ name: 'token-refused', source, retryInMs: delay })
    return new Failure('chathub.credentials', { retryAfterMs: delay })
  }

  const logIn = async (exchange: Exchange, context: CallContext): Promise<Secret> => {
    const wait = lastLoginAt + loginSpacingMs - clock.now()
    if (wait > 0) await pause(clock, wait)
    lastLoginAt = clock.now()
    const before = credentials
    const call: Call = {
      operation: 'login',
      method: 'POST',
      path: '/api/company/get-token',
      body: JSON.stringify({ login: credentials.login, password: credentials.password?.reveal() }),
      write: false,
      // Others wait for this login too, so it does not end with the first caller's patience.
      context: { lane: 'people', client: context.client, deadline: context.deadline + loginWaitMs },
    }
    try {
      const { token, expiresAt } = tokenOf((await exchange(call)).body)
      if (before !== credentials) throw new Failure('chathub.credentials')
      const secret = new Secret(token)
      current = { state: 'ready', token: secret, source: 'login', since: clock.now(), expiresAt }
      report({ name: 'login', result: 'ok' })
      return secret
    } catch (error) {
      // Replaced while it was on its way: what came of it says nothing of the new ones.
      if (before !== credentials) return current.state === 'ready' ? current.token : logIn(exchange, context)
      // 400, 401 and 403 are ChatHub's no; anything else is no verdict on the credentials.
      if (isFailure(error, 'chathub.credentials', 'chathub.forbidden', 'chathub.rejected')) {
        const failure = refused('login')
        report({ name: 'login', result: 'refused', retryInMs: failure.retryAfterMs ?? 0 })
        throw failure
      }
      report({ name: 'login', result: 'failed' })
      throw error
    }
  }

  /** One login for all waiting calls. */
  const sharedLogin = (exchange: Exchange, context: CallContext): Promise<Secret> => {
    login ??= logIn(exchange, context).finally(() => (login = undefined))
    return login
  }

  const obtain = (exchange: Exchange, context: CallContext): Secret | Promise<Secret> => {
    if (current.state === 'refused') {
      const left = current.until - clock.now()
      if (left > 0) throw new Failure('chathub.credentials', { retryAfterMs: left })
      if (current.source === 'token') current = fixed()
    }
    if (current.state === 'ready') {
      const { token, expiresAt = Number.POSITIVE_INFINITY } = current
      if (!credentials.login || clock.wall() <= expiresAt - renewBeforeMs) return token
      return renewEarly(current, expiresAt, exchange, context)
    }
    return sharedLogin(exchange, context)
  }

  /** The new token; while the old one is still good, a login that fails is no reason to fail. */
  const renewEarly = async (old: Ready, expiresAt: number, exchange: Exchange, context: CallContext) => {
    try {
      return await sharedLogin(exchange, context)
    } catch (error) {
      if (clock.wall() >= expiresAt) throw error
      current = old
      return old.token
    }
  }

  /** A token other than `failed`, or a failure when there is no way to another. */
  const renew = (failed: Secret, exchange: Exchange, context: CallContext): Secret | Promise<Secret> => {
    if (current.state === 'ready') {
      if (current.token !== failed) return current.token
      if (!credentials.login) throw refused(current.source)
      current = { state: 'none' }
    }
    return obtain(exchange, context)
  }

  return {
    withToken: (exchange) => async (call) => {
      const token = await obtain(exchange, call.context)
      try {
        const reply = await exchange({ ...call, token: token.reveal() })
        failures = 0
        return reply
      } catch (error) {
        if (!isFailure(error, 'chathub.credentials')) throw error
        const next = await renew(token, exchange, call.context)
        try {
          return await exchange({ ...call, token: next.reveal() })
        } catch (again) {
          if (isFailure(again, 'chathub.credentials') && current.state === 'ready' && current.token === next)
            throw refused(current.source)
          throw again
        }
      }
    },
    replace: (changed) => {
      credentials = { ...credentials, ...changed }
      failures = 0
      current = fixed()
    },
    status: () => ({
      state: current.state,
      source: current.state === 'none' ? null : current.source,
      ageSeconds: current.state === 'ready' ? Math.floor((clock.now() - current.since) / 1000) : null,
      detail:
        current.state === 'refused'
          ? `ChatHub refuses the ${current.source === 'login' ? 'login and password' : 'company token'}; next try in ${Math.max(0, Math.ceil((current.until - clock.now()) / 1000))} s`
          : null,
    }),
  }
}
