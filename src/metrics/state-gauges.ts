import { Gauge, type Registry } from 'prom-client'
import type { Statistics } from '../contract/organization.ts'
import type { Upstream } from '../contract/system.ts'

type CountedList = { roster: { organization: { id: number }; statistics(): Statistics }; ageMs: number }
export type States = {
  version: string
  upstream(): Upstream
  /** The switches that are on. */
  switchesOn(): readonly string[]
  /** How many organizations are counted one by one, at most. */
  metricsOrganizationsMax: number
  /** The lists of operators in memory. */
  lists(): Iterable<CountedList>
  /** Whether fewer accounts are active than the floor of the organization wants now. */
  isBelowFloor(organization: number, active: number): boolean
}

/** Older lists are not counted, because another instance may know better. */
const countedMs = 300_000

const chathubStates = ['unknown', 'ok', 'unavailable', 'refused'] as const
const tokenStates = ['none', 'unproven', 'ready', 'refused'] as const
const breakerStates = ['closed', 'half-open', 'open'] as const
const redisStates = ['none', 'ready', 'away', 'refused', 'unsupported'] as const
const switchNames = ['readOnly', 'chathubPaused', 'draining'] as const
const statuses = ['active', 'inactive', 'deleted', 'unknown'] as const

/** States as numbers, read when Prometheus scrapes. */
export const createStateGauges = (registry: Registry, states: States) => {
  const registers = [registry]
  const gauge = (name: string, help: string, ...labelNames: string[]) =>
    new Gauge({ name, help, labelNames, registers })
  /** 1 for the current state, 0 for the others. */
  const stateGauge = <S extends string>(name: string, what: string, all: readonly S[]) => {
    const own = gauge(name, `1 for the current state of ${what}, 0 for the others.`, 'state')
    return (current: S): void => {
      for (const state of all) own.set({ state }, state === current ? 1 : 0)
    }
  }
  gauge('gw_build_info', 'The version of the gateway.', 'version').set({ version: states.version }, 1)
  const up = gauge(
    'gw_chathub_up',
    '1 while ChatHub answers and accepts the credential, else 0. NaN: not asked yet.',
  )
  const chathubState = stateGauge('gw_chathub_state', 'ChatHub', chathubStates)
  const tokenState = stateGauge('gw_token_state', 'the company token', tokenStates)
  const breakerState = stateGauge('gw_breaker_state', 'the circuit breaker before ChatHub', breakerStates)
  const redisState = stateGauge('gw_redis_state', 'Redis', redisStates)
  const switchOn = gauge('gw_switch_on', '1 while an administrator has switched it on.', 'switch')
  const budgetRate = gauge('gw_upstream_budget_rate', 'Requests a second that may go to ChatHub now.')
  const budgetUsed = gauge(
    'gw_budget_used_ratio',
    'Requests of this instance in the last second, by those that all together may send. Add instances up.',
  )
  const queueDepth = gauge('gw_upstream_queue_depth', 'Calls that wait for a slot.', 'lane')
  const listAge = gauge(
    'gw_list_age_seconds',
    'The mean age of the lists that readers got in about ten minutes. NaN: nothing was read.',
  )
  const p95Age = gauge(
    'gw_list_read_age_p95_seconds',
    'The age that 95 of 100 reads did not exceed lately. NaN: nothing was read.',
  )
  const cached = gauge('gw_cache_lists', 'Lists of operators in memory.')
  const cachedBytes = gauge('gw_cache_bytes', 'Memory of these lists.')
  const storageBytes = gauge(
    'gw_storage_bytes',
    'Memory of the storage of writes: in use, and the limit if there is one.',
    'what',
  )
  const storageFull = gauge('gw_storage_full', '1 while large writes are refused.')
  const operators = gauge(
    'gw_operators',
    'Operators in lists that this instance holds, METRICS_ORGANIZATIONS_MAX organizations at most.',
    'organization',
    'status',
  )
  const coverageLow = gauge(
    'gw_coverage_low',
    '1 while fewer accounts than the floor of the organization are active, within its hours.',
    'organization',
  )

  const setStates = ({ chathub, token, breaker, redis }: Upstream): void => {
    up.set(chathub.state === 'unknown' ? Number.NaN : Number(chathub.state === 'ok'))
    chathubState(chathub.state)
    tokenState(token.state)
    breakerState(breaker.state)
    redisState(redis.state)
    const on = states.switchesOn()
    for (const name of switchNames) switchOn.set({ switch: name }, Number(on.includes(name)))
  }
  const setBudget = ({ budget, queue }: Upstream): void => {
    budgetRate.set(budget.allowedNow)
    budgetUsed.set(budget.allowedNow > 0 ? Math.min(1, budget.usedInLastSecond / budget.allowedNow) : 1)
    for (const [lane, depth] of Object.entries(queue.waiting)) queueDepth.set({ lane }, depth)
  }
  const setStorage = ({ cache, storage, reads }: Upstream): void => {
    listAge.set(reads.meanAgeSeconds ?? Number.NaN)
    p95Age.set(reads.p95AgeSeconds ?? Number.NaN)
    cached.set(cache.lists)
    cachedBytes.set(cache.bytes)
    storageFull.set(Number(storage.state === 'full'))
    storageBytes.set({ what: 'used' }, storage.usedBytes ?? 0)
    storageBytes.set({ what: 'limit' }, storage.maxBytes ?? 0)
  }
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
  const countOperators = (): void => {
    // What is too old is not told any more.
    operators.reset()
    coverageLow.reset()
    for (const { organization, counts, isBelow } of counted()) {
      for (const status of statuses) operators.set({ organization, status }, counts[status])
      coverageLow.set({ organization }, Number(isBelow))
    }
  }
  return {
    set: (): void => {
      const now = states.upstream()
      setStates(now)
      setBudget(now)
      setStorage(now)
      countOperators()
    },
    /** Organizations with too few active accounts. */
    belowFloor: (): number[] =>
      [...counted()].filter(({ isBelow }) => isBelow).map(({ organization }) => organization),
  }
}
