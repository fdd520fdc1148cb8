import { z } from 'zod'
import type { FailureCode } from '../errors.ts'
import { AssignChat, Assignment, ChatIdText } from './assignment.ts'
import * as audit from './audit.ts'
import { docEndpoints } from './doc-endpoints.ts'
import * as dropIn from './drop-in.ts'
import * as event from './event.ts'
import * as history from './history.ts'
import { IdText } from './ids.ts'
import * as imports from './import.ts'
import * as mcp from './mcp.ts'
import * as operation from './operation.ts'
import * as operator from './operator.ts'
import * as organization from './organization.ts'
import type { ResponseHeader } from './response-headers.ts'
import type { Scope } from './scopes.ts'
import * as session from './session.ts'
import * as switches from './switches.ts'
import * as system from './system.ts'
import type { Tag } from './tags.ts'
import * as usage from './usage.ts'
import * as webhook from './webhook.ts'

/**
 * One method of one path. `http/routes` binds a handler to it. Validation, the OpenAPI document and the order of refusals
 * all come from this description.
 */
export type Endpoint = {
  /** The operationId of the OpenAPI document. */
  id: string
  method: 'get' | 'post' | 'patch' | 'delete'
  /** As in OpenAPI: `/v1/organizations/{org}`. */
  path: string
  /** `open`: no credential is needed. `any`: any credential will do. */
  scope: Scope | 'any' | 'open'
  /** A second scope that the caller needs. */
  scopeToo?: Scope
  /** A scope that does in place of `scope`. */
  scopeOr?: Scope
  /** A scope that some values of the body need in addition. Without it they are refused after 422. */
  scopeOfValue?: { scope: Scope; needs: (body: never) => boolean; what: string }
  /** The caller may name any organization in the path. Otherwise a foreign one is 404 before the body is read. */
  anyOrganization?: true
  tag: Tag
  summary: string
  params?: z.ZodObject
  query?: z.ZodObject
  body?: z.ZodType
  /** The most bytes. Default: 64 KiB. */
  bodyMax?: number
  /** The most keys and entries of JSON. Default: 10,000. */
  partsMax?: number
  /** Rows of the outermost array are sent before the deadline or not at all, so their number is bounded by the budget. */
  rowsInTime?: true
  /** Media types of the file that is the body, or a part of it. Default: no file but application/json. */
  consumes?: readonly string[]
  /** Takes Last-Event-ID. */
  lastEventId?: boolean
  /** Takes If-Match. */
  conditional?: boolean
  /** Takes an Idempotency-Key. */
  idempotent?: boolean
  /** Whether a request is refused without an Idempotency-Key, because it is not safe to repeat. */
  keyRequired?: (body: never, query: never) => boolean
  /** Answers by status. Null: no body. */
  answers: Record<number, z.ZodType | null>
  /** Media type of the answers. Default: application/json. */
  produces?: string
  /** Other media types that Accept may ask for. */
  producesToo?: readonly string[]
  /** The answer comes from the cache. It has ETag, Age and Cache-Status, and may be 304. */
  cached?: boolean
  /** Response headers of a success, in addition to those that follow from the other properties. */
  headers?: readonly ResponseHeader[]
  /** Only a browser session may call it. */
  sessionOnly?: boolean
  /** Failures in addition to those that follow from the other properties. */
  failures?: readonly FailureCode[]
  /** A drop-in path. Every input fault is 400. */
  dropIn?: boolean
  /** Served without a wait, however many requests there are. */
  neverShed?: true
}

/** Whether no field is required. A missing body then counts as `{}`. */
export const isBodyOptional = ({ body }: Endpoint): boolean => body?.safeParse({}).success ?? false

const org = IdText.describe('The organization.')
const operatorId = IdText.describe('The operator.')
const inOrganization = z.strictObject({ org })
const oneOperation = z.strictObject({ operation: z.string().max(64).describe('The operation.') })
const oneOperator = z.strictObject({ org, operator: operatorId })
const oneWebhook = z.strictObject({ webhook: z.string().max(64).describe('The webhook.') })
const oneChat = z.strictObject({ org, chatId: ChatIdText.describe('The chat, percent-encoded.') })
const MiB = 1024 * 1024
/** A table as a file. */
const tableTypes = ['text/csv', 'application/x-ndjson']

