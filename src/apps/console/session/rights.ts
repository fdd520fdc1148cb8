import type { Session } from '../../../client/client.ts'
import { gateway } from '../data/gateway.ts'
import { useRead } from '../data/use-read.ts'

export type Scope = Session['scopes'][number]

export const sessionKey = ['session']

/** The rights of this browser session. They are read again every minute, since a key may lose some. */
export const useSession = (): Session | undefined =>
  useRead(sessionKey, (signal) => gateway.sessions.get({ signal }), { every: 60_000 }).data?.data

const includes = (scopes: readonly Scope[], scope: Scope): boolean =>
  scopes.includes(scope) || (scope === 'operators:status' && scopes.includes('operators:write'))

export const useCan = (): ((scope: Scope) => boolean) => {
  const scopes = useSession()?.scopes ?? []
  return (scope) => includes(scopes, scope)
}
