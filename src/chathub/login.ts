import { type Clock, pause } from '../clock.ts'
import { type Failure, isFailure } from '../errors.ts'
import type { Reporter } from '../report.ts'
import { Secret } from '../secret.ts'
import type { Call, CallContext, Exchange } from './exchange.ts'
import { Refused } from './refused.ts'
import type { Token } from './sealed-token.ts'
import { type LogInShared, loginSpacingMs } from './shared-login.ts'
import { tokenOf } from './wire.ts'

export type Credentials = {
  token: Secret | undefined
  login: string | undefined
  password: Secret | undefined
}

/** Other calls wait for a login too, so it may take longer than the first caller waits. */
const loginWaitMs = 5000
const alone: LogInShared = (_isUsable, logIn) => logIn()

/**
 * Logs in with the current credentials, or gives a token that another instance obtained, if `isUsable` accepts it. Logins of
 * this instance are at least `loginSpacingMs` apart. One that ChatHub throttles is repeated after the time it asks for, up
 * to the deadline.
 * @returns undefined when the credentials were replaced meanwhile
 * @throws Failure of the login
 */
export const createLogin = (options: {
  credentials: () => Credentials
  clock: Clock
  report: Reporter
  logInShared?: LogInShared | undefined
}) => {
  const { credentials, clock, report, logInShared = alone } = options
  let lastAt = Number.NEGATIVE_INFINITY

  const ask = async (exchange: Exchange, context: CallContext): Promise<Token> => {
    const { login, password } = credentials()
    const call: Call = {
      operation: 'login',
      method: 'POST',
      path: '/api/company/get-token',
      body: JSON.stringify({ login, password: password?.reveal() }),
      write: false,
      context,
    }
    for (;;) {
      const waitMs = lastAt + loginSpacingMs - clock.now()
      if (waitMs > 0) await pause(clock, waitMs)
      lastAt = clock.now()
      try {
        const { token, expiresAt } = tokenOf((await exchange(call)).body)
        return { token: new Secret(token), expiresAt, shared: false }
      } catch (error) {
        const againInMs = againIn(error)
        if (againInMs === undefined || clock.now() + againInMs >= context.deadline) throw error
        report({ name: 'login', result: 'throttled', retryInMs: againInMs })
        await pause(clock, againInMs)
      }
    }
  }

  return async (
    exchange: Exchange,
    { client, deadline }: CallContext,
    isUsable: (token: Token) => boolean,
  ): Promise<Token | undefined> => {
    const used = credentials()
    const context: CallContext = { lane: 'people', client, deadline: deadline + loginWaitMs }
    try {
      const token = await logInShared(isUsable, () => ask(exchange, context), context.deadline)
      return used === credentials() ? token : undefined
    } catch (error) {
      // The outcome of replaced credentials says nothing about the new ones.
      if (used !== credentials()) return undefined
      throw error
    }
  }
}

/** When ChatHub throttles a login, it takes the next one after the time it names, or after the spacing of logins. */
const againIn = (error: unknown): number | undefined => {
  if (!isFailure(error, 'chathub.throttled')) return undefined
  const named = error.cause instanceof Refused ? error.cause.pauseMs : undefined
  return named ?? loginSpacingMs + Math.round(Math.random() * 500)
}

/** The failures that say that ChatHub does not accept the credentials. */
export const isRefusedLogin = (error: unknown): error is Failure =>
  isFailure(error, 'chathub.credentials', 'chathub.forbidden', 'chathub.rejected')
