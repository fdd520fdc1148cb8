import { z } from 'zod'
import { cursorText } from './fault.ts'
import { NewName } from './given-name.ts'
import { Count, component, countsOf, Id, IdText, listOf, wholeText, wordList } from './ids.ts'
import { AddResult, knownStatuses, OperatorStatus, outcomes } from './operator.ts'
import { TokenRequest, tokenSecondsMax } from './system.ts'

/** The outcome of one row of a write. `pending`: none yet. A status change ends `changed` or `unchanged`. */
export const rowOutcomes = [...outcomes, 'changed', 'unchanged', 'pending'] as const
export type RowOutcome = (typeof rowOutcomes)[number]

export const operationKinds = ['add', 'import', 'onboard', 'setStatus', 'undo'] as const
const operationStates = ['queued', 'running', 'done', 'cancelled', 'needsReview'] as const

/** A write that takes long or is in doubt. The counts sum to `total`. */
export const Operation = component('Operation', {
  id: z.string(),
  kind: z.enum(operationKinds),
  organization: Id,
  state: z.enum(operationStates),
  client: z.string().describe('The key, token or session that asked for it.'),
  subject: z.string().nullable().describe('The person of the session.'),
  undoes: z.string().nullable().describe('For an undo: the operation that it sets back.'),
  total: Count,
  ...countsOf(rowOutcomes),
  startedAt: z.iso.datetime(),
  finishedAt: z.iso.datetime().nullable(),
  detail: z.string().nullable().describe('Why it needs review.'),
})
export type OperationView = z.infer<typeof Operation>

const OperationRow = component('OperationRow', {
  index: Count,
  line: Count.optional().describe('Line of the file as an editor shows it, or row of the sheet, from 1.'),
  name: z.string().optional(),
  id: Id.optional(),
  outcome: z.enum(rowOutcomes),
  was: z
    .strictObject({ name: z.string(), status: OperatorStatus })
    .optional()
    .describe('For a change of status: the operator before it.'),
  undo: z
    .strictObject({ name: z.string(), from: z.enum(knownStatuses), to: z.enum(knownStatuses) })
    .optional()
    .describe('For an undo: the status to set, if the operator still has this name and the status `from`.'),
  reason: z
    .string()
    .optional()
    .describe(
      'Why it was rejected: a failure code, or `name.` with a word such as `quotes`, or `undo.changed`, `undo.renamed`, `undo.unknown`. `late`: ChatHub created it long after the request was given up. `doubled`: then it was created twice.',
    ),
  duplicates: z
    .array(Id)
    .optional()
    .describe('Further operators of this name that ChatHub created late. The gateway deletes none of them.'),
})
export const OperationRows = component('OperationRows', { items: z.array(OperationRow), total: Count })

export const RowsQuery = z.strictObject({
  outcome: wordList(rowOutcomes).optional().describe('Only rows with these outcomes.'),
})

/** The place of an operation in a list. */
type OperationPlace = { startedAt: number; id: string }
export const operationCursor = ({ startedAt, id }: OperationPlace): string => `${startedAt}:${id}`
const parseOperationCursor = (text: string): OperationPlace | undefined => {
  const [, startedAt, id] = /^(\d{1,14}):([\w-]{1,64})$/.exec(text) ?? []
  return id === undefined ? undefined : { startedAt: Number(startedAt), id }
}

export const OperationsQuery = z.strictObject({
  kind: wordList(operationKinds).optional().describe('Only these kinds.'),
  state: wordList(operationStates).optional().describe('Only these states.'),
  organization: IdText.optional().describe('Only those of this organization.'),
  limit: wholeText(1, 1000).default(100).describe('The most operations of a page.'),
  cursor: cursorText(parseOperationCursor, 80),
})
export type OperationsQuery = z.infer<typeof OperationsQuery>
export const Operations = component('Operations', {
  items: z.array(Operation),
  nextCursor: z
    .string()
    .nullable()
    .describe('Null: there are no older ones. A page may be short or empty although they follow.'),
})

export const SetStatus = component('SetStatus', {
  // Each costs a call: 17 minutes at five calls a second.
  ids: listOf(Id, [1, 5000]),
  status: z.enum(knownStatuses),
})
const statusOutcomes = ['changed', 'unchanged', 'rejected', 'unknown'] as const
export const StatusResult = component('StatusResult', {
  results: z.array(
    component('ChangedOperator', {
      index: Count.describe('Place in the request, from 0.'),
      id: Id,
      outcome: z.enum(statusOutcomes),
      reason: z.string().optional().describe('Why it was rejected: a failure code.'),
    }),
  ),
  ...countsOf(statusOutcomes),
  operation: AddResult.shape.operation,
})

export const Onboard = component('Onboard', {
  // Each costs a call, and ChatHub's rate allows about this many before the deadline.
  operators: listOf(z.strictObject({ name: NewName }), [1, 100]),
  token: TokenRequest.default({ expiresIn: tokenSecondsMax }),
})
export const OnboardResult = component('OnboardResult', {
  ...AddResult.shape,
  results: z.array(
    component('OnboardedOperator', {
      ...AddResult.shape.results.element.shape,
      token: z.string().nullable(),
      expiresAt: z.iso.datetime().nullable().describe('When the token expires, within a day.'),
      tokenError: z.string().nullable().describe('The failure code when there is no token.'),
    }),
  ),
})
