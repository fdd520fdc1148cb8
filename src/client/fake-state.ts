import type { AddOperators, AddResult, Event, Operator, OperatorStatus } from './api.ts'

export type FakeOrganization = {
  id: number
  name: string
  operators?: { id?: number; name: string; status?: OperatorStatus }[]
}

type Kept = { id: number; name: string; operators: Operator[] }

const fold = (name: string): string => name.normalize('NFC').trim().replace(/\s+/gu, ' ').toLowerCase()
const foldForSearch = (name: string): string =>
  fold(name)
    .normalize('NFD')
    .replace(/\p{M}+/gu, '')

/** The people of the examples. */
const usual: FakeOrganization[] = [
  {
    id: 24,
    name: 'Customer Support',
    operators: [
      { id: 101, name: 'John Smith' },
      { id: 102, name: 'Sarah Johnson' },
      { id: 103, name: 'Mike Wilson', status: 'inactive' },
    ],
  },
  { id: 6, name: 'Sales' },
]

type What = { organization: number; operator: Operator; from?: OperatorStatus }

/** Organizations and operators in memory. Every change is told to `changed`. */
export const createFakeState = (seeds = usual, changed: (event: Event) => void = () => {}) => {
  let lastId = 0
  let lastEvent = 0
  const nextId = (): number => ++lastId
  const tell = (type: Event['type'], { organization, operator, from }: What): void =>
    changed({
      id: `fake-0-${++lastEvent}`,
      type,
      organization,
      name: null,
      operator: { ...operator },
      from: from ?? null,
      to: from ? operator.status : null,
      observedAt: new Date().toISOString(),
      via: 'gateway',
      between: null,
      client: 'fake',
      operation: null,
      late: false,
      coverage: null,
    })
  for (const { operators = [] } of seeds) for (const { id = 0 } of operators) lastId = Math.max(lastId, id)
  const organizations: Kept[] = seeds.map(({ id, name, operators = [] }) => ({
    id,
    name,
    operators: operators.map((one) => ({
      id: one.id ?? nextId(),
      name: one.name,
      status: one.status ?? 'active',
    })),
  }))

  const setStatus = (organization: Kept, operator: Operator, status: OperatorStatus): boolean => {
    const from = operator.status
    if (from === status) return false
    operator.status = status
    tell('operator.statusChanged', { organization: organization.id, operator, from })
    return true
  }

  const addOne = (organization: Kept, name: string, { onDuplicate, onDeleted, dryRun }: AddOperators) => {
    const same = organization.operators.filter((one) => fold(one.name) === fold(name))
    const living = same.find(({ status }) => status !== 'deleted')
    if (living && onDuplicate !== 'allow') return { outcome: 'exists' as const, id: living.id }
    const deleted = living ? undefined : same[0]
    if (deleted && onDeleted !== 'reactivate') return { outcome: 'existsDeleted' as const, id: deleted.id }
    if (deleted && !dryRun) setStatus(organization, deleted, 'active')
    if (deleted) return { outcome: 'reactivated' as const, id: deleted.id }
    if (dryRun) return { outcome: 'created' as const }
    const operator: Operator = { id: nextId(), name: name.trim(), status: 'active' }
    organization.operators.push(operator)
    tell('operator.added', { organization: organization.id, operator })
    return { outcome: 'created' as const, id: operator.id }
  }

  return {
    organizations,
    setStatus,
    /** `fail` is for the caller to refuse. */
    add: (organization: Kept, asked: AddOperators): AddResult => {
      const results = asked.operators.map(({ name }, index) => ({
        index,
        name,
        ...addOne(organization, name, asked),
      }))
      const count = (outcome: string): number => results.filter((row) => row.outcome === outcome).length
      return {
        results,
        created: count('created'),
        exists: count('exists'),
        existsDeleted: count('existsDeleted'),
        reactivated: count('reactivated'),
        rejected: 0,
        unknown: 0,
      }
    },
    /** As the query of a list says: filter, then order. */
    select: (operators: Operator[], query: URLSearchParams): Operator[] => {
      const statuses = query.get('status')?.split(',')
      const [name, q] = [query.get('name'), query.get('q')]
      const found = operators.filter(
        (one) =>
          (!statuses || statuses.includes(one.status)) &&
          (name === null || fold(one.name) === fold(name)) &&
          (q === null || foldForSearch(one.name).includes(foldForSearch(q))),
      )
      for (const key of query.get('sort')?.split(',').toReversed() ?? []) {
        const by = key.replace('-', '') as 'id' | 'name' | 'status'
        const down = key.startsWith('-') ? -1 : 1
        found.sort((a, b) => down * (a[by] < b[by] ? -1 : a[by] > b[by] ? 1 : 0))
      }
      return found
    },
  }
}

export type FakeState = ReturnType<typeof createFakeState>
