import { z } from 'zod'
import { Id } from '../contract/ids.ts'
import { wantedOf } from '../contract/plain-words.ts'
import { type Scope, scopes } from '../contract/scopes.ts'

const role = z.strictObject({
  scopes: z.array(z.enum(scopes, { error: `wanted: one of ${scopes.join(' ')}` })),
  organizations: z.union([z.literal('*'), z.array(Id)], { error: 'wanted: "*" or a list of ids' }),
})
const roles = z.record(z.string().min(1), role)

/** What a group of an identity provider may do. The table is in the order of its text. */
export type SignInRole = { group: string; scopes: Scope[]; organizations: number[] | '*' }

/** Reads OIDC_ROLES: `{"supervisors": {"scopes": […], "organizations": [24]}, …}`. Gives every fault with its place. */
export const parseRoles = (json: string): { roles: SignInRole[]; faults: string[] } => {
  let data: unknown
  try {
    data = JSON.parse(json)
  } catch {
    return { roles: [], faults: ['not JSON; wanted: {"<group>":{"scopes":[…],"organizations":[…]}}'] }
  }
  const parsed = roles.safeParse(data, { error: (issue) => `wanted: ${wantedOf(issue)}` })
  const faults = parsed.error?.issues.map(({ path, message }) => `/${path.join('/')}: ${message}`) ?? []
  const entries = Object.entries(parsed.data ?? {}).map(([group, rights]) => ({ group, ...rights }))
  if (faults.length === 0 && entries.length === 0)
    faults.push('lists no group; wanted: at least one, or nobody could sign in')
  return { roles: entries, faults }
}

/** The first role of the table that a person has. One role counts alone, so that the rights of two never mix. */
export const roleOf = (table: readonly SignInRole[], groups: readonly string[]): SignInRole | undefined =>
  table.find(({ group }) => groups.includes(group))
