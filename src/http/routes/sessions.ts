import { type Caller, minterOf } from '../../access/caller.ts'
import { signInClient } from '../../access/identity-provider.ts'
import { requireOrigin, sessionIdOf, setCookie } from '../../access/session-cookie.ts'
import { endpoints } from '../../contract/endpoints.ts'
import { Failure } from '../../errors.ts'
import { ownOrigin } from '../request-context.ts'
import type { Router } from '../router.ts'
import type { Services } from './services.ts'

/** Browser sessions: a back end mints a ticket, and the browser exchanges it for a cookie. */
export const mountSessions = (
  router: Router,
  { access, directory, tokens, sessionSameSite: sameSite, clock }: Services,
): void => {
  const { sessions } = access
  if (!sessions) return
  router.bind(endpoints.mintSession, async ({ caller, context, body }) => {
    const { ticket, expiresAt } = await sessions.mint(caller, body, context.requestId)
    return { json: { ticket, expiresAt: expiresAt.toISOString() }, status: 201, noStore: true }
  })
  router.bind(endpoints.endSessions, async ({ caller, context, query }) => {
    await sessions.endAll(caller, query.subject, context.requestId)
    return { empty: 204 }
  })
  router.bind(endpoints.openSession, async ({ body, req }) => {
    const { id, endsAt } = await sessions.open(body.ticket, (origin) =>
      requireOrigin(req.headers, origin, ownOrigin(req)),
    )
    return {
      empty: 204,
      headers: { 'Set-Cookie': setCookie(id, sameSite, (endsAt - clock.wall()) / 1000) },
    }
  })
  router.bind(endpoints.getSession, ({ caller }) => {
    requireSession(caller)
    const { scopes, organizations, origin = '', subject = null, operator = null, expiresAt = 0 } = caller
    return {
      json: {
        scopes: [...scopes],
        organizations: organizations === '*' ? '*' : [...organizations],
        origin,
        subject,
        operator,
        expiresAt: new Date(expiresAt).toISOString(),
        idleSeconds: sessions.idleMs / 1000,
        signOut: minterOf(caller.id) === signInClient ? endpoints.consoleLogout.path : null,
      },
    }
  })
  router.bind(endpoints.ownOperatorToken, async ({ caller, context, body }) => {
    requireSession(caller)
    const { operator } = caller
    if (operator === undefined) throw new Failure('session.no-operator')
    const { roster } = await directory.find(caller, operator, context)
    const expiresAt = new Date(clock.wall() + body.expiresIn * 1000)
    const json = await tokens.mint(caller, roster.organization.id, { operator, expiresAt }, context)
    return { json, status: 201, noStore: true }
  })
  router.bind(endpoints.endSession, async ({ caller, req }) => {
    requireSession(caller)
    await sessions.end(sessionIdOf(req.headers) as string)
    return { empty: 204, headers: { 'Set-Cookie': setCookie('', sameSite, 0) } }
  })
}

/** @throws Failure `credential.missing` for a caller with another credential */
const requireSession = ({ kind }: Caller): void => {
  if (kind !== 'session')
    throw new Failure('credential.missing', { detail: 'This request came without a session.' })
}
