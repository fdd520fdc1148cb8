import type { Asking } from './asking.ts'
import { page } from './fleet.ts'

/** A browser session from its ticket to its end. */
export const useSession = async ({ ask }: Asking, organizations: number[]): Promise<void> => {
  const at = (organization: number, rest: string): string => `/v1/organizations/${organization}${rest}`

  const grant = {
    organizations: organizations.slice(0, 2),
    scopes: ['operators:read'],
    origin: page,
    ttlSeconds: 60,
  }
  const minted = await ask('session: ticket', 'POST', '/v1/sessions', { body: grant })
  if (minted?.status !== 201) return
  const opened = await ask('session: open', 'POST', '/v1/session', {
    key: null,
    body: { ticket: minted.json.ticket },
    headers: { Origin: page },
  })
  const cookie = opened?.headers.get('set-cookie')?.split(';')[0]
  if (!cookie) return
  const headers = { Cookie: cookie, Origin: page, 'X-Gateway-Session': '1' }
  await ask('session: read', 'GET', at(organizations[0] as number, '/operators'), {
    key: null,
    headers,
  })
  await ask('session: end', 'DELETE', '/v1/session', { key: null, headers })
}
