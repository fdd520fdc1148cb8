import { z } from 'zod'
import type { Scope } from '../contract/scopes.ts'
import { granted, parseTable } from './keys.ts'

const roles = z.record(z.string().min(1), z.strictObject(granted))

/** What a group of an identity provider may do. The table is in the order of its text. */
export type SignInRole = { group: string; scopes: Scope[]; organizations: number[] | '*' }

/** Reads OIDC_ROLES: `{"supervisors": {"scopes": […], "organizations": [24]}, …}`. Gives every fault with its place. */
export const parseRoles = (json: string): { roles: SignInRole[]; faults: string[] } => {
  const { data, faults } = parseTable(json, roles, '{"<group>":{"scopes":[…],"organizations":[…]}}')
  const entries = Object.entries(data ?? {}).map(([group, rights]) => ({ group, ...rights }))
  if (faults.length === 0 && entries.length === 0)
    faults.push('lists no group; wanted: at least one, or nobody could sign in')
  return { roles: entries, faults }
}

/** The first role of the table that a person has. One role counts alone, so that the rights of two never mix. */
export const roleOf = (table: readonly SignInRole[], groups: readonly string[]): SignInRole | undefined =>
  table.find(({ group }) => groups.includes(group))
