import { z } from 'zod'
import { cursorText } from './fault.ts'
import { Count, component, Id, IdList, IdText, wholeText } from './ids.ts'
import { fold } from './names.ts'
import { OperatorStatus } from './operator.ts'

/**
 * What can change through the gateway. The kinds with `Requested` are commands to an operation; its rows have records of
 * their own.
 */
export const changeKinds = [
  'added',
  'statusChanged',
  'tokenIssued',
  'sessionMinted',
  'sessionsEnded',
  'cachePurged',
  'cancelRequested',
  'retryRequested',
  'undoRequested',
  'nameErased',
  'webhookCreated',
  'webhookDeleted',
  'webhookReplayed',
  'webhookSecretRotated',
  'switchChanged',
] as const

const Change = z.strictObject({
  kind: z.enum(changeKinds),
  operator: z
    .strictObject({ id: Id.nullable(), name: z.string().nullable() })
    .nullable()
    .describe('`id` is null while nobody knows it: ChatHub refused the name or left it in doubt.'),
  from: OperatorStatus.nullable().describe('The status before the change.'),
  to: OperatorStatus.nullable().describe('The status that the change sets.'),
  outcome: z
    .enum(['applied', 'unknown', 'rejected'])
    .describe('`unknown`: ChatHub may have applied it. `rejected`: it was asked for, and nothing changed.'),
  reason: z
    .string()
    .nullable()
    .describe('Why it is unknown or rejected; of a switch, its new value; of `sessionsEnded`, the person.'),
})
/** One change: of an operator, or of what the gateway keeps. */
export type Change = z.infer<typeof Change>

/** A change without an operator, which is applied. */
export const oneChange = { operator: null, from: null, to: null, outcome: 'applied', reason: null } as const

/** What one step changed in one organization, and who asked for it. */
export type ChangeSet = {
  /** Null: all organizations at once, as a purge of every list. */
  organization: number | null
  /** Epoch ms. */
  at: number
  /** Client id; that of a session begins with the id of its minter. */
  client: string
  /** The person of the session. */
  subject?: string | undefined
  operation?: string | undefined
  requestId?: string | undefined
  /** `key`: names the change within `step`. Undefined: it is told once. */
  changes: readonly (Change & { key?: number })[]
  /** A step may be told again under the same name within `keepMs`. A change with the same key is then the same one. */
  step?: { name: string; keepMs: number }
}

/**
 * Is told every change before its author is answered. A change that cannot be recorded is not acknowledged.
 * @throws Failure `redis.unavailable`
 */
export type OnChange = (changes: ChangeSet) => Promise<void>

export const AuditRecord = component('AuditRecord', {
  id: z.string(),
  at: z.iso.datetime().describe('When the change was recorded.'),
  organization: Id.nullable().describe('Null: all organizations at once.'),
  ...Change.shape,
  client: z.string().describe('The key, token or session that asked for it.'),
  subject: z.string().nullable().describe('The person of the session.'),
  operation: z.string().nullable(),
  requestId: z.string().nullable(),
})
export type AuditRecord = z.infer<typeof AuditRecord>

export const AuditPage = component('AuditPage', {
  items: z.array(AuditRecord),
  nextCursor: z
    .string()
    .nullable()
    .describe('Null: there are no older records. A page may be short or empty although older ones follow.'),
})

/** The place of a record among all: newest first. Entries of one instant are ordered by organization. */
export type AuditPlace = { ms: number; seq: number; organization: number; index: number }

export const parsePlace = (text: string): AuditPlace | undefined => {
  const [, ms, seq, organization, index] =
    /^(\d{1,14})-(\d{1,10})-(\d{1,10})-(\d{1,4})$/.exec(text)?.map(Number) ?? []
  return index === undefined
    ? undefined
    : { ms: ms as number, seq: seq as number, organization: organization as number, index }
}

/** A `+` that is not encoded means a space in a query. Before an offset it can only be a `+`. */
const withPlus = (text: unknown): unknown =>
  typeof text === 'string' ? text.replace(/ (?=\d\d:\d\d$)/, '+') : text

/** Epoch ms. Nothing is older than 1970. */
export const Instant = z
  .preprocess(withPlus, z.iso.datetime({ offset: true }))
  .transform((text) => Math.max(0, Date.parse(text)))

export const AuditQuery = z.strictObject({
  organizations: IdList.optional().describe('Only changes in these organizations.'),
  operator: IdText.optional().describe('Only changes of this operator.'),
  client: z.string().min(1).max(200).optional().describe('Only changes that this client asked for.'),
  subject: z.string().min(1).max(128).optional().describe('Only changes that this person asked for.'),
  operation: z.string().min(1).max(64).optional().describe('Only changes of this operation.'),
  from: Instant.optional().describe('Only changes at this instant and later.'),
  to: Instant.optional().describe('Only changes before this instant.'),
  limit: wholeText(1, 1000).default(100).describe('The most records of a page.'),
  cursor: cursorText(parsePlace, 45),
})
export type AuditQuery = z.infer<typeof AuditQuery>

/** What stands in place of a name that was erased. */
export const erasedName = '[erased]'

/** An operator, and the folded names under which it is known. */
export type NameToErase = { operator: number; names: Set<string> }

/** The name as it is kept from now on. A name without an id counts if the operator is known under it. */
export const replaceName = (
  { operator, names }: NameToErase,
  id: number | null | undefined,
  name: string,
): string => {
  if (name === erasedName) return name
  if (id === operator) names.add(fold(name))
  return id === operator || (id == null && names.has(fold(name))) ? erasedName : name
}

export const EraseName = component('EraseName', { organization: Id, operator: Id })
export const ErasedName = component('ErasedName', {
  organization: Id,
  operator: Id,
  audit: Count.describe('Audit records whose name was replaced.'),
  rows: Count.describe('Rows of operations whose name was replaced.'),
  answers: Count.describe('Stored answers to an Idempotency-Key in which it was replaced.'),
  events: Count.describe('Events whose name was replaced.'),
  running: z
    .array(z.string())
    .describe(
      'Operations that still run with rows of this operator. Repeat the request when they have ended.',
    ),
  chathub: z
    .enum(['kept', 'absent', 'unknown'])
    .describe('Whether ChatHub still lists the operator. It then sends the name again with each list.'),
})
export type ErasedName = z.infer<typeof ErasedName>
