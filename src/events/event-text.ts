import { type ChangeSet, type NameToErase, replaceName } from '../contract/audit.ts'
import { type Event, type Place, placeText } from '../contract/event.ts'
import type { Difference, Listed } from './differences.ts'
import type { Logged } from './event-store.ts'

/** An event as it is kept: its place in the log is its id. */
export type KeptEvent = Omit<Event, 'id'> & {
  /** The person who asked for it. History alone shows it. */
  subject?: string | undefined
  /** Marks where the log of an organization begins. It is a `resync` for those alone who come back from before. */
  begins?: true
}

const instant = (ms: number): string => new Date(ms).toISOString()
const nothing = {
  ...{ name: null, operator: null, from: null, to: null },
  ...{ between: null, client: null, operation: null, late: false, coverage: null },
} satisfies Partial<KeptEvent>
type Observed = Omit<KeptEvent, 'type'>
const operatorOf = ({ id, name, status, statusCode }: Listed): NonNullable<Event['operator']> => ({
  id,
  name,
  status,
  ...(statusCode !== undefined && { statusCode }),
})

/** `between`: ms since 1970. The list that was known was asked for at the first, and this one arrived at the second. */
export const observedEvent = (
  list: number,
  difference: Difference,
  between: readonly [number, number],
): KeptEvent | undefined => {
  const observed: Observed = {
    ...nothing,
    organization: list,
    observedAt: instant(between[1]),
    via: 'observed',
    between: [instant(between[0]), instant(between[1])],
  }
  if (list === 0) return organizationEvent(difference, observed)
  if (difference.kind === 'removed') {
    const { id, was } = difference
    const { status, statusCode } = was
    const operator = { id, name: null, status, ...(statusCode !== undefined && { statusCode }) }
    return { ...observed, type: 'operator.removed', operator }
  }
  const { kind, now } = difference
  const event: KeptEvent = { ...observed, type: `operator.${kind}`, operator: operatorOf(now) }
  return kind === 'statusChanged' ? { ...event, from: difference.from.status, to: now.status } : event
}

const organizationEvent = (difference: Difference, observed: Observed): KeptEvent | undefined => {
  if (difference.kind === 'removed')
    return { ...observed, type: 'organization.removed', organization: difference.id }
  if (difference.kind !== 'added') return undefined
  const { id, name } = difference.now
  return { ...observed, type: 'organization.added', organization: id, name }
}

/** A change that a write of the gateway made at `at`. `since`: the change was found that much later. */
export const writtenEvent = (
  { organization, client, subject, operation }: ChangeSet & { organization: number },
  kind: 'added' | 'statusChanged',
  operator: Listed,
  from: Event['from'],
  { at, lateSince }: { at: number; lateSince: number | undefined },
): KeptEvent => ({
  ...nothing,
  type: `operator.${kind}`,
  organization,
  operator: operatorOf(operator),
  ...(kind === 'statusChanged' && { from, to: operator.status }),
  observedAt: instant(at),
  via: lateSince === undefined ? 'gateway' : 'observed',
  between: lateSince === undefined ? null : [instant(Math.min(lateSince, at)), instant(at)],
  client,
  subject,
  operation: operation ?? null,
  late: lateSince !== undefined,
})

/** `since`: since when the accounts are too few, or were. */
export const coverageEvent = (
  organization: number,
  isLow: boolean,
  { since, ...counts }: { active: number; floor: number; since: number },
  at: number,
): KeptEvent => ({
  ...nothing,
  type: isLow ? 'coverage.low' : 'coverage.restored',
  organization,
  observedAt: instant(at),
  via: 'observed',
  coverage: { ...counts, since: instant(since) },
})

/** `begins`: only for those who come back from before. */
export const resyncEvent = (organization: number | null, at: number, begins = false): KeptEvent => ({
  ...nothing,
  type: 'resync',
  organization,
  observedAt: instant(at),
  via: 'observed',
  ...(begins && { begins }),
})

export const eventOf = ({ begins: _, subject: __, ...event }: KeptEvent, place: Place): Event => ({
  id: placeText(place),
  ...event,
})

const parsed = new WeakMap<Logged, { kept: KeptEvent; event: Event }>()
/** An event of the log as it is kept and as readers get it; the same objects for all readers. */
export const loggedEvent = (logged: Logged, epoch: string): { kept: KeptEvent; event: Event } => {
  const known = parsed.get(logged)
  if (known) return known
  const kept = JSON.parse(logged.text) as KeptEvent
  const made = { kept, event: eventOf(kept, { ...logged, epoch }) }
  parsed.set(logged, made)
  return made
}

/** The text with the name of an operator replaced. */
export const withoutName = (text: string, name: NameToErase): string => {
  const event = JSON.parse(text) as KeptEvent
  if (typeof event.operator?.name !== 'string') return text
  const next = replaceName(name, event.operator.id, event.operator.name)
  return next === event.operator.name
    ? text
    : JSON.stringify({ ...event, operator: { ...event.operator, name: next } })
}
