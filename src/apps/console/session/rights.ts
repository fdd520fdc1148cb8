import { createContext, useContext } from 'react'
import type { Session } from '../../../client/client.ts'
import { gateway } from '../data/gateway.ts'
import type { Source } from '../data/use-read.ts'

export type Scope = Session['scopes'][number]

export const sessionRead: Source<Session> = [['session'], (signal) => gateway.sessions.get({ signal })]

/** What `SignedIn` has read. One reader is enough: dozens of components ask. */
export const SessionContext = createContext<Session | undefined>(undefined)

/** The rights of this browser session. */
export const useSession = (): Session | undefined => useContext(SessionContext)

export const includes = (scopes: readonly Scope[], scope: Scope): boolean =>
  scopes.includes(scope) || (scope === 'operators:status' && scopes.includes('operators:write'))

export const useCan = (): ((scope: Scope) => boolean) => {
  const scopes = useSession()?.scopes ?? []
  return (scope) => includes(scopes, scope)
}
