import { Gauge, type Registry } from 'prom-client'
import type { Statistics } from '../contract/organization.ts'
import type { Upstream } from '../contract/system.ts'

type CountedList = { roster: { organization: { id: number }; statistics(): Statistics }; ageMs: number }
export type States = {
  version: string
  upstream(): Upstream
  switchesOn(): readonly string[]
  metricsOrganizationsMax: number
  lists(): Iterable<CountedList>
  /** Whether fewer accounts are active than the floor of the organization wants now. */
  isBelowFloor(organization: number, active: number): boolean
}

/** Older lists are not counted, because another instance may know better. */
const countedMs = 300_000

const switchNames = ['readOnly', 'chathubPaused', 'draining']
const statuses = ['active', 'inactive', 'deleted', 'unknown'] as const

/** `read`: the number, or one for each value of the label. */
type Row = {
  name: string
  help: string
  label?: string
  read(now: Upstream, states: States): number | Record<string, number>
}

const oneOf = (all: readonly string[], isOn: (one: string) => boolean): Record<string, number> =>
  Object.fromEntries(all.map((one) => [one, Number(isOn(one))]))
const stateRow = (part: 'chathub' | 'token' | 'breaker' | 'redis', what: string, all: string[]): Row => ({
  name: `gw_${part}_state`,
  help: `1 for the current state of ${what}, 0 for the others.`,
  label: 'state',
  read: (now) => oneOf(all, (one) => one === now[part].state),
})

// biome-ignore format: a table reads best one row a line
const rows: readonly Row[] = [
  { name: 'gw_chathub_up', help: '1 while ChatHub answers and accepts the credential, else 0. NaN: not asked yet.', read: ({ chathub }) => (chathub.state === 'unknown' ? Number.NaN : Number(chathub.state === 'ok')) },
  stateRow('chathub', 'ChatHub', ['unknown', 'ok', 'unavailable', 'refused']),
  stateRow('token', 'the company token', ['none', 'unproven', 'ready', 'refused']),
  stateRow('breaker', 'the circuit breaker before ChatHub', ['closed', 'half-open', 'open']),
  stateRow('redis', 'Redis', ['none', 'ready', 'away', 'refused', 'unsupported']),
  { name: 'gw_switch_on', help: '1 while an administrator has switched it on.', label: 'switch', read: (_, { switchesOn }) => oneOf(switchNames, (name) => switchesOn().includes(name)) },
  { name: 'gw_upstream_budget_rate', help: 'Requests a second that may go to ChatHub now.', read: ({ budget }) => budget.allowedNow },
  { name: 'gw_budget_used_ratio', help: 'Requests of this instance in the last second, by those that all together may send. Add instances up.', read: ({ budget }) => (budget.allowedNow > 0 ? Math.min(1, budget.usedInLastSecond / budget.allowedNow) : 1) },
  { name: 'gw_upstream_queue_depth', help: 'Calls that wait for a slot.', label: 'lane', read: ({ queue }) => queue.waiting },
  { name: 'gw_list_age_seconds', help: 'The mean age of the lists that readers got in about ten minutes. NaN: nothing was read.', read: ({ reads }) => reads.meanAgeSeconds ?? Number.NaN },
  { name: 'gw_list_read_age_p95_seconds', help: 'The age that 95 of 100 reads did not exceed lately. NaN: nothing was read.', read: ({ reads }) => reads.p95AgeSeconds ?? Number.NaN },
  { name: 'gw_cache_lists', help: 'Lists of operators in memory.', read: ({ cache }) => cache.lists },
  { name: 'gw_cache_bytes', help: 'Memory of these lists.', read: ({ cache }) => cache.bytes },
  { name: 'gw_storage_bytes', help: 'Memory of the storage of writes: in use, and the limit if there is one.', label: 'what', read: ({ storage }) => ({ used: storage.usedBytes ?? 0, limit: storage.maxBytes ?? 0 }) },
  { name: 'gw_storage_full', help: '1 while large writes are refused.', read: ({ storage }) => Number(storage.state === 'full') },
]

/** States as numbers, read when Prometheus scrapes. */
export const createStateGauges = (registry: Registry, states: States) => {
  const newGauge = <L extends string>(name: string, help: string, ...labelNames: L[]) =>
    new Gauge({ name, help, labelNames, registers: [registry] })
  newGauge('gw_build_info', 'The version of the gateway.', 'version').set({ version: states.version }, 1)
  const setters = rows.map(({ name, help, label, read }) => {
    const gauge = label === undefined ? newGauge(name, help) : newGauge(name, help, label)
    return (now: Upstream): void => {
      const given = read(now, states)
      if (typeof given === 'number') gauge.set(given)
      else
        for (const [value, number] of Object.entries(given)) gauge.set({ [label as string]: value }, number)
    }
  })
  const operators = newGauge(
    'gw_operators',
    'Operators in lists that this instance holds, METRICS_ORGANIZATIONS_MAX organizations at most.',
    'organization',
    'status',
  )
  const coverageLow = newGauge(
    'gw_coverage_low',
    '1 while fewer accounts than the floor of the organization are active, within its hours.',
    'organization',
  )

  /** Young lists of so many organizations, with whether too few are active. */
  const counted = function* () {
    let left = states.metricsOrganizationsMax
    for (const { roster, ageMs } of states.lists()) {
      if (left === 0) return
      if (ageMs > countedMs) continue
      left--
      const organization = roster.organization.id
      const counts = roster.statistics()
      yield { organization, counts, isBelow: states.isBelowFloor(organization, counts.active) }
    }
  }
  return {
    set: (): void => {
      const now = states.upstream()
      for (const set of setters) set(now)
      // What is too old is not told any more.
      operators.reset()
      coverageLow.reset()
      for (const { organization, counts, isBelow } of counted()) {
        for (const status of statuses) operators.set({ organization, status }, counts[status])
        coverageLow.set({ organization }, Number(isBelow))
      }
    },
    belowFloor: (): number[] =>
      [...counted()].filter(({ isBelow }) => isBelow).map(({ organization }) => organization),
  }
}
