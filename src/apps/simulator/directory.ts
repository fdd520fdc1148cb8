import type { OrganizationSeed } from './known-organizations.ts'

/** One row of the table. `status`: 0 active, 1 inactive, 2 deleted. */
export type Operator = { id: number; name: string; status: number; organizationId: number }
export type Organization = { id: number; name: string }
export type OperatorSeed = { id?: number; name: string; status?: number }

export type Directory = ReturnType<typeof createDirectory>

/**
 * The table of organizations and operators. Calls and edits in the dashboard both change it, so tests compare with
 * it. Ids are never assigned twice. All results are copies.
 */
export function createDirectory(seeds: OrganizationSeed[]) {
  const names = new Map<number, string>()
  const rowsByOrganization = new Map<number, Operator[]>()
  const byId = new Map<number, Operator>()
  // Math.max cannot take 200,000 arguments.
  let nextId = 1
  for (const { operators } of seeds) for (const { id = 0 } of operators) nextId = Math.max(nextId, id + 1)
  for (const seed of seeds) {
    addOrganization(seed.id, seed.name)
    setOperators(seed.id, seed.operators)
  }

  function addOrganization(id: number, name: string): void {
    names.set(id, name)
    if (!rowsByOrganization.has(id)) rowsByOrganization.set(id, [])
  }

  /** Removes the organization and all its operators. */
  function removeOrganization(id: number): void {
    for (const row of rowsOf(id)) byId.delete(row.id)
    names.delete(id)
    rowsByOrganization.delete(id)
  }

  /** Equal names are allowed, as in ChatHub. @throws RangeError for an unknown organization */
  function addOperator(organization: number, name: string, status = 0): Operator {
    return insert(organization, { name, status })
  }

  /** Replaces all rows of an organization. @throws RangeError for an unknown organization */
  function setOperators(organization: number, rows: OperatorSeed[]): void {
    for (const row of rowsOf(organization)) byId.delete(row.id)
    if (rowsByOrganization.has(organization)) rowsByOrganization.set(organization, [])
    for (const row of rows) insert(organization, row)
  }

  /** @returns false if the id is unknown */
  function changeOperator(id: number, change: { name?: string; status?: number }): boolean {
    const row = byId.get(id)
    if (!row) return false
    row.name = change.name ?? row.name
    row.status = change.status ?? row.status
    return true
  }

  function insert(organization: number, seed: OperatorSeed): Operator {
    const rows = rowsByOrganization.get(organization)
    if (!rows) throw new RangeError(`No organization ${organization}`)
    const row = {
      id: seed.id ?? nextId,
      name: seed.name,
      status: seed.status ?? 0,
      organizationId: organization,
    }
    nextId = Math.max(nextId, row.id + 1)
    rows.push(row)
    byId.set(row.id, row)
    return { ...row }
  }

  function rowsOf(organization: number): Operator[] {
    return rowsByOrganization.get(organization) ?? []
  }

  return {
    addOrganization,
    removeOrganization,
    addOperator,
    setOperators,
    changeOperator,
    organizations: (): Organization[] => [...names].map(([id, name]) => ({ id, name })),
    nameOf: (organization: number) => names.get(organization),
    operator: (id: number): Operator | undefined => byId.get(id),
    operators: (organization?: number): Operator[] => {
      const rows = organization === undefined ? [...rowsByOrganization.values()].flat() : rowsOf(organization)
      return rows.map((row) => ({ ...row }))
    },
  }
}
