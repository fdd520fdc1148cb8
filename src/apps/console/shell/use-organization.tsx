import { createContext, type ReactNode, useContext, useEffect } from 'react'
import type { Organization, OrganizationList } from '../../../client/client.ts'
import { gateway } from '../data/gateway.ts'
import { createStore } from '../data/store.ts'
import { type Source, useRead } from '../data/use-read.ts'
import { usePath } from '../page/hash-location.ts'
import { useCan, useSession } from '../session/rights.ts'

const kept = 'chathub-console-organization'
const last = createStore(Number(localStorage.getItem(kept)))

export const organizationsRead: Source<OrganizationList> = [
  ['organizations'],
  (signal) => gateway.organizations.list({}, { signal }),
]

/** The organizations of the session. Without the right to read names they are called by their ids. */
const useReadOrganizations = (): Organization[] => {
  const allowed = (useSession()?.organizations ?? []) as number[] | '*'
  const enabled = useCan()('organizations:read')
  const { data } = useRead(...organizationsRead, { enabled })
  const known = data?.data.items ?? []
  if (allowed === '*' || data) return known.filter(({ id }) => allowed === '*' || allowed.includes(id))
  return allowed.map((id) => ({ id, name: `#${id}` }))
}

/** The organization of the address, else the one shown last, else the first. 0: there is none. */
const useOrganizationOf = (all: Organization[]): number => {
  const here = Number(/^\/(\d+)\//.exec(usePath())?.[1] ?? 0)
  const before = last.use()
  useEffect(() => {
    if (here === 0) return
    last.set(here)
    localStorage.setItem(kept, String(here))
  }, [here])
  return here || (all.some(({ id }) => id === before) ? before : (all[0]?.id ?? 0))
}

const Organizations = createContext<{ all: Organization[]; shown: number }>({ all: [], shown: 0 })
export const useOrganizations = (): Organization[] => useContext(Organizations).all
/** The one that is shown. 0: there is none. */
export const useOrganization = (): number => useContext(Organizations).shown

/** Reads once what many components ask for. */
export const WithOrganizations = ({ children }: { children: ReactNode }) => {
  const all = useReadOrganizations()
  const shown = useOrganizationOf(all)
  return <Organizations value={{ all, shown }}>{children}</Organizations>
}
