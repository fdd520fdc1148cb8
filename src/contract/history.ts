import { z } from 'zod'
import { Instant } from './audit.ts'
import { Event } from './event.ts'
import { cursorText } from './fault.ts'
import { Count, component, Id, wholeText } from './ids.ts'
import { OperatorStatus } from './operator.ts'

const nextCursor = z.string().nullable()

const parsePlace = (text: string): { ms: number; seq: number } | undefined => {
  const [, ms, seq] = /^(\d{1,14})-(\d{1,15})$/.exec(text) ?? []
  return ms === undefined ? undefined : { ms: Number(ms), seq: Number(seq) }
}
const parseMs = (text: string): number | undefined => (/^\d{1,14}$/.test(text) ? Number(text) : undefined)

export const HistoryQuery = z.strictObject({
  limit: wholeText(1, 1000).default(100).describe('The most changes of a page.'),
  cursor: cursorText(parsePlace, 30),
})
export type HistoryQuery = z.infer<typeof HistoryQuery>

const { observedAt, via, between, client, operation, late } = Event.shape
export const OperatorChange = component('OperatorChange', {
  id: z.string(),
  type: z.enum(['operator.added', 'operator.statusChanged', 'operator.renamed', 'operator.removed']),
  from: OperatorStatus.nullable().describe('The status before. Null: it was not listed.'),
  to: OperatorStatus.nullable().describe('The status since. Null: it is not listed any more.'),
  name: z.string().nullable().describe('The name since. The former one is not kept.'),
  observedAt,
  via,
  between,
  client,
  subject: z.string().nullable().describe('The person of the session that asked for it.'),
  operation,
  late,
})
export type OperatorChange = z.infer<typeof OperatorChange>

export const OperatorHistory = component('OperatorHistory', {
  items: z.array(OperatorChange).describe('Newest first.'),
  nextCursor: nextCursor.describe('Null: no older change is known. A page may be short or empty before.'),
  completeSince: z.iso.datetime().nullable().describe('What changed before is not known. Null: nothing is.'),
})
export type OperatorHistory = z.infer<typeof OperatorHistory>

export const CoverageQuery = z.strictObject({
  from: Instant.optional().describe('Default: as far back as events are kept.'),
  to: Instant.optional().describe('Default, and at most: now.'),
  limit: wholeText(1, 1000).default(100).describe('The most steps of a page.'),
  cursor: cursorText(parseMs, 14),
})
export type CoverageQuery = z.infer<typeof CoverageQuery>

const count = Count.nullable()
export const CoverageStep = component('CoverageStep', {
  from: z.iso.datetime(),
  to: z.iso.datetime().describe('The next step begins there.'),
  active: count.describe('How many accounts were active. Null: not known exactly.'),
  least: count.describe('At least so many were. Null: nothing is known.'),
  most: count.describe('At most so many were.'),
})
export type CoverageStep = z.infer<typeof CoverageStep>

export const Coverage = component('Coverage', {
  organization: Id,
  items: z.array(CoverageStep).describe('Oldest first, without gaps.'),
  nextCursor,
})
export type Coverage = z.infer<typeof Coverage>
