import { requireOrigin, sessionIdOf, setCookie } from '../../access/browser.ts'
import type { Sessions } from '../../access/sessions.ts'
import type { Clock } from '../../clock.ts'
import { endpoints } from '../../contract/endpoints.ts'
import { Failure } from '../../errors.ts'
import { type Door, ownOrigin } from '../router.ts'

type Rooms = { sessions: Sessions; sameSite: 'strict' | 'lax' | 'none'; clock: Clock }

/** Front ends without tokens: a back end mints a ticket, the browser trades it for a cookie. */
export const mountSessions = (door: Door, { sessions, sameSite, clock }: Rooms): void => {
  door.on(endpoints.mintSession, async ({ caller, body }) => {
    const { ticket, expiresAt } = await sessions.mint(caller, body)
    return { json: { ticket, expiresAt: expiresAt.toISOString() }, status: 201, unkept: true }
  })
  door.on(endpoints.openSession, async ({ body, req }) => {
    const { id, record } = await sessions.open(body.ticket, (origin) =>
      requireOrigin(req.headers, origin, ownOrigin(req)),
    )
    return {
      empty: 204,
      headers: ['Set-Cookie', setCookie(id, sameSite, (record.endsAt - clock.wall()) / 1000)],
    }
  })
  door.on(endpoints.getSession, ({ caller }) => {
    if (caller.kind !== 'session' || caller.organizations === '*')
      throw new Failure('credential.missing', { detail: 'This request came without a session.' })
    const { scopes, organizations, origin = '', expiresAt = 0 } = caller
    return {
      json: {
        scopes: [...scopes],
        organizations: [...organizations],
        origin,
        expiresAt: new Date(expiresAt).toISOString(),
      },
    }
  })
  door.on(endpoints.endSession, async ({ caller, req }) => {
    const id = sessionIdOf(req.headers)
    if (caller.kind !== 'session' || id === undefined)
      throw new Failure('credential.missing', { detail: 'This request came without a session.' })
    await sessions.end(id)
    return { empty: 204, headers: ['Set-Cookie', setCookie('', sameSite, 0)] }
  })
}
