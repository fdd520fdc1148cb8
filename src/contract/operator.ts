import { z } from 'zod'
import { CursorText } from './cursor.ts'
import { NewName } from './given-name.ts'
import { Count, component, countsOf, Id, IdList, listOf, listText, wholeText, wordList } from './ids.ts'
import { Organization } from './organization.ts'

/** The statuses that ChatHub documents (« Statut de l’opérateur »): 0, 1, 2. */
export const knownStatuses = ['active', 'inactive', 'deleted'] as const
const statuses = [...knownStatuses, 'unknown'] as const
export type KnownStatus = (typeof knownStatuses)[number]
export type Status = (typeof statuses)[number]

export const OperatorStatus = z.enum(statuses).meta({
  id: 'OperatorStatus',
  description: '`unknown`: ChatHub gave a status that it does not document.',
})

const operator = {
  id: Id,
  name: z.string(),
  status: OperatorStatus,
  statusCode: z.int().optional().describe('The integer of a status that ChatHub never documented.'),
}
const origin = {
  statusSince: z.iso
    .datetime()
    .nullable()
    .describe('When the gateway knew this status first. Null: the first list that it saw had it.'),
  changedBy: z
    .strictObject({ client: z.string(), subject: z.string().nullable() })
    .nullable()
    .describe('Whose write set this status. Null: it was not set through the gateway, or that is not known.'),
}
/** What the log of events knows of a status. */
export type Origin = { [K in keyof typeof origin]?: z.infer<(typeof origin)[K]> }
const originShown = { statusSince: origin.statusSince.optional(), changedBy: origin.changedBy.optional() }
export const Operator = component('Operator', { ...operator, ...originShown })
export type Operator = { id: number; name: string; status: Status; statusCode?: number }

export const OperatorInOrganization = component('OperatorInOrganization', {
  ...operator,
  organization: Organization,
  ...originShown,
})

export const OperatorList = component('OperatorList', {
  organization: Organization,
  items: z.array(Operator).describe('With `fields`, items lack what it does not name.'),
  total: Count.describe('All matches, over all pages.'),
  nextCursor: z.string().nullable(),
})

export const Directory = component('Directory', {
  items: z.array(OperatorInOrganization),
  total: Count,
  unavailable: z.array(Id).describe('Organizations whose list was not available in time.'),
})

const sortKeys = ['id', 'name', 'status'] as const
export type SortKey = { by: (typeof sortKeys)[number]; down: boolean }
const SortText = listText<SortKey>(
  (text) => {
    const by = sortKeys.find((key) => key === text.replace(/^-/, ''))
    return by && { by, down: text.startsWith('-') }
  },
  'id, name, status, each with - before it for descending order',
  { type: 'string', enum: sortKeys.flatMap((key) => [key, `-${key}`]) },
)

const fieldNames = ['id', 'name', 'status', 'statusSince', 'changedBy'] as const
export type Field = (typeof fieldNames)[number]
export const OneOperatorQuery = z.strictObject({
  fields: wordList(fieldNames)
    .optional()
    .describe('`statusSince` and `changedBy` are added. The others are always included.'),
})
/** Whether the log of events has to be asked. */
export const needsOrigin = (fields: readonly Field[] | undefined): fields is Field[] =>
  fields?.some((field) => field in origin) ?? false

export const OperatorQuery = z.strictObject({
  status: wordList(statuses).optional().describe('Only these statuses. Default: all, also deleted.'),
  name: z.string().max(400).optional().describe('The whole name. Case and repeated spaces are ignored.'),
  q: z.string().max(400).optional().describe('Part of the name. Case and accents are ignored.'),
  sort: SortText.optional().describe('Default: the order of ChatHub.'),
  limit: wholeText(1, 1000).optional().describe('Default: the whole list.'),
  cursor: CursorText.optional().describe('`nextCursor` of the previous page, with the same sort.'),
  fields: wordList(fieldNames)
    .optional()
    .describe(
      'Only these fields of each item. `id` is always included. The schema of the answer describes it without `fields`.',
    ),
})
export type OperatorQuery = z.infer<typeof OperatorQuery>

export const DirectoryQuery = z.strictObject({
  q: OperatorQuery.shape.q,
  status: OperatorQuery.shape.status,
  organizations: IdList.optional().describe('Only these organizations.'),
})
export type DirectoryQuery = z.infer<typeof DirectoryQuery>

export const onDeletedModes = ['report', 'reactivate'] as const

export const AddOperators = component('AddOperators', {
  operators: listOf(z.strictObject({ name: NewName }), [1, 1000]),
  onDuplicate: z.enum(['skip', 'allow', 'fail']).default('skip'),
  onDeleted: z.enum(onDeletedModes).default('report'),
  dryRun: z.boolean().default(false).describe('Only report what would happen.'),
})
export type AddOperators = z.infer<typeof AddOperators>

export const outcomes = ['created', 'exists', 'existsDeleted', 'reactivated', 'rejected', 'unknown'] as const
export type Outcome = (typeof outcomes)[number]

export const AddResult = component('AddResult', {
  results: z.array(
    component('AddedOperator', {
      index: Count.describe('Place in the request, from 0.'),
      name: z.string(),
      outcome: z.enum(outcomes),
      id: Id.optional(),
    }),
  ),
  ...countsOf(outcomes),
  operation: z
    .string()
    .optional()
    .describe('The operation, for an undo. Missing: nothing was sent to ChatHub.'),
})
export type AddResult = z.infer<typeof AddResult>

export const StatusChange = component('StatusChange', { status: z.enum(knownStatuses) })
