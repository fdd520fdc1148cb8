import type { OperatorStatus } from '../../../client/client.ts'

/** The tabs, with the statuses that each shows. Deleted operators are hidden at first. */
export const tabs = {
  current: ['active', 'inactive', 'unknown'],
  active: ['active'],
  inactive: ['inactive'],
  deleted: ['deleted'],
  all: ['active', 'inactive', 'deleted', 'unknown'],
} as const satisfies Record<string, readonly OperatorStatus[]>
export type Tab = keyof typeof tabs
export const tabNames = Object.keys(tabs) as Tab[]

/** `open`: the id of the operator in the drawer. */
export const usual = { show: 'current', q: '', sort: 'name', open: '' }
export type Filters = typeof usual

export const sortKeys = ['id', 'name', 'status'] as const
type Sort = (typeof sortKeys)[number] | `-${(typeof sortKeys)[number]}`

/** What the gateway is asked for. */
export const queryOf = ({ show, q, sort }: Filters) => ({
  status: [...(tabs[show as Tab] ?? tabs.current)],
  // The second key makes the order of equal ones the same each time.
  sort: [sort as Sort, ...(sort.endsWith('id') ? [] : (['id'] as const))],
  ...(q.trim() !== '' && { q: q.trim() }),
})
