import { pageFiles } from './doc-endpoints.ts'
import { webhookExamples } from './webhook-examples.ts'

export const requestId = 'b3f1c9d0-6a52-4c1e-9d57-0f2a7e31c884'
const support = { id: 24, name: 'Customer Support' }
const sales = { id: 6, name: 'Sales' }
const john = { id: 101, name: 'John Smith', status: 'active' }
const sarah = { id: 102, name: 'Sarah Johnson', status: 'active' }
const mike = { id: 103, name: 'Mike Wilson', status: 'inactive' }
const johnThere = { ...john, organization: support }
const counts = { total: 3, active: 2, inactive: 1, deleted: 0, unknown: 0 }
const added = { created: 1, exists: 1, existsDeleted: 0, reactivated: 0, rejected: 0, unknown: 0 }
const outcomes = { ...added, changed: 0, unchanged: 0, pending: 0 }
const results = [
  { index: 0, name: 'Alex Brown', outcome: 'created', id: 104 },
  { index: 1, name: 'John Smith', outcome: 'exists', id: 101 },
]
const operation = {
  ...{ id: '24-m8xkq2f0-5h2c', kind: 'import', organization: 24, state: 'done', client: 'crm' },
  ...{ subject: null, undoes: null, total: 2, ...outcomes },
  ...{ startedAt: '2026-11-29T12:00:00.000Z', finishedAt: '2026-11-29T12:00:02.000Z', detail: null },
}
const rows = { items: results, total: 2 }
const file = {
  ...{ format: 'csv', charset: 'utf-8', delimiter: ',', columns: ['name'] },
  notes: ['The first row is a header.'],
}
const ends = '2026-11-30T12:00:00.000Z'
const token = 'eyJhbGciOiJIUzI1NiJ9.eyJvcGVyYXRvcklkIjoxMDF9.c2lnbmF0dXJl'
const event = {
  ...{ id: 'k3f9-1764417600000-7', type: 'operator.statusChanged', organization: 24, name: null },
  ...{ operator: { ...mike, status: 'active' }, from: 'inactive', to: 'active' },
  ...{ observedAt: '2026-11-29T12:00:00.000Z', via: 'gateway', between: null, client: 'crm' },
  ...{ operation: '24-m8xkq2f0-5h2c', late: false, coverage: null },
}
const { type, from, to, observedAt, via, between, client, late } = event
const change = {
  ...{ id: '1764417600000-7', name: 'Mike Wilson', subject: 'olena', operation: event.operation },
  ...{ type, from, to, observedAt, via, between, client, late },
}
const record = {
  ...{ id: '1764417600000-1-24-0', at: '2026-11-29T12:00:00.000Z', organization: 24, kind: 'statusChanged' },
  ...{ operator: { id: 103, name: 'Mike Wilson' }, from: 'inactive', to: 'active', outcome: 'applied' },
  ...{ reason: null, client: 'crm', subject: null, operation: null, requestId },
}
const assignment = {
  ...{ chatId: 4711, operator: 101, strategy: 'roundRobin', assignedAt: '2026-11-29T12:00:00.000Z' },
  explain: { reason: 'fewestChats', active: 2, candidates: 2, given: 12 },
}
const rights = { scopes: ['operators:read', 'operators:write'], organizations: [24, 6] }
const health = { status: 'ok', chathub: 'ok', checkedAt: '2026-11-29T12:00:00.000Z', redis: 'ready' }
const page = '<!doctype html><html lang="en"><title>ChatHub gateway</title>…</html>'
const unthrown = { on: false, since: null, by: null, reason: null }
const names = 'name\nAlex Brown\nJohn Smith\n'

/**
 * An example of each body, by the name of its schema. Text and files go by the id of the endpoint and the media type.
 * test/contract holds each against its schema.
 */
