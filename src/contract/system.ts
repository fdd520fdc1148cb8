import { z } from 'zod'
import { Count, component, countsOf, Id } from './ids.ts'
import { scopes } from './scopes.ts'

export const Me = component('Me', {
  id: z.string(),
  kind: z.enum(['key', 'jwt', 'session', 'token']),
  scopes: z.array(z.enum(scopes)),
  organizations: z.union([z.literal('*'), z.array(Id)]),
  requestsPerMinute: Count,
  expiresAt: z.iso.datetime().nullable(),
})

/** `refused`: Redis answers and refuses what the gateway needs. `away`: it does not answer, or it is starting. */
const redisState = z.enum(['none', 'ready', 'away', 'refused', 'unsupported'])

/** `unknown`: nothing has been asked yet. `refused`: ChatHub does not accept the gateway's credential. */
const chathubState = z.enum(['unknown', 'ok', 'unavailable', 'refused'])
const checkedAt = z.iso
  .datetime()
  .nullable()
  .describe('The last call whose outcome says something about ChatHub.')

const since = z.iso.datetime().describe('Since when, as this instance saw it.')
const budgetState = z.enum(['ok', 'busy', 'reduced', 'paused'])
export type BudgetState = z.infer<typeof budgetState>

export const Status = component('Status', {
  chathub: z.strictObject({ state: chathubState, since }),
  redis: z.strictObject({ state: redisState, since }),
  budget: z
    .strictObject({ state: budgetState, since })
    .describe(
      '`busy`: calls wait for the next second. `paused`: ChatHub asked for a pause. `reduced`: it did some minutes ago.',
    ),
  checkedAt,
})
export type Status = z.infer<typeof Status>

const ListedClient = component('Client', {
  id: z.string().describe('Two keys of one client have the same.'),
  scopes: z.array(z.enum(scopes)),
  organizations: z.union([z.literal('*'), z.array(Id)]),
  expiresAt: z.iso.datetime().nullable(),
  lastUsedAt: z.iso.datetime().nullable().describe('Exact to a minute. Null: not since it is noted.'),
})
export type ListedClient = z.infer<typeof ListedClient>
export const Clients = component('Clients', { items: z.array(ListedClient) })

export const Upstream = component('Upstream', {
  chathub: z.strictObject({ state: chathubState, since: z.iso.datetime(), checkedAt }),
  token: z.strictObject({
    state: z
      .enum(['none', 'unproven', 'ready', 'refused'])
      .describe('unproven: ChatHub has not yet accepted the token.'),
    source: z.enum(['token', 'login']).nullable(),
    ageSeconds: z.number().min(0).nullable(),
    detail: z.string().nullable(),
  }),
  queue: z.strictObject({
    waiting: z.strictObject(countsOf(['people', 'writes', 'imports', 'refreshes'])),
    max: Count,
  }),
  budget: z.strictObject({
    requestsPerSecond: z.number().min(0),
    allowedNow: z
      .number()
      .describe('Less than requestsPerSecond for a while after ChatHub asked for fewer requests.'),
    usedInLastSecond: Count,
    pausedForMs: z.number().describe('Milliseconds.'),
  }),
  recent: z
    .array(
      z.strictObject({
        at: z.iso.datetime(),
        used: Count.describe('Requests in the second before.'),
        allowed: z.number().describe('Requests a second that were allowed.'),
        waiting: Count.describe('Calls that waited, of all lanes.'),
      }),
    )
    .describe('The last ten minutes of this instance, one sample each five seconds, the oldest first.'),
  unknownFields: z
    .array(z.strictObject({ operation: z.string(), field: z.string(), type: z.string() }))
    .describe('Fields of answers of ChatHub that are not documented: name and type, never a value.'),
  breaker: z.strictObject({ state: z.enum(['closed', 'open', 'half-open']), since }),
  cache: z.strictObject({
    lists: Count,
    bytes: Count,
    organizations: z
      .array(z.strictObject({ id: Id, name: z.string(), operators: Count, ageSeconds: Count }))
      .describe('The list of each organization of the caller that this instance has.'),
  }),
  reads: z
    .strictObject({
      meanAgeSeconds: z.number().nullable(),
      p95AgeSeconds: z.number().nullable(),
      fresh: z.number(),
      revalidated: z.number().describe('Old, and refreshed after the answer.'),
      waited: z.number().describe('New, after a wait for ChatHub.'),
      stale: z.number().describe('Old, because no new list came in time.'),
    })
    .describe(
      'What readers of lists got from this instance in about the last ten minutes: ages, and shares from 0 to 1.',
    ),
  redis: z.strictObject({ state: redisState, since, detail: z.string().nullable() }),
  storage: z
    .strictObject({
      state: z.enum(['ok', 'full', 'unbounded']),
      usedBytes: Count.nullable(),
      maxBytes: Count.nullable(),
    })
    .describe('`full`: writes of more than 100 rows are refused. `unbounded`: no limit is set or known.'),
  clients: z
    .array(
      z.strictObject({
        id: z.string(),
        key: z.string().describe('The start of the hash of the key.'),
        lastUsedAt: z.iso.datetime().nullable(),
      }),
    )
    .describe('Clients that share an organization with the caller.'),
})
export type Upstream = z.infer<typeof Upstream>

/** The body of a command whose path says everything. */
export const Nothing = component('Nothing', {})

export const Purge = component('Purge', { organization: Id.optional() })

export const Health = component('Health', {
  status: z.enum(['ok', 'draining']),
  chathub: chathubState.optional(),
  checkedAt: checkedAt.optional(),
  redis: redisState.optional(),
  switches: z
    .array(z.enum(['readOnly', 'chathubPaused', 'draining']))
    .optional()
    .describe('What an administrator has switched on.'),
})
export type Health = z.infer<typeof Health>

export const Problem = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int().min(400).max(599),
    detail: z.string(),
    instance: z.string(),
    code: z.string(),
    requestId: z.string(),
    errors: z
      .array(component('Fault', { pointer: z.string(), code: z.string(), detail: z.string() }))
      .optional()
      .describe('Every fault of the input, with its place as a JSON Pointer.'),
  })
  .meta({ id: 'Problem', description: 'RFC 9457' })

/** ChatHub allows 24 hours. The gateway asks for at most a minute less, because clocks differ. */
export const tokenSecondsMax = 86_340

export const TokenRequest = component('TokenRequest', {
  expiresIn: z.int().min(60).max(tokenSecondsMax).default(tokenSecondsMax).describe('Seconds.'),
})
export const OperatorToken = component('OperatorToken', { token: z.string(), expiresAt: z.iso.datetime() })
export const ValidateToken = component('ValidateToken', { token: z.string().min(1).max(8192) })
export const TokenState = component('TokenState', {
  valid: z.boolean(),
  operatorId: Id.nullable(),
  expiresAt: z.iso.datetime().nullable(),
  error: z.string().nullable(),
})

export const OpenApiDocument = z.looseObject({ openapi: z.string() }).meta({ id: 'OpenApiDocument' })

/** What the search of the pages finds. */
export const SearchEntries = z
  .array(
    z.strictObject({
      title: z.string(),
      kind: z.string().describe('What it is, for people.'),
      href: z.string().describe('The path of its page.'),
      words: z.string().describe('What the search compares with, in lower case.'),
    }),
  )
  .meta({ id: 'SearchEntries' })
