import { type Clock, pause } from '../clock.ts'
import { Failure, isFailure } from '../errors.ts'
import type { Reporter } from '../report.ts'
import { Secret } from '../secret.ts'
import type { Call, CallContext, Exchange } from './exchange.ts'
import { tokenOf } from './wire.ts'

/** `token`: the configured token. `login`: a token that a login returned. */
type Source = 'token' | 'login'
/** `since` and `until` are monotonic, `expiresAt` is ms since 1970. */
type Ready = { state: 'ready'; token: Secret; source: Source; since: number; expiresAt?: number | undefined }
type State = { state: 'none' } | Ready | { state: 'refused'; source: Source; until: number }

export type TokenStatus = {
  state: State['state']
  source: Source | null
  ageSeconds: number | null
  detail: string | null
}

export type Credentials = {
  token: Secret | undefined
  login: string | undefined
  password: Secret | undefined
}

/** The only holder of the company token. */
export type CompanyToken = {
  /** Adds the token to each call. After a 401 it obtains another token and repeats the call once. */
  withToken(exchange: Exchange): Exchange
  /** Replaces credentials whose file has changed, from the next call on. */
  replace(credentials: Partial<Credentials>): void
  status(): TokenStatus
}

// The samples of ChatHub log in at most once a second; 50 ms allow for different travel times.
const loginSpacingMs = 1050
const loginWaitMs = 5000
const loginBackoffMaxMs = 60_000
// A refused token cannot lock an account, so it is tried again sooner than a login.
const tokenBackoffMaxMs = 4000
const renewBeforeMs = 60_000

/**
 * Uses the configured token first, and logs in when ChatHub refuses it. All waiting calls share one login, and logins are
 * at least 1 s apart. Refused credentials are tried again after a growing delay; until then calls fail at once with
 * `chathub.credentials`.
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

  const configured = (): State =>
    credentials.token
      ? { state: 'ready', token: credentials.token, source: 'token', since: clock.now() }
      : { state: 'none' }
  let current: State = configured()

  const refuse = (source: Source): Failure => {
    const delay = Math.min(source === 'login' ? loginBackoffMaxMs : tokenBackoffMaxMs, 1000 * 2 ** failures++)
    current = { state: 'refused', source, until: clock.now() + delay }
    report({ name: 'token-refused', source, retryInMs: delay })
    return new Failure('chathub.credentials', { retryAfterMs: delay })
  }

  const logIn = async (exchange: Exchange, context: CallContext): Promise<Secret> => {
    const waitMs = lastLoginAt + loginSpacingMs - clock.now()
    if (waitMs > 0) await pause(clock, waitMs)
    lastLoginAt = clock.now()
    const used = credentials
    const call: Call = {
      operation: 'login',
      method: 'POST',
      path: '/api/company/get-token',
      body: JSON.stringify({ login: used.login, password: used.password?.reveal() }),
      write: false,
      // Other calls wait for this login too, so it may take longer than the first caller waits.
      context: { lane: 'people', client: context.client, deadline: context.deadline + loginWaitMs },
    }
    try {
      const { token, expiresAt } = tokenOf((await exchange(call)).body)
      if (used !== credentials) throw new Failure('chathub.credentials')
      const secret = new Secret(token)
      current = { state: 'ready', token: secret, source: 'login', since: clock.now(), expiresAt }
      report({ name: 'login', result: 'ok' })
      return secret
    } catch (error) {
      // The outcome of replaced credentials says nothing about the new ones.
      if (used !== credentials) return current.state === 'ready' ? current.token : logIn(exchange, context)
      if (isFailure(error, 'chathub.credentials', 'chathub.forbidden', 'chathub.rejected')) {
        const failure = refuse('login')
        report({ name: 'login', result: 'refused', retryInMs: failure.retryAfterMs ?? 0 })
        throw failure
      }
      report({ name: 'login', result: 'failed' })
      throw error
    }
  }
  const sharedLogin = (exchange: Exchange, context: CallContext): Promise<Secret> => {
    login ??= logIn(exchange, context).finally(() => (login = undefined))
    return login
  }

  const obtain = async (exchange: Exchange, context: CallContext): Promise<Secret> => {
    if (current.state === 'refused') {
      const left = current.until - clock.now()
      if (left > 0) throw new Failure('chathub.credentials', { retryAfterMs: left })
      if (current.source === 'token') current = configured()
    }
    if (current.state !== 'ready') return sharedLogin(exchange, context)
    const old = current
    const expiresAt = old.expiresAt ?? Number.POSITIVE_INFINITY
    if (!credentials.login || clock.wall() <= expiresAt - renewBeforeMs) return old.token
    return sharedLogin(exchange, context).catch((error) => {
      // The old token is still good, so a failed renewal is no reason to fail.
      if (clock.wall() >= expiresAt) throw error
      current = old
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
      const token = await obtain(exchange, call.context)
      try {
        const reply = await exchange({ ...call, token: token.reveal() })
        failures = 0
        return reply
      } catch (error) {
        if (!isFailure(error, 'chathub.credentials')) throw error
        const next = await renew(token, exchange, call.context)
        return exchange({ ...call, token: next.reveal() }).catch((again) => {
          const refused = isFailure(again, 'chathub.credentials')
          throw refused && current.state === 'ready' && current.token === next
            ? refuse(current.source)
            : again
        })
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
      if (state !== 'refused') return { state, source, ageSeconds, detail: null }
      const refused = source === 'login' ? 'login and password' : 'company token'
      const seconds = Math.max(0, Math.ceil((current.until - clock.now()) / 1000))
      return { state, source, ageSeconds, detail: `ChatHub refuses the ${refused}; next try in ${seconds} s` }
    },
  }
}