const reading: FailureCode[] = [
  'chathub.credentials',
  'chathub.forbidden',
  'chathub.invalid-response',
  'chathub.unavailable',
  'chathub.paused',
  'chathub.throttled',
  'queue.full',
  'chathub.timeout',
]
const keeping: FailureCode[] = ['quota.exceeded', 'redis.unavailable']
const minting: FailureCode[] = [...reading, ...keeping, 'chathub.rejected', 'write.in-doubt']
/** An endpoint with `gateway.read-only` is refused while the gateway is read-only. */
const writing: FailureCode[] = [...minting, 'gateway.read-only']
/** Of many rows. */
const writingMany: FailureCode[] = [...writing, 'storage.full']
/** A refusal by ChatHub is 400 `request.invalid` on drop-in paths, like every input fault there. */
const onDropIn = (codes: FailureCode[]) => codes.filter((code) => code !== 'chathub.rejected')
const dropInWriting = onDropIn(writing)
const known: FailureCode[] = ['organization.unknown']
/** Supervisors switch operators between active and inactive. */
const beyondSwitching = (needs: (body: never) => boolean) =>
  ({
    scope: 'operators:write',
    needs,
    what: 'to set `deleted`, or to change an operator that is neither active nor inactive',
  }) as const
const setsDeleted = ({ status }: { status: operator.KnownStatus }) => status === 'deleted'

