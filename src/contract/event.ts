import { z } from 'zod'
import { parsedText } from './fault.ts'
import { Count, component, Id, IdList, wholeText, wordList } from './ids.ts'
import { OperatorStatus } from './operator.ts'

/** What a caller may ask for. `resync` comes unasked. */
export const eventTypes = [
  'operator.added',
  'operator.statusChanged',
  'operator.renamed',
  'operator.removed',
  'organization.added',
  'organization.removed',
  'coverage.low',
  'coverage.restored',
] as const

/** A place in the log of events. Places of different epochs cannot be compared. */
export type Place = { epoch: string; ms: number; seq: number }

/** The id of the event at this place. */
export const placeText = ({ epoch, ms, seq }: Place): string => `${epoch}-${ms}-${seq}`
export const parseEventPlace = (text: string): Place | undefined => {
  const [, epoch, ms, seq] = /^([0-9a-z]{1,20})-(\d{1,14})-(\d{1,15})$/.exec(text) ?? []
  return epoch === undefined ? undefined : { epoch, ms: Number(ms), seq: Number(seq) }
}

const Instant = z.iso.datetime()
export const Event = component('Event', {
  id: z.string().describe('Its place in the log. Send it as Last-Event-ID or `after` to go on behind it.'),
  type: z.enum([...eventTypes, 'resync']),
  organization: Id.nullable().describe('Null: `resync` of all organizations.'),
  name: z.string().nullable().describe('For organization.added: its name.'),
  operator: z
    .strictObject({
      id: Id,
      name: z.string().nullable().describe('Null: not known any more.'),
      status: OperatorStatus,
      statusCode: z.int().optional(),
    })
    .nullable()
    .describe('The operator after the event. For operator.removed: its last known status.'),
  from: OperatorStatus.nullable().describe('For operator.statusChanged: the status before.'),
  to: OperatorStatus.nullable().describe('For operator.statusChanged: the status since.'),
  observedAt: Instant.describe('When the gateway knew it.'),
  via: z
    .enum(['gateway', 'observed'])
    .describe('`gateway`: a write of the gateway did it at `observedAt`. `observed`: two lists differ.'),
  between: z
    .tuple([Instant, Instant])
    .meta({
      openapi: { type: 'array', items: { type: 'string', format: 'date-time' }, minItems: 2, maxItems: 2 },
    })
    .nullable()
    .describe('For `observed`: it happened between these instants.'),
  client: z.string().nullable().describe('For `gateway`: who asked for it.'),
  operation: z.string().nullable().describe('The operation that caused it.'),
  coverage: z
    .strictObject({
      active: Count.describe('How many accounts are active.'),
      floor: Count.describe('Fewer than so many are too few.'),
      since: Instant.describe('Since when they are, or were, too few.'),
    })
    .nullable()
    .describe('For coverage.low and coverage.restored.'),
  late: z.boolean().describe('True: ChatHub applied a request of `operation` long after it was given up.'),
})
export type Event = z.infer<typeof Event>

export const EventPage = component('EventPage', {
  items: z.array(Event).describe('Oldest first. `resync`: read the lists again, events are missing.'),
  next: z.string().describe('Send it as `after` for what follows.'),
  hasMore: z.boolean().describe('More events are there already.'),
})
export type EventPage = z.infer<typeof EventPage>

const afterFault = { code: 'place', detail: 'Wanted: the id of an event, or `next` of a page.' }
export const eventPlace = parsedText(parseEventPlace, afterFault).meta({
  openapi: { type: 'string', maxLength: 60 },
})
export const EventsQuery = z.strictObject({
  organizations: IdList.optional().describe('Only these. Default: all organizations of the caller.'),
  types: wordList(eventTypes).optional().describe('Only these types. `resync` is always sent.'),
  after: eventPlace
    .optional()
    .describe('Only what follows. A stream without it begins now, and a page with the oldest event.'),
  limit: wholeText(1, 1000).default(100).describe('The most events of a page.'),
})
export type EventsQuery = z.infer<typeof EventsQuery>
