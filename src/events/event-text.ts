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
  name: null,
  operator: null,
  from: null,
  to: null,
  between: null,
  client: null,
  operation: null,
  late: false,
  coverage: null,
} satisfies Partial<KeptEvent>

/** An event that was observed at an instant, ms since 1970, unless `more` says otherwise. */
const eventAt = (
  at: number,
  type: KeptEvent['type'],
  organization: number | null,
  more: Partial<KeptEvent> = {},
): KeptEvent => ({ ...nothing, type, organization, observedAt: instant(at), via: 'observed', ...more })

type Operator = NonNullable<Event['operator']>
type Known = Pick<Operator, 'id' | 'name' | 'status'> & { statusCode?: number | undefined }
const operatorOf = ({ id, name, status, statusCode }: Known): Operator => ({
  id,
  name,
  status,
  ...(statusCode !== undefined && { statusCode }),
})

/** `from`, `to`: ms since 1970. The list that was known was asked for at the first, and this one arrived at the second. */
export const observedEvent = (
  list: number,
  difference: Difference,
  [from, to]: readonly [number, number],
): KeptEvent | undefined => {
  const { kind } = difference
  const between: [string, string] = [instant(from), instant(to)]
  if (list === 0 && kind === 'removed') return eventAt(to, 'organization.removed', difference.id, { between })
  if (list === 0) return kind === 'added' ? organizationAdded(to, difference.now, between) : undefined
  if (kind === 'removed') {
    const operator = operatorOf({ ...difference.was, id: difference.id, name: null })
    return eventAt(to, 'operator.removed', list, { between, operator })
  }
  const { now } = difference
  const changed = kind === 'statusChanged' && { from: difference.from.status, to: now.status }
  return eventAt(to, `operator.${kind}`, list, { between, operator: operatorOf(now), ...changed })
}
const organizationAdded = (at: number, { id, name }: Listed, between: [string, string]): KeptEvent =>
  eventAt(at, 'organization.added', id, { between, name })

/** A change that a write of the gateway made at `at`. `lateSince`: the change was found, and happened since then. */
export const writtenEvent = (
  { organization, client, subject, operation }: ChangeSet & { organization: number },
  kind: 'added' | 'statusChanged',
  operator: Listed,
  from: Event['from'],
  { at, lateSince }: { at: number; lateSince: number | undefined },
): KeptEvent =>
  eventAt(at, `operator.${kind}`, organization, {
    operator: operatorOf(operator),
    ...(kind === 'statusChanged' && { from, to: operator.status }),
    ...(lateSince === undefined
      ? { via: 'gateway' }
      : { late: true, between: [instant(Math.min(lateSince, at)), instant(at)] }),
    client,
    subject,
    operation: operation ?? null,
  })

/** `since`: since when the accounts are too few, or were. */
export const coverageEvent = (
  organization: number,
  isLow: boolean,
  { since, ...counts }: { active: number; floor: number; since: number },
  at: number,
): KeptEvent => {
  const coverage = { ...counts, since: instant(since) }
  return eventAt(at, isLow ? 'coverage.low' : 'coverage.restored', organization, { coverage })
}

/** `begins`: only for those who come back from before. */
export const resyncEvent = (organization: number | null, at: number, begins = false): KeptEvent =>
  eventAt(at, 'resync', organization, begins ? { begins } : {})

export const eventOf = ({ begins: _, subject: __, ...event }: KeptEvent, place: Place): Event => {
  return { id: placeText(place), ...event }
}

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
  const { operator } = event
  if (typeof operator?.name !== 'string') return text
  const next = replaceName(name, operator.id, operator.name)
  return next === operator.name ? text : JSON.stringify({ ...event, operator: { ...operator, name: next } })
}