// biome-ignore format: a table reads best in few lines a row
export const endpoints = {
  listOperators: { id: 'listOperators', method: 'get', path: '/v1/organizations/{org}/operators', scope: 'operators:read', tag: 'operators',
    summary: 'List, filter, search, sort and page the operators of an organization.',
    params: inOrganization, query: operator.OperatorQuery, cached: true, producesToo: tableTypes, headers: ['Link', 'Content-Disposition'], answers: { 200: operator.OperatorList }, failures: [...known, ...reading, 'redis.unavailable'] },
  listOrganizations: { id: 'listOrganizations', method: 'get', path: '/v1/organizations', scope: 'organizations:read', tag: 'organizations',
    summary: 'List or search the organizations that the caller may access.',
    query: organization.OrganizationQuery, cached: true, answers: { 200: organization.OrganizationList }, failures: reading },
  getOrganization: { id: 'getOrganization', method: 'get', path: '/v1/organizations/{org}', scope: 'organizations:read', tag: 'organizations',
    summary: 'Get one organization.',
    params: inOrganization, cached: true, answers: { 200: organization.Organization }, failures: [...known, ...reading] },
  getOperator: { id: 'getOperator', method: 'get', path: '/v1/organizations/{org}/operators/{operator}', scope: 'operators:read', tag: 'operators',
    summary: 'Get one operator of an organization.',
    params: oneOperator, query: operator.OneOperatorQuery, cached: true, answers: { 200: operator.OperatorInOrganization }, failures: [...known, 'operator.unknown', ...reading, 'redis.unavailable'] },
  getHistory: { id: 'getOperatorHistory', method: 'get', path: '/v1/organizations/{org}/operators/{operator}/history', scope: 'operators:read', tag: 'operators',
    summary: 'What changed of an operator, newest first: who or what did it, from what to what, when or between when.',
    params: oneOperator, query: history.HistoryQuery, headers: ['Link'], answers: { 200: history.OperatorHistory }, failures: [...known, 'operator.unknown', ...reading, 'redis.unavailable'] },
  getCoverage: { id: 'getCoverage', method: 'get', path: '/v1/organizations/{org}/coverage', scope: 'operators:read', tag: 'operators',
    summary: 'How many accounts of an organization were active over time, as steps. It counts accounts, never people at desks.',
    params: inOrganization, query: history.CoverageQuery, headers: ['Link'], answers: { 200: history.Coverage }, failures: [...known, ...reading, 'redis.unavailable'] },
  findOperator: { id: 'findOperator', method: 'get', path: '/v1/operators/{operator}', scope: 'operators:read', tag: 'operators',
    summary: 'Get one operator without naming its organization.',
    params: z.strictObject({ operator: operatorId }), cached: true, answers: { 200: operator.OperatorInOrganization }, failures: ['operator.unknown', ...reading] },
  searchOperators: { id: 'searchOperators', method: 'get', path: '/v1/operators', scope: 'operators:read', tag: 'operators',
    summary: 'Search the operators of all organizations of the caller. The answer is partial at the deadline.',
    query: operator.DirectoryQuery, cached: true, producesToo: tableTypes, headers: ['Content-Disposition', 'Unavailable-Organizations'], answers: { 200: operator.Directory }, failures: reading },
  getStatistics: { id: 'getStatistics', method: 'get', path: '/v1/organizations/{org}/statistics', scope: 'operators:read', tag: 'operators',
    summary: 'Count the operators of an organization by status.',
    params: inOrganization, cached: true, answers: { 200: organization.Statistics }, failures: [...known, ...reading] },
  getAllStatistics: { id: 'getAllStatistics', method: 'get', path: '/v1/statistics', scope: 'operators:read', tag: 'operators',
    summary: 'Count the operators of all organizations of the caller. The answer is partial at the deadline.',
    cached: true, answers: { 200: organization.AllStatistics }, failures: reading },
  diagnose: { id: 'diagnose', method: 'get', path: '/v1/organizations/{org}/diagnosis', scope: 'operators:read', anyOrganization: true, tag: 'organizations',
    summary: 'Find out why a list is empty or an add fails.',
    params: inOrganization, answers: { 200: organization.Diagnosis }, failures: reading },
  addOperators: { id: 'addOperators', method: 'post', path: '/v1/organizations/{org}/operators', scope: 'operators:write', tag: 'operators',
    summary: 'Add operators; names that exist are skipped unless asked otherwise.',
    params: inOrganization, body: operator.AddOperators, bodyMax: MiB, idempotent: true, keyRequired: ({ onDuplicate }: operator.AddOperators) => onDuplicate === 'allow', answers: { 200: operator.AddResult, 201: operator.AddResult, 202: operation.Operation }, failures: [...known, 'operator.duplicate', 'idempotency.required', ...writingMany] },
  changeStatus: { id: 'changeStatus', method: 'patch', path: '/v1/organizations/{org}/operators/{operator}', scope: 'operators:status', scopeOfValue: beyondSwitching(setsDeleted), tag: 'operators',
    summary: 'Activate, deactivate or delete an operator. An unchanged status costs no call to ChatHub.',
    params: oneOperator, body: operator.StatusChange, conditional: true, answers: { 200: operator.OperatorInOrganization, 202: operation.Operation }, failures: [...known, 'operator.unknown', 'precondition.failed', ...writing] },
  deleteOperator: { id: 'deleteOperator', method: 'delete', path: '/v1/organizations/{org}/operators/{operator}', scope: 'operators:write', tag: 'operators',
    summary: 'Set the status of an operator to deleted.',
    params: oneOperator, conditional: true, answers: { 200: operator.OperatorInOrganization, 202: operation.Operation }, failures: [...known, 'operator.unknown', 'precondition.failed', ...writing] },
  setStatus: { id: 'setStatus', method: 'post', path: '/v1/organizations/{org}/operators:setStatus', scope: 'operators:status', scopeOfValue: beyondSwitching(setsDeleted), tag: 'operators',
    summary: 'Activate, deactivate or delete many operators at once, with one outcome each. `reason` is `scope.missing` for each operator that this credential may not change.',
    params: inOrganization, body: operation.SetStatus, idempotent: true, answers: { 200: operation.StatusResult, 202: operation.Operation }, failures: [...known, ...writingMany] },
  onboard: { id: 'onboardOperators', method: 'post', path: '/v1/organizations/{org}/operators:onboard', scope: 'operators:write', scopeToo: 'tokens:mint', tag: 'operators',
    summary: 'Add up to 100 operators and issue a token for each. `tokenError` says why a token is missing; `…/operators/{operator}/tokens` then issues one. A replay adds no operator and issues new tokens.',
    params: inOrganization, body: operation.Onboard, bodyMax: MiB, idempotent: true, answers: { 200: operation.OnboardResult, 201: operation.OnboardResult, 202: operation.Operation }, failures: [...known, ...writingMany] },
  startImport: { id: 'importOperators', method: 'post', path: '/v1/organizations/{org}/imports', scope: 'operators:import', tag: 'operations',
    summary: 'Import operators from a CSV file or an Excel workbook, at most 50,000 rows and 8 MiB.',
    params: inOrganization, query: imports.ImportQuery, body: imports.SentFile, consumes: imports.tableMedia, bodyMax: 8 * MiB, idempotent: true, keyRequired: (_file, { onDuplicate }: imports.ImportQuery) => onDuplicate === 'allow', answers: { 200: imports.ImportPreview, 202: imports.StartedImport }, failures: [...known, 'idempotency.required', ...writingMany] },
  listOperations: { id: 'listOperations', method: 'get', path: '/v1/operations', scope: 'any', tag: 'operations',
    summary: 'List the operations of the caller, of its person, or for `admin` of all callers within its organizations, newest first.',
    query: operation.OperationsQuery, answers: { 200: operation.Operations }, failures: ['redis.unavailable'] },
  getOperation: { id: 'getOperation', method: 'get', path: '/v1/operations/{operation}', scope: 'any', tag: 'operations',
    summary: 'Get the state of a write that takes long or is in doubt. Only the client that made it may read it.',
    params: oneOperation, headers: ['Retry-After'], answers: { 200: operation.Operation }, failures: ['operation.unknown', 'redis.unavailable'] },
  getOperationRows: { id: 'getOperationRows', method: 'get', path: '/v1/operations/{operation}/rows', scope: 'any', tag: 'operations', producesToo: ['text/csv'],
    summary: 'Get the rows of an operation, as JSON or CSV.',
    params: oneOperation, query: operation.RowsQuery, headers: ['Content-Disposition'], answers: { 200: operation.OperationRows }, failures: ['operation.unknown', 'operation.rows-released', 'redis.unavailable'] },
  watchOperation: { id: 'watchOperation', method: 'get', path: '/v1/operations/{operation}/events', scope: 'any', tag: 'operations', produces: 'text/event-stream',
    summary: 'Stream each state of an operation as a server-sent event `operation`. The stream ends with the final state.',
    params: oneOperation, answers: { 200: z.string() }, failures: ['operation.unknown', 'quota.exceeded', 'redis.unavailable'] },
  cancelOperation: { id: 'cancelOperation', method: 'post', path: '/v1/operations/{operation}:cancel', scope: 'any', tag: 'operations',
    summary: 'Stop an operation before its next batch. Rows that are not sent stay pending.',
    params: oneOperation, body: system.Nothing, idempotent: true, headers: ['Retry-After'], answers: { 200: operation.Operation }, failures: ['operation.unknown', 'operation.settled', 'redis.unavailable'] },
  retryOperation: { id: 'retryOperation', method: 'post', path: '/v1/operations/{operation}:retry', scope: 'any', tag: 'operations',
    summary: 'Retry the rows that ended in doubt, against a new list. This needs the scope of the write.',
    params: oneOperation, body: system.Nothing, idempotent: true, answers: { 202: operation.Operation }, failures: ['operation.unknown', 'operation.rows-released', 'operation.settled', 'operation.running', 'scope.missing', 'redis.unavailable', 'queue.full', 'gateway.read-only'] },
  undoOperation: { id: 'undoOperation', method: 'post', path: '/v1/operations/{operation}:undo', scope: 'any', tag: 'operations',
    summary: 'Set back what an operation changed, as a new operation. An added operator gets the status `deleted`, since ChatHub has no delete. Needs the scope of the write.',
    params: oneOperation, body: system.Nothing, idempotent: true, answers: { 202: operation.Operation }, failures: ['operation.unknown', 'operation.rows-released', 'operation.settled', 'operation.running', 'operation.undone', 'scope.missing', 'quota.exceeded', 'storage.full', 'redis.unavailable', 'write.in-doubt', 'gateway.read-only'] },
  mintOperatorToken: { id: 'mintOperatorToken', method: 'post', path: '/v1/organizations/{org}/operators/{operator}/tokens', scope: 'tokens:mint', tag: 'tokens',
    summary: 'Issue a token for an active operator, valid for at most 24 hours less a minute.',
    params: oneOperator, body: system.TokenRequest, idempotent: true, answers: { 201: system.OperatorToken }, failures: [...known, 'operator.unknown', 'operator.not-active', ...minting] },
  assignChat: { id: 'assignChat', method: 'post', path: '/v1/organizations/{org}/assignments', scope: 'assignments:write', tag: 'assignments',
    summary: 'Assign an active operator to a chat. An assigned chat keeps its operator while that operator is active, until 30 days after its last use.',
    params: inOrganization, body: AssignChat, idempotent: true, answers: { 200: Assignment }, failures: [...known, 'operator.none-active', 'quota.exceeded', ...reading, 'redis.unavailable'] },
  getAssignment: { id: 'getAssignment', method: 'get', path: '/v1/organizations/{org}/assignments/{chatId}', scope: 'assignments:write', tag: 'assignments',
    summary: 'Get the operator of a chat. Reading counts as use.',
    params: oneChat, answers: { 200: Assignment }, failures: [...known, 'assignment.unknown', ...reading, 'redis.unavailable'] },
  releaseChat: { id: 'releaseChat', method: 'delete', path: '/v1/organizations/{org}/assignments/{chatId}', scope: 'assignments:write', tag: 'assignments',
    summary: 'End the assignment of a chat. The operator’s count of chats stays.',
    params: oneChat, answers: { 204: null }, failures: [...known, 'assignment.unknown', ...reading, 'redis.unavailable'] },
  validateOperatorToken: { id: 'validateOperatorToken', method: 'post', path: '/v1/tokens:validate', scope: 'tokens:mint', tag: 'tokens',
    summary: 'Ask ChatHub whether an operator token is valid. The token of an operator outside the caller’s organizations answers like an unknown one.',
    body: system.ValidateToken, answers: { 200: system.TokenState }, failures: [...reading, 'chathub.rejected'] },
  purge: { id: 'purgeCache', method: 'post', path: '/v1/cache:purge', scope: 'cache:purge', tag: 'gateway',
    summary: 'Ask ChatHub before a list is served again. Purging all lists needs organizations "*".',
    body: system.Purge, idempotent: true, answers: { 204: null }, failures: [...known, 'redis.unavailable'] },
  listEvents: { id: 'listEvents', method: 'get', path: '/v1/events', scope: 'events:read', tag: 'events', produces: 'text/event-stream', producesToo: ['application/json'],
    summary: 'Stream what changes in the organizations of the caller as server-sent events, or get the log of it as pages of JSON.',
    query: event.EventsQuery, lastEventId: true, answers: { 200: event.EventPage }, failures: ['quota.exceeded', 'redis.unavailable'] },
  listWebhooks: { id: 'listWebhooks', method: 'get', path: '/v1/webhooks', scope: 'webhooks:manage', tag: 'webhooks',
    summary: 'List the webhooks of the caller.',
    answers: { 200: webhook.Webhooks }, failures: ['redis.unavailable'] },
  createWebhook: { id: 'createWebhook', method: 'post', path: '/v1/webhooks', scope: 'webhooks:manage', tag: 'webhooks',
    summary: 'Have events sent as signed POSTs (Standard Webhooks). The answer shows the secret, once.',
    body: webhook.NewWebhook, idempotent: true, answers: { 201: webhook.WebhookWithSecret }, failures: [...known, 'webhook.key-needed', 'webhook.unavailable', ...keeping] },
  getWebhook: { id: 'getWebhook', method: 'get', path: '/v1/webhooks/{webhook}', scope: 'webhooks:manage', tag: 'webhooks',
    summary: 'Get one webhook: whether it is active, and which organizations wait for a failed delivery.',
    params: oneWebhook, answers: { 200: webhook.Webhook }, failures: ['webhook.unknown', 'redis.unavailable'] },
  testWebhook: { id: 'testWebhook', method: 'post', path: '/v1/webhooks/{webhook}:test', scope: 'webhooks:manage', tag: 'webhooks',
    summary: 'Send `webhook.test` now, once, and tell what came of it.',
    params: oneWebhook, body: system.Nothing, answers: { 200: webhook.WebhookTest }, failures: ['webhook.unknown', 'webhook.unavailable', 'redis.unavailable'] },
  replayWebhook: { id: 'replayWebhook', method: 'post', path: '/v1/webhooks/{webhook}:replay', scope: 'webhooks:manage', tag: 'webhooks',
    summary: 'Send again, in order: from the oldest dead letter of each organization on, or behind an event. Also starts a stopped webhook, and moves it to the key of the caller.',
    params: oneWebhook, body: webhook.Replay, idempotent: true, answers: { 200: webhook.Webhook }, failures: ['webhook.unknown', 'webhook.key-needed', 'redis.unavailable'] },
  rotateWebhookSecret: { id: 'rotateWebhookSecret', method: 'post', path: '/v1/webhooks/{webhook}:rotateSecret', scope: 'webhooks:manage', tag: 'webhooks',
    summary: 'Get a new secret, once. The old one signs too for a while. Moves the webhook to the key of the caller.',
    params: oneWebhook, body: webhook.RotateSecret, idempotent: true, answers: { 200: webhook.WebhookWithSecret }, failures: ['webhook.unknown', 'webhook.key-needed', 'webhook.unavailable', 'redis.unavailable'] },
  listDeadLetters: { id: 'listDeadLetters', method: 'get', path: '/v1/webhooks/{webhook}/deadLetters', scope: 'webhooks:manage', tag: 'webhooks',
    summary: 'List the events that could not be delivered within 24 hours.',
    params: oneWebhook, answers: { 200: webhook.DeadLetters }, failures: ['webhook.unknown', 'redis.unavailable'] },
  deleteWebhook: { id: 'deleteWebhook', method: 'delete', path: '/v1/webhooks/{webhook}', scope: 'webhooks:manage', tag: 'webhooks',
    summary: 'Delete a webhook. Every instance stops sending within a second.',
    params: oneWebhook, answers: { 204: null }, failures: ['webhook.unknown', 'redis.unavailable'] },
  listAudit: { id: 'listAudit', method: 'get', path: '/v1/audit', scope: 'audit:read', tag: 'audit', producesToo: tableTypes,
    summary: 'Who changed what, from what to what, when: the audit records of the organizations of the caller, newest first.',
    query: audit.AuditQuery, headers: ['Link', 'Content-Disposition'], answers: { 200: audit.AuditPage }, failures: ['redis.unavailable'] },
  eraseName: { id: 'eraseName', method: 'post', path: '/v1/audit:eraseName', scope: 'admin', tag: 'audit',
    summary: 'Replace the name of an operator in audit records, rows of operations, stored answers and events. ChatHub still has it and sends it with each list.',
    body: audit.EraseName, idempotent: true, answers: { 200: audit.ErasedName }, failures: [...known, 'queue.full', 'redis.unavailable'] },
  mintSession: { id: 'mintSession', method: 'post', path: '/v1/sessions', scope: 'sessions:mint', tag: 'sessions',
    summary: 'For a back end: get a ticket with which one browser opens a session.',
    body: session.NewSession, idempotent: true, answers: { 201: session.Ticket }, failures: ['session.exceeds', 'organization.unknown', 'redis.unavailable'] },
  endSessions: { id: 'endSessions', method: 'delete', path: '/v1/sessions', scope: 'sessions:mint', scopeOr: 'admin', tag: 'sessions',
    summary: 'End all sessions and tickets of a person that this client minted. `admin` for all organizations ends those of every client.',
    query: session.SessionsQuery, answers: { 204: null }, failures: ['redis.unavailable'] },
  openSession: { id: 'openSession', method: 'post', path: '/v1/session', scope: 'open', tag: 'sessions',
    summary: 'For the browser: exchange the ticket for a cookie that no script can read.',
    body: session.TicketUse, headers: ['Set-Cookie'], answers: { 204: null }, failures: ['session.ticket', 'csrf.refused', ...keeping] },
  getSession: { id: 'getSession', method: 'get', path: '/v1/session', scope: 'any', sessionOnly: true, tag: 'sessions',
    summary: 'Get the rights of this browser session.',
    answers: { 200: session.Session } },
  endSession: { id: 'endSession', method: 'delete', path: '/v1/session', scope: 'any', sessionOnly: true, tag: 'sessions',
    summary: 'End this browser session on every instance.',
    headers: ['Set-Cookie'], answers: { 204: null }, failures: ['redis.unavailable'] },
  ownOperatorToken: { id: 'mintOwnOperatorToken', method: 'post', path: '/v1/session:operatorToken', scope: 'any', sessionOnly: true, tag: 'sessions',
    summary: 'Issue a token for the operator that this browser session is bound to, and for no other.',
    body: system.TokenRequest, answers: { 201: system.OperatorToken }, failures: ['session.no-operator', ...known, 'operator.unknown', 'operator.not-active', ...writing] },
  mcp: { id: 'callMcp', method: 'post', path: '/mcp', scope: 'any', tag: 'mcp',
    summary: 'Take one message of the Model Context Protocol (Streamable HTTP, without sessions). A tool needs the rights of its endpoint.',
    body: mcp.McpMessage, bodyMax: MiB, answers: { 200: mcp.McpAnswer, 202: null, 400: mcp.McpAnswer, 404: mcp.McpAnswer }, failures: ['route.unknown'] },
  me: { id: 'getMe', method: 'get', path: '/v1/me', scope: 'any', tag: 'gateway',
    summary: 'Get the id, rights and limit of the caller.',
    answers: { 200: system.Me } },
  status: { id: 'getStatus', method: 'get', path: '/v1/status', scope: 'operators:read', tag: 'gateway',
    summary: 'Whether ChatHub and Redis work and the request budget suffices, and since when.',
    answers: { 200: system.Status } },
  listClients: { id: 'listClients', method: 'get', path: '/v1/clients', scope: 'admin', tag: 'gateway',
    summary: 'List the keys that may call, with their rights and last use. Keys are managed in the file of the gateway, and no part of one is shown.',
    answers: { 200: system.Clients } },
  upstream: { id: 'getUpstream', method: 'get', path: '/v1/upstream', scope: 'admin', tag: 'gateway',
    summary: 'Get the state of the token, queue, budget, breaker, cache and Redis. The token itself is never shown.',
    answers: { 200: system.Upstream } },
  usage: { id: 'getUsage', method: 'get', path: '/v1/usage', scope: 'admin', tag: 'gateway',
    summary: 'Get what each client caused on a day: requests, calls to ChatHub, waits, refusals, and what the cache saved.',
    query: usage.UsageQuery, answers: { 200: usage.Usage }, failures: ['redis.unavailable'] },
  switches: { id: 'getSwitches', method: 'get', path: '/v1/switches', scope: 'admin', tag: 'gateway',
    summary: 'Get what administrators have switched while the gateway runs, since when, and why.',
    answers: { 200: switches.Switches } },
  setSwitches: { id: 'setSwitches', method: 'patch', path: '/v1/switches', scope: 'admin', tag: 'gateway',
    summary: 'Switch without a restart: read-only, no calls to ChatHub, draining, log level. All instances follow within two seconds; draining is of the one that answers.',
    body: switches.SwitchChange, answers: { 200: switches.Switches }, failures: ['redis.unavailable'] },
  metrics: { id: 'getMetrics', method: 'get', path: '/metrics', scope: 'metrics:read', tag: 'gateway', produces: 'text/plain',
    summary: 'Get the metrics in the Prometheus format.',
    answers: { 200: z.string() } },
  livez: { id: 'getLive', method: 'get', path: '/livez', scope: 'open', neverShed: true, tag: 'gateway',
    summary: 'Check that the process answers.',
    answers: { 200: system.Health } },
  readyz: { id: 'getReady', method: 'get', path: '/readyz', scope: 'open', neverShed: true, tag: 'gateway',
    summary: 'Check that the gateway can answer. ChatHub or Redis being down is shown and does not make it unready.',
    answers: { 200: system.Health, 503: system.Health } },
  ...docEndpoints,
  dropInOrganizations: { id: 'chathubOrganizations', method: 'get', path: '/api/company/organization', scope: 'organizations:read', tag: 'drop-in', dropIn: true,
    summary: 'List the organizations that the caller may access, as ChatHub does.',
    cached: true, answers: { 200: dropIn.DropInOrganizations }, failures: reading },
  dropInLogin: { id: 'chathubLogin', method: 'post', path: '/api/company/get-token', scope: 'open', tag: 'drop-in', dropIn: true,
    summary: 'Exchange a client id and key, as login and password, for a gateway token that is valid for 24 hours.',
    body: dropIn.DropInLogin, answers: { 200: dropIn.DropInToken }, failures: ['credential.invalid', 'limit.exceeded', ...keeping] },
  dropInOperators: { id: 'chathubOperators', method: 'get', path: '/api/operator', scope: 'operators:read', tag: 'drop-in', dropIn: true,
    summary: 'List the operators of an organization, as ChatHub does.',
    query: dropIn.DropInListQuery, cached: true, answers: { 200: dropIn.DropInOperators }, failures: [...known, ...reading] },
  dropInSynchronize: { id: 'chathubSynchronize', method: 'post', path: '/api/operator/synchronize', scope: 'operators:write', tag: 'drop-in', dropIn: true,
    summary: 'Add operators of one or more organizations. Duplicates are allowed, and the answer keeps the input order.',
    body: dropIn.DropInNewOperators, bodyMax: MiB, partsMax: 200_000, rowsInTime: true, idempotent: true, answers: { 200: dropIn.DropInAdded }, failures: [...known, ...dropInWriting, 'storage.full'] },
  dropInStatus: { id: 'chathubStatus', method: 'post', path: '/api/operator/status', scope: 'operators:status', scopeOfValue: beyondSwitching(({ status }: { status: number }) => status === 2), tag: 'drop-in', dropIn: true,
    summary: 'Change the status of an operator by its id alone. The answer is empty.',
    body: dropIn.DropInStatusChange, idempotent: true, answers: { 200: null }, failures: ['operator.unknown', ...dropInWriting] },
  dropInToken: { id: 'chathubOperatorToken', method: 'post', path: '/api/operator/get-token', scope: 'tokens:mint', tag: 'drop-in', dropIn: true,
    summary: 'Issue an operator token, answered as a JSON string.',
    body: dropIn.DropInTokenRequest, idempotent: true, answers: { 200: dropIn.DropInToken }, failures: ['operator.unknown', 'operator.not-active', ...onDropIn(minting)] },
  dropInValidate: { id: 'chathubValidateToken', method: 'post', path: '/api/operator/validate-token', scope: 'tokens:mint', tag: 'drop-in', dropIn: true,
    summary: 'Ask ChatHub whether an operator token is valid, answered in ChatHub’s shape. The token of an operator outside the caller’s organizations answers like an unknown one.',
    body: dropIn.DropInValidate, answers: { 200: dropIn.DropInValidity }, failures: reading },
} as const satisfies Record<string, Endpoint>
