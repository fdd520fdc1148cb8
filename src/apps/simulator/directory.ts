import type { OrganizationSeed } from './known-people.ts'

/** One row of the table. `status`: 0 active, 1 inactive, 2 deleted. */
export type Operator = { id: number; name: string; status: number; organizationId: number }
export type Organization = { id: number; name: string }
export type OperatorSeed = { id?: number; name: string; status?: number }

export type Directory = ReturnType<typeof createDirectory>

/**
 * The one true table of organizations and people. ChatHub's calls and the edits "made in the dashboard"
 * both go through here, so what it holds is the oracle of every test. Ids are never given twice.
 * Everything handed out is a copy.
 */
export function createDirectory(seeds: OrganizationSeed[]) {
  const names = new Map<number, string>()
  const teams = new Map<number, Operator[]>()
  const people = new Map<number, Operator>()
  // Not Math.max of them all: as arguments of one call, 200,000 ids are too many.
  let nextId = 1
  for (const { operators } of seeds) for (const { id = 0 } of operators) nextId = Math.max(nextId, id + 1)
  for (const seed of seeds) {
    addOrganization(seed.id, seed.name)
    setOperators(seed.id, seed.operators)
  }

  function addOrganization(id: number, name: string): void {
    names.set(id, name)
    if (!teams.has(id)) teams.set(id, [])
  }

  /** Removes the organization and all its people, as if it had never been. */
  function removeOrganization(id: number): void {
    for (const row of team(id)) people.delete(row.id)
    names.delete(id)
    teams.delete(id)
  }

  /** Duplicate names are allowed, as ChatHub allows them. @throws RangeError for an unknown organization. */
  function addOperator(organization: number, name: string, status = 0): Operator {
    return insert(organization, { name, status })
  }

  /** The rows of one organization become exactly these. @throws RangeError for an unknown organization. */
  function setOperators(organization: number, rows: OperatorSeed[]): void {
    for (const row of team(organization)) people.delete(row.id)
    if (teams.has(organization)) teams.set(organization, [])
    for (const row of rows) insert(organization, row)
  }

  /** @returns false when nobody has this id. */
  function changeOperator(id: number, change: { name?: string; status?: number }): boolean {
    const row = people.get(id)
    if (!row) return false
    row.name = change.name ?? row.name
    row.status = change.status ?? row.status
    return true
  }

  function insert(organization: number, seed: OperatorSeed): Operator {
    const rows = teams.get(organization)
    if (!rows) throw new RangeError(`No organization ${organization}`)
    const row = {
      id: seed.id ?? nextId,
      name: seed.name,
      status: seed.status ?? 0,
      organizationId: organization,
    }
    nextId = Math.max(nextId, row.id + 1)
    rows.push(row)
    people.set(row.id, row)
    return { ...row }
  }

  function team(organization: number): Operator[] {
    return teams.get(organization) ?? []
  }

  return {
    addOrganization,
    removeOrganization,
    addOperator,
    setOperators,
    changeOperator,
    organizations: (): Organization[] => [...names].map(([id, name]) => ({ id, name })),
    nameOf: (organization: number) => names.get(organization),
    operator: (id: number): Operator | undefined => people.get(id),
    operators: (organization?: number): Operator[] => {
      const rows = organization === undefined ? [...teams.values()].flat() : team(organization)
      return rows.map((row) => ({ ...row }))
    },
  }
}