export const examples: Record<string, unknown> = {
  Organization: support,
  OrganizationList: { items: [support, sales], total: 2 },
  Diagnosis: {
    ...{ known: true, allowed: true, operators: 3, lastAsked: '2026-11-29T12:00:00.000Z' },
    advice: [{ code: 'ok', text: 'ChatHub lists the organization, and the list has operators.' }],
  },
  Statistics: counts,
  AllStatistics: { organizations: [{ ...support, ...counts }], ...counts, unavailable: [] },
  OperatorList: { organization: support, items: [john, sarah, mike], total: 3, nextCursor: null },
  'listOperators text/csv': 'id,name,status,statusCode\n101,John Smith,active,\n',
  'listOperators application/x-ndjson': `${JSON.stringify(john)}\n`,
  OperatorInOrganization: johnThere,
  Directory: { items: [johnThere], total: 1, unavailable: [] },
  'searchOperators text/csv':
    'organization,organizationName,id,name,status,statusCode\n24,Customer Support,101,John Smith,active,\n',
  'searchOperators application/x-ndjson': `${JSON.stringify(johnThere)}\n`,
  AddOperators: { operators: [{ name: 'Alex Brown' }, { name: 'John Smith' }], onDuplicate: 'skip' },
  AddResult: { results, ...added, operation: event.operation },
  StatusChange: { status: 'inactive' },
  SetStatus: { ids: [102, 103], status: 'active' },
  StatusResult: {
    results: [
      { index: 0, id: 102, outcome: 'unchanged' },
      { index: 1, id: 103, outcome: 'changed' },
    ],
    ...{ changed: 1, unchanged: 1, rejected: 0, unknown: 0, operation: event.operation },
  },
  Onboard: { operators: [{ name: 'Alex Brown' }], token: { expiresIn: 3600 } },
  OnboardResult: {
    results: [{ ...results[0], token, expiresAt: ends, tokenError: null }],
    ...{ ...added, exists: 0, operation: event.operation },
  },
  'importOperators text/csv': names,
  'importOperators text/plain': names,
  'importOperators application/csv': names,
  'importOperators text/tab-separated-values': 'first name\tlast name\nAlex\tBrown\n',
  'importOperators multipart/form-data': { file: names },
  StartedImport: {
    ...operation,
    state: 'queued',
    ...outcomes,
    created: 0,
    exists: 0,
    pending: 2,
    finishedAt: null,
    file,
  },
  ImportPreview: { ...rows, ...outcomes, file },
  Operation: operation,
  Operations: { items: [operation], nextCursor: null },
  OperationRows: rows,
  'getOperationRows text/csv': 'index,line,name,id,outcome,reason\n0,2,Alex Brown,104,created,\n',
  'watchOperation text/event-stream': `id: 1\nevent: operation\ndata: ${JSON.stringify(operation)}\n\n`,
  Nothing: {},
  TokenRequest: { expiresIn: 3600 },
  OperatorToken: { token, expiresAt: ends },
  ValidateToken: { token },
  TokenState: { valid: true, operatorId: 101, expiresAt: ends, error: null },
  AssignChat: { chatId: 4711, exclude: [103] },
  Assignment: assignment,
  'listEvents text/event-stream': `id: ${event.id}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`,
  OperatorHistory: { items: [change], nextCursor: null, completeSince: '2026-11-22T12:00:00.000Z' },
  Coverage: {
    organization: 24,
    items: [{ from: ends, to: ends, active: 2, least: 2, most: 2 }],
    nextCursor: null,
  },
  WebhookMessage: { type: event.type, timestamp: event.observedAt, data: event },
  EventPage: { items: [event], next: event.id, hasMore: false },
  ...webhookExamples,
  AuditPage: { items: [record], nextCursor: null },
  'listAudit text/csv':
    'at,organization,kind,operator,name,from,to,outcome\n2026-11-29T12:00:00.000Z,24,statusChanged,103,Mike Wilson,inactive,active,applied\n',
  'listAudit application/x-ndjson': `${JSON.stringify(record)}\n`,
  EraseName: { organization: 24, operator: 103 },
  ErasedName: {
    ...{ organization: 24, operator: 103, audit: 2, rows: 1, answers: 0, events: 1 },
    ...{ running: [], chathub: 'kept' },
  },
  NewSession: {
    ...rights,
    origin: 'https://crm.example.com',
    ttlSeconds: 3600,
    subject: 'olena',
    operator: 101,
  },
  Ticket: { ticket: 'cgst_4f8Jp2', expiresAt: '2026-11-29T12:01:00.000Z' },
  TicketUse: { ticket: 'cgst_4f8Jp2' },
  Session: {
    ...rights,
    ...{ origin: 'https://crm.example.com', subject: 'olena', operator: 101, expiresAt: ends },
    ...{ idleSeconds: 1800, signOut: null },
  },
  McpMessage: {
    ...{ jsonrpc: '2.0', id: 1, method: 'tools/call' },
    params: { name: 'list_operators', arguments: { org: 24, status: ['active'] } },
  },
  McpAnswer: {
    ...{ jsonrpc: '2.0', id: 1 },
    result: { content: [{ type: 'text', text: JSON.stringify({ items: [john], total: 1 }) }] },
  },
  Purge: { organization: 24 },
  Me: { id: 'crm', kind: 'key', ...rights, requestsPerMinute: 6000, expiresAt: null },
  Usage: {
    day: '2026-11-29',
    items: [
      {
        client: 'crm',
        requests: 91_200,
        fromCache: 90_800,
        calls: 1240,
        refused: 3,
        wouldRefuse: 0,
        waitedSeconds: 21.4,
      },
    ],
  },
  Switches: {
    readOnly: {
      on: true,
      since: '2026-11-29T12:00:00.000Z',
      by: 'crm: olena@example.com',
      reason: 'ChatHub moves',
    },
    chathubPaused: unthrown,
    draining: unthrown,
    logLevel: { level: 'info', since: null, by: null, reason: null },
  },
  SwitchChange: { readOnly: true, reason: 'ChatHub moves' },
  Status: {
    chathub: { state: 'ok', since: '2026-11-29T08:00:00.000Z' },
    redis: { state: 'ready', since: '2026-11-29T08:00:00.000Z' },
    budget: { state: 'ok', since: '2026-11-29T08:00:00.000Z' },
    checkedAt: '2026-11-29T12:00:00.000Z',
  },
  Clients: { items: [{ id: 'crm', ...rights, expiresAt: null, lastUsedAt: '2026-11-29T12:00:00.000Z' }] },
  Upstream: {
    chathub: { state: 'ok', since: '2026-11-29T08:00:00.000Z', checkedAt: '2026-11-29T12:00:00.000Z' },
    token: { state: 'ready', source: 'login', ageSeconds: 7200, detail: null },
    queue: { waiting: { people: 0, writes: 0, imports: 12, refreshes: 1 }, max: 200 },
    budget: { requestsPerSecond: 5, allowedNow: 5, usedInLastSecond: 3, pausedForMs: 0 },
    recent: [{ at: '2026-11-29T12:00:00.000Z', used: 3, allowed: 5, waiting: 13 }],
    unknownFields: [{ operation: 'operators', field: 'lastSeen', type: 'string' }],
    breaker: { state: 'closed', since: '2026-11-29T08:00:00.000Z' },
    cache: {
      ...{ lists: 12, bytes: 481_280 },
      organizations: [{ ...support, operators: 3, ageSeconds: 12 }],
    },
    reads: { meanAgeSeconds: 24, p95AgeSeconds: 57, fresh: 0.9, revalidated: 0.1, waited: 0, stale: 0 },
    redis: { state: 'ready', since: '2026-11-29T08:00:00.000Z', detail: null },
    storage: { state: 'ok', usedBytes: 10_485_760, maxBytes: 268_435_456 },
    clients: [{ id: 'crm', key: '9f86d081', lastUsedAt: '2026-11-29T12:00:00.000Z' }],
  },
  Health: health,
  ...Object.fromEntries(
    [
      'getRoot',
      'getDocs',
      'getReference',
      'getProblems',
      'getProblemPage',
      'getGuide',
      'getConsole',
      'getConsoleFile',
    ].map((id) => [`${id} text/html`, page]),
  ),
  ...Object.fromEntries(
    ['text/css', 'text/javascript', 'image/svg+xml', 'text/plain'].map((of) => [`getDocsFile ${of}`, '…']),
  ),
  ...Object.fromEntries(pageFiles.map((of) => [`getConsoleFile ${of}`, '…'])),
  'getWidgetLoader text/javascript': '…',
  'getLlmsText text/plain': '# ChatHub gateway\n',
  SearchEntries: [
    { title: 'queue.full', kind: 'Queue full', href: '/docs/problems/queue.full', words: 'queue.full' },
  ],
  'getMetrics text/plain': '# TYPE process_cpu_seconds_total counter\nprocess_cpu_seconds_total 1.5\n',
  OpenApiDocument: { openapi: '3.1.0', info: { title: 'ChatHub gateway', version: '1.0.0' } },
  'getOpenApiYaml application/yaml': 'openapi: "3.1.0"\ninfo:\n  title: "ChatHub gateway"\n',
  ChatHubOrganizations: [support, sales],
  ChatHubOperators: [{ id: 101, name: 'John Smith', status: 0, organization: support }],
  ChatHubNewOperators: [{ organizationId: 24, name: 'Alex Brown' }],
  ChatHubAddedOperators: [{ id: 104, name: 'Alex Brown', status: 0 }],
  ChatHubStatusChange: { id: 103, status: 0 },
  ChatHubTokenRequest: { id: 101, expiresAt: ends },
  ChatHubTokenToValidate: { token },
  ChatHubTokenValidity: { isValid: true, operatorId: 101, expiresAt: ends, error: null },
  ChatHubLogin: { login: 'crm', password: 'the key of the client' },
  ChatHubToken: 'cgt_1c9f5be0',
}

export const parameterExamples: Record<string, unknown> = {
  org: 24,
  operator: 101,
  operation: operation.id,
  webhook: webhookExamples.Webhook.id,
  chatId: '4711',
  code: 'operator.unknown',
  path: 'operators',
  organizationId: 24,
}
