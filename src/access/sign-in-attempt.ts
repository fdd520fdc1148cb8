import type { IncomingHttpHeaders } from 'node:http'
import type { Clock } from '../clock.ts'
import type { SignInAttempt } from './identity-provider.ts'
import { cookiesOf } from './session-cookie.ts'
import type { Sessions } from './sessions.ts'

const name = '__Host-chathub-sign-in'
const keepMs = 10 * 60_000

/** `origin`: of the gateway. The cookie counts for it alone. */
type Options = { sessions: Pick<Sessions, 'seal' | 'unseal'>; origin: string; clock: Clock }

// Lax, because the provider sends the browser back from another site.
const cookie = (value: string, seconds: number): string =>
  `${name}=${value}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=${seconds}`

/** Set-Cookie that keeps an attempt in the browser that began it, sealed. */
export const writeAttempt = (attempt: SignInAttempt, { sessions, origin, clock }: Options): string =>
  cookie(
    sessions.seal(JSON.stringify({ attempt, endsAt: clock.wall() + keepMs }), `sign-in ${origin}`),
    keepMs / 1000,
  )

/** Set-Cookie that removes it. */
export const clearAttempt = cookie('', 0)

/** The attempt of this browser; undefined when it began none, or too long ago. */
export const readAttempt = (
  headers: IncomingHttpHeaders,
  { sessions, origin, clock }: Options,
): SignInAttempt | undefined => {
  const [sealed] = cookiesOf(headers, name)
  const text = sealed && sessions.unseal(sealed, `sign-in ${origin}`)
  if (!text) return undefined
  const { attempt, endsAt } = JSON.parse(text) as { attempt: SignInAttempt; endsAt: number }
  return clock.wall() < endsAt ? attempt : undefined
}
