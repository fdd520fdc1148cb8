// Made from src/contract: UPDATE=true npm test -- test/contract/client-api.test.ts writes it.
import type { Call, CallOptions, Pages } from './call.ts'

/** The functions of a client that each send one request. */
export type Api = {
  operators: {
    /** List, filter, search, sort and page the operators of an organization. Scope: `operators:read`. */
    list(org: number, query?: {
      /** Only these statuses. Default: all, also deleted. */
      status?: ('active' | 'inactive' | 'deleted' | 'unknown')[]
      /** The whole name. Case and repeated spaces are ignored. */
      name?: string
      /** Part of the name. Case and accents are ignored. */
      q?: string
      /** Default: the order of ChatHub. */
      sort?: ('id' | '-id' | 'name' | '-name' | 'status' | '-status')[]
      /** Default: the whole list. */
      limit?: number
      /** `nextCursor` of the previous page, with the same sort. */
      cursor?: string
      /** Only these fields of each item. `id` is always included. The schema of the answer describes it without `fields`. */
      fields?: ('id' | 'name' | 'status' | 'statusSince' | 'changedBy')[]
    }, options?: CallOptions): Pages<OperatorList>
    /** Get one operator of an organization. Scope: `operators:read`. */
    get(org: number, operator: number, query?: {
      /** `statusSince` and `changedBy` are added. The others are always included. */
      fields?: ('id' | 'name' | 'status' | 'statusSince' | 'changedBy')[]
    }, options?: CallOptions): Call<OperatorInOrganization>
    /** What changed of an operator, newest first: who or what did it, from what to what, when or between when. Scope: `operators:read`. */
    history(org: number, operator: number, query?: {
      /** The most changes of a page. */
      limit?: number
      /** `nextCursor` of the page before. */
      cursor?: string
    }, options?: CallOptions): Pages<OperatorHistory>
    /** Get one operator without naming its organization. Scope: `operators:read`. */
    find(operator: number, options?: CallOptions): Call<OperatorInOrganization>
    /** Search the operators of all organizations of the caller. The answer is partial at the deadline. Scope: `operators:read`. */
    search(query?: {
      /** Part of the name. Case and accents are ignored. */
      q?: string
      /** Only these statuses. Default: all, also deleted. */
      status?: ('active' | 'inactive' | 'deleted' | 'unknown')[]
      /** Only these organizations. */
      organizations?: number[]
    }, options?: CallOptions): Call<Directory>
    /** Add operators; names that exist are skipped unless asked otherwise. Scope: `operators:write`. */
    add(org: number, body: AddOperators, options?: CallOptions): Call<AddResult | Operation>
    /** Activate, deactivate or delete an operator. An unchanged status costs no call to ChatHub. Scope: `operators:status`. `operators:write` includes it, and is needed to set `deleted`, or to change an operator that is neither active nor inactive. */
    update(org: number, operator: number, body: StatusChange, options?: CallOptions): Call<OperatorInOrganization | Operation>
    /** Set the status of an operator to deleted. Scope: `operators:write`. */
    delete(org: number, operator: number, options?: CallOptions): Call<OperatorInOrganization | Operation>
    /** Activate, deactivate or delete many operators at once, with one outcome each. `reason` is `scope.missing` for each operator that this credential may not change. Scope: `operators:status`. `operators:write` includes it, and is needed to set `deleted`, or to change an operator that is neither active nor inactive. */
    setStatus(org: number, body: SetStatus, options?: CallOptions): Call<StatusResult | Operation>
    /** Add up to 100 operators and issue a token for each. `tokenError` says why a token is missing; `…/operators/{operator}/tokens` then issues one. A replay adds no operator and issues new tokens. Scope: `operators:write` and `tokens:mint`. */
    onboard(org: number, body: Onboard, options?: CallOptions): Call<OnboardResult | Operation>
    /** Import operators from a CSV file or an Excel workbook, at most 50,000 rows and 8 MiB. Scope: `operators:import`. */
    import(org: number, file: Blob | Uint8Array | string, query?: {
      /** The column with the names: its header, or its number from 1. Default: the column with a usual header. */
      column?: string
      /** Whether the first row is a header. Default: true, except for a single column without a usual header. */
      header?: boolean
      /** The sheet of a workbook: its name, or its number from 1. Default: the first one. */
      sheet?: string
      /** The encoding of a text file, such as windows-1251. Default: detected. */
      charset?: string
      /** Only report what would happen. */
      dryRun?: boolean
      /** For a name that exists already. Default: skip. */
      onDuplicate?: 'skip' | 'allow'
      /** For a name whose operator is deleted. Default: report. */
      onDeleted?: 'report' | 'reactivate'
    }, options?: CallOptions): Call<ImportPreview | StartedImport>
  }
  organizations: {
    /** List or search the organizations that the caller may access. Scope: `organizations:read`. */
    list(query?: {
      /** Part of the name. Case and accents are ignored. */
      q?: string
      /** Only these organizations. */
      ids?: number[]
    }, options?: CallOptions): Call<OrganizationList>
    /** Get one organization. Scope: `organizations:read`. */
    get(org: number, options?: CallOptions): Call<Organization>
    /** How many accounts of an organization were active over time, as steps. It counts accounts, never people at desks. Scope: `operators:read`. */
    coverage(org: number, query?: {
      /** Default: as far back as events are kept. */
      from?: string
      /** Default, and at most: now. */
      to?: string
      /** The most steps of a page. */
      limit?: number
      /** `nextCursor` of the page before. */
      cursor?: string
    }, options?: CallOptions): Pages<Coverage>
    /** Count the operators of an organization by status. Scope: `operators:read`. */
    statistics(org: number, options?: CallOptions): Call<Statistics>
    /** Count the operators of all organizations of the caller. The answer is partial at the deadline. Scope: `operators:read`. */
    allStatistics(options?: CallOptions): Call<AllStatistics>
    /** Find out why a list is empty or an add fails. Scope: `operators:read`. */
    diagnose(org: number, options?: CallOptions): Call<Diagnosis>
  }
  operations: {
    /** List the operations of the caller, of its person, or for `admin` of all callers within its organizations, newest first. Any credential will do. */
    list(query?: {
      /** Only these kinds. */
      kind?: ('add' | 'import' | 'onboard' | 'setStatus' | 'undo')[]
      /** Only these states. */
      state?: ('queued' | 'running' | 'done' | 'cancelled' | 'needsReview')[]
      /** Only those of this organization. */
      organization?: number
      /** The most operations of a page. */
      limit?: number
      /** `nextCursor` of the page before. */
      cursor?: string
    }, options?: CallOptions): Pages<Operations>
    /** Get the state of a write that takes long or is in doubt. Only the client that made it may read it. Any credential will do. */
    get(operation: string, options?: CallOptions): Call<Operation>
    /** Get the rows of an operation, as JSON or CSV. Any credential will do. */
    rows(operation: string, query?: {
      /** Only rows with these outcomes. */
      outcome?: ('created' | 'exists' | 'existsDeleted' | 'reactivated' | 'rejected' | 'unknown' | 'changed' | 'unchanged' | 'pending')[]
    }, options?: CallOptions): Call<OperationRows>
    /** Stop an operation before its next batch. Rows that are not sent stay pending. Any credential will do. */
    cancel(operation: string, options?: CallOptions): Call<Operation>
    /** Retry the rows that ended in doubt, against a new list. This needs the scope of the write. Any credential will do. */
    retry(operation: string, options?: CallOptions): Call<Operation>
    /** Set back what an operation changed, as a new operation. An added operator gets the status `deleted`, since ChatHub has no delete. Needs the scope of the write. Any credential will do. */
    undo(operation: string, options?: CallOptions): Call<Operation>
  }
  tokens: {
    /** Issue a token for an active operator, valid for at most 24 hours less a minute. Scope: `tokens:mint`. */
    mint(org: number, operator: number, body?: TokenRequest, options?: CallOptions): Call<OperatorToken>
    /** Ask ChatHub whether an operator token is valid. The token of an operator outside the caller’s organizations answers like an unknown one. Scope: `tokens:mint`. */
    validate(body: ValidateToken, options?: CallOptions): Call<TokenState>
  }
  assignments: {
    /** Assign an active operator to a chat. An assigned chat keeps its operator while that operator is active, until 30 days after its last use. Scope: `assignments:write`. */
    assign(org: number, body: AssignChat, options?: CallOptions): Call<Assignment>
    /** Get the operator of a chat. Reading counts as use. Scope: `assignments:write`. */
    get(org: number, chatId: string | number, options?: CallOptions): Call<Assignment>
    /** End the assignment of a chat. The operator’s count of chats stays. Scope: `assignments:write`. */
    release(org: number, chatId: string | number, options?: CallOptions): Call<void>
  }
  gateway: {
    /** Ask ChatHub before a list is served again. Purging all lists needs organizations "*". Scope: `cache:purge`. */
    purge(body?: Purge, options?: CallOptions): Call<void>
    /** Get the id, rights and limit of the caller. Any credential will do. */
    me(options?: CallOptions): Call<Me>
    /** Whether ChatHub and Redis work and the request budget suffices, and since when. Scope: `operators:read`. */
    status(options?: CallOptions): Call<Status>
    /** List the keys that may call, with their rights and last use. Keys are managed in the file of the gateway, and no part of one is shown. Scope: `admin`. */
    clients(options?: CallOptions): Call<Clients>
    /** Get the state of the token, queue, budget, breaker, cache and Redis. The token itself is never shown. Scope: `admin`. */
    upstream(options?: CallOptions): Call<Upstream>
    /** Get what each client caused on a day: requests, calls to ChatHub, waits, refusals, and what the cache saved. Scope: `admin`. */
    usage(query?: {
      /** A day in UTC of the last eight. Default: today. */
      day?: string
    }, options?: CallOptions): Call<Usage>
    /** Get what administrators have switched while the gateway runs, since when, and why. Scope: `admin`. */
    switches(options?: CallOptions): Call<Switches>
    /** Switch without a restart: read-only, no calls to ChatHub, draining, log level. All instances follow within two seconds; draining is of the one that answers. Scope: `admin`. */
    setSwitches(body?: SwitchChange, options?: CallOptions): Call<Switches>
  }
  events: {
    /** Stream what changes in the organizations of the caller as server-sent events, or get the log of it as pages of JSON. Scope: `events:read`. */
    list(query?: {
      /** Only these. Default: all organizations of the caller. */
      organizations?: number[]
      /** Only these types. `resync` is always sent. */
      types?: ('operator.added' | 'operator.statusChanged' | 'operator.renamed' | 'operator.removed' | 'organization.added' | 'organization.removed' | 'coverage.low' | 'coverage.restored')[]
      /** Only what follows. A stream without it begins now, and a page with the oldest event. */
      after?: string
      /** The most events of a page. */
      limit?: number
    }, options?: CallOptions): Pages<EventPage>
  }
  webhooks: {
    /** List the webhooks of the caller. Scope: `webhooks:manage`. */
    list(options?: CallOptions): Call<Webhooks>
    /** Have events sent as signed POSTs (Standard Webhooks). The answer shows the secret, once. Scope: `webhooks:manage`. */
    create(body: NewWebhook, options?: CallOptions): Call<WebhookWithSecret>
    /** Get one webhook: whether it is active, and which organizations wait for a failed delivery. Scope: `webhooks:manage`. */
    get(webhook: string, options?: CallOptions): Call<Webhook>
    /** Send `webhook.test` now, once, and tell what came of it. Scope: `webhooks:manage`. */
    test(webhook: string, options?: CallOptions): Call<WebhookTest>
    /** Send again, in order: from the oldest dead letter of each organization on, or behind an event. Also starts a stopped webhook, and moves it to the key of the caller. Scope: `webhooks:manage`. */
    replay(webhook: string, body?: Replay, options?: CallOptions): Call<Webhook>
    /** Get a new secret, once. The old one signs too for a while. Moves the webhook to the key of the caller. Scope: `webhooks:manage`. */
    rotateSecret(webhook: string, body?: RotateSecret, options?: CallOptions): Call<WebhookWithSecret>
    /** List the events that could not be delivered within 24 hours. Scope: `webhooks:manage`. */
    deadLetters(webhook: string, options?: CallOptions): Call<DeadLetters>
    /** Delete a webhook. Every instance stops sending within a second. Scope: `webhooks:manage`. */
    delete(webhook: string, options?: CallOptions): Call<void>
  }
  audit: {
    /** Who changed what, from what to what, when: the audit records of the organizations of the caller, newest first. Scope: `audit:read`. */
    list(query?: {
      /** Only changes in these organizations. */
      organizations?: number[]
      /** Only changes of this operator. */
      operator?: number
      /** Only changes that this client asked for. */
      client?: string
      /** Only changes that this person asked for. */
      subject?: string
      /** Only changes of this operation. */
      operation?: string
      /** Only changes at this instant and later. */
      from?: string
      /** Only changes before this instant. */
      to?: string
      /** The most records of a page. */
      limit?: number
      /** `nextCursor` of the page before. */
      cursor?: string
    }, options?: CallOptions): Pages<AuditPage>
    /** Replace the name of an operator in audit records, rows of operations, stored answers and events. ChatHub still has it and sends it with each list. Scope: `admin`. */
    eraseName(body: EraseName, options?: CallOptions): Call<ErasedName>
  }
  sessions: {
    /** For a back end: get a ticket with which one browser opens a session. Scope: `sessions:mint`. */
    mint(body: NewSession, options?: CallOptions): Call<Ticket>
    /** End all sessions and tickets of a person that this client minted. `admin` for all organizations ends those of every client. Scope: `sessions:mint`. `admin` includes it here. */
    endAll(query: {
      /** The person, as named when the sessions were minted. */
      subject: string
    }, options?: CallOptions): Call<void>
    /** For the browser: exchange the ticket for a cookie that no script can read. No credential is needed. */
    open(body: TicketUse, options?: CallOptions): Call<void>
    /** Get the rights of this browser session. Only a browser session may call it. */
    get(options?: CallOptions): Call<Session>
    /** End this browser session on every instance. Only a browser session may call it. */
    end(options?: CallOptions): Call<void>
    /** Issue a token for the operator that this browser session is bound to, and for no other. Only a browser session may call it. */
    operatorToken(body?: TokenRequest, options?: CallOptions): Call<OperatorToken>
  }
}

/** The `code` of a problem document. */
export type ProblemCode =
  | 'request.malformed'
  | 'request.invalid'
  | 'request.invalid-body'
  | 'request.expectation'
  | 'route.unknown'
  | 'route.method'
  | 'request.not-acceptable'
  | 'body.too-large'
  | 'request.uri-too-long'
  | 'body.type'
  | 'request.headers-too-large'
  | 'request.timeout'
  | 'credential.missing'
  | 'credential.invalid'
  | 'credential.unverifiable'
  | 'session.ticket'
  | 'session.exceeds'
  | 'session.no-operator'
  | 'credential.conflict'
  | 'credential.in-url'
  | 'limit.exceeded'
  | 'limit.concurrency'
  | 'quota.exceeded'
  | 'scope.missing'
  | 'csrf.refused'
  | 'organization.unknown'
  | 'operator.unknown'
  | 'operation.unknown'
  | 'operation.rows-released'
  | 'assignment.unknown'
  | 'operator.duplicate'
  | 'operator.not-active'
  | 'operator.none-active'
  | 'precondition.failed'
  | 'operation.settled'
  | 'operation.undone'
  | 'operation.running'
  | 'idempotency.in-flight'
  | 'idempotency.mismatch'
  | 'idempotency.required'
  | 'console.unavailable'
  | 'webhook.unknown'
  | 'webhook.key-needed'
  | 'webhook.unavailable'
  | 'chathub.rejected'
  | 'chathub.credentials'
  | 'chathub.forbidden'
  | 'chathub.invalid-response'
  | 'chathub.paused'
  | 'chathub.unavailable'
  | 'chathub.throttled'
  | 'queue.full'
  | 'chathub.timeout'
  | 'write.in-doubt'
  | 'redis.unavailable'
  | 'storage.full'
  | 'gateway.read-only'
  | 'server.overloaded'
  | 'gateway.internal'

export type AddOperators = {
  operators: {
    /** After trim and NFC 1 to 100 UTF-16 units, no control characters, lone surrogates or bidirectional overrides. */
    name: string
  }[]
  onDuplicate?: 'skip' | 'allow' | 'fail'
  onDeleted?: 'report' | 'reactivate'
  /** Only report what would happen. */
  dryRun?: boolean
}

export type AddResult = {
  results: AddedOperator[]
  created: number
  exists: number
  existsDeleted: number
  reactivated: number
  rejected: number
  unknown: number
  /** The operation, for an undo. Missing: nothing was sent to ChatHub. */
  operation?: string
}

export type AddedOperator = {
  /** Place in the request, from 0. */
  index: number
  name: string
  outcome: 'created' | 'exists' | 'existsDeleted' | 'reactivated' | 'rejected' | 'unknown'
  id?: number
}

export type Advice = {
  code: string
  text: string
}

export type AllStatistics = {
  organizations: OrganizationStatistics[]
  total: number
  active: number
  inactive: number
  deleted: number
  /** Operators with a status that ChatHub never documented. */
  unknown: number
  /** Organizations whose list was not available in time. */
  unavailable: number[]
}

export type AssignChat = {
  /** Visible characters or an integer, as it was sent. The integer 7 and the string "7" name the same chat. */
  chatId: string | number
  /** For a chat without an operator. `roundRobin`: the operator with the fewest assigned chats. `modulo`: an integer chatId modulo the number of active operators, in the order of ChatHub. */
  strategy?: 'roundRobin' | 'modulo'
  /** Operators that are not chosen. A chat of one of them moves. */
  exclude?: number[]
}

export type Assignment = {
  /** Visible characters or an integer, as it was sent. The integer 7 and the string "7" name the same chat. */
  chatId: string | number
  operator: number
  /** How the operator was chosen. */
  strategy: 'roundRobin' | 'modulo'
  assignedAt: string
  explain: {
    /** `held`: assigned before and still active. `heldByInactive`: assigned before and no longer active; the next POST moves the chat. */
    reason: 'held' | 'heldByInactive' | 'fewestChats' | 'modulo'
    /** Why the chat moved from its previous operator in this request. */
    moved?: 'inactive' | 'excluded'
    /** Active operators of the organization. */
    active: number
    /** Active operators that are not excluded. */
    candidates: number
    /** `fewestChats`: chats assigned to the operator before this one. No candidate had fewer. A new operator starts with the lowest count of the others. */
    given?: number
    /** `modulo`: index of the operator among the candidates, from 0. */
    index?: number
  }
}

export type AuditPage = {
  items: AuditRecord[]
  /** Null: there are no older records. A page may be short or empty although older ones follow. */
  nextCursor: string | null
}

export type AuditRecord = {
  id: string
  /** When the change was recorded. */
  at: string
  /** Null: all organizations at once. */
  organization: number | null
  kind: 'added' | 'statusChanged' | 'tokenIssued' | 'sessionMinted' | 'sessionsEnded' | 'cachePurged' | 'cancelRequested' | 'retryRequested' | 'undoRequested' | 'nameErased' | 'webhookCreated' | 'webhookDeleted' | 'webhookReplayed' | 'webhookSecretRotated' | 'switchChanged'
  /** `id` is null while nobody knows it: ChatHub refused the name or left it in doubt. */
  operator: {
    id: number | null
    name: string | null
  } | null
  /** The status before the change. */
  from: OperatorStatus | null
  /** The status that the change sets. */
  to: OperatorStatus | null
  /** `unknown`: ChatHub may have applied it. `rejected`: it was asked for, and nothing changed. */
  outcome: 'applied' | 'unknown' | 'rejected'
  /** Why it is unknown or rejected; of a switch, its new value; of `sessionsEnded`, the person. */
  reason: string | null
  /** The key, token or session that asked for it. */
  client: string
  /** The person of the session. */
  subject: string | null
  operation: string | null
  requestId: string | null
}

export type ChangedOperator = {
  /** Place in the request, from 0. */
  index: number
  id: number
  outcome: 'changed' | 'unchanged' | 'rejected' | 'unknown'
  /** Why it was rejected: a failure code. */
  reason?: string
}

export type Client = {
  /** Two keys of one client have the same. */
  id: string
  scopes: ('organizations:read' | 'operators:read' | 'operators:write' | 'operators:status' | 'operators:import' | 'assignments:write' | 'tokens:mint' | 'events:read' | 'audit:read' | 'webhooks:manage' | 'sessions:mint' | 'cache:purge' | 'metrics:read' | 'admin')[]
  organizations: '*' | number[]
  expiresAt: string | null
  /** Exact to a minute. Null: not since it is noted. */
  lastUsedAt: string | null
}

export type ClientUsage = {
  /** The sessions of a key count as the key. `(others)`: too many to count apart. */
  client: string
  requests: number
  /** Reads of lists that caused no wait for ChatHub. */
  fromCache: number
  /** Requests to ChatHub that were made for it, retries included. */
  calls: number
  /** How long its calls waited for the budget, together. */
  waitedSeconds: number
  /** Answers 429 and 503. */
  refused: number
  /** Requests that `shadowRequestsPerMinute` would have refused. */
  wouldRefuse: number
}

export type Clients = {
  items: Client[]
}

export type Coverage = {
  organization: number
  /** Oldest first, without gaps. */
  items: CoverageStep[]
  nextCursor: string | null
}

export type CoverageStep = {
  from: string
  /** The next step begins there. */
  to: string
  /** How many accounts were active. Null: not known exactly. */
  active: number | null
  /** At least so many were. Null: nothing is known. */
  least: number | null
  /** At most so many were. */
  most: number | null
}

export type DeadLetter = {
  /** Its id, and the webhook-id of its deliveries. */
  event: string
  organization: number
  type: string
  attempts: number
  /** Of the last answer. Null: there was none. */
  status: number | null
  reason: 'status' | 'redirect' | 'timeout' | 'connection' | 'address'
  firstAttemptAt: string
  deadAt: string
}

export type DeadLetters = {
  /** Oldest first, the last 1,000. */
  items: DeadLetter[]
  total: number
}

export type Diagnosis = {
  /** ChatHub lists this organization. Null: ChatHub cannot be asked, and nothing is remembered. */
  known: boolean | null
  /** This credential may access it. */
  allowed: boolean
  /** Operators in the last list. Null: there was none. */
  operators: number | null
  /** When ChatHub last listed it. */
  lastAsked: string | null
  advice: Advice[]
}

export type Directory = {
  items: OperatorInOrganization[]
  total: number
  /** Organizations whose list was not available in time. */
  unavailable: number[]
}

export type EraseName = {
  organization: number
  operator: number
}

export type ErasedName = {
  organization: number
  operator: number
  /** Audit records whose name was replaced. */
  audit: number
  /** Rows of operations whose name was replaced. */
  rows: number
  /** Stored answers to an Idempotency-Key in which it was replaced. */
  answers: number
  /** Events whose name was replaced. */
  events: number
  /** Operations that still run with rows of this operator. Repeat the request when they have ended. */
  running: string[]
  /** Whether ChatHub still lists the operator. It then sends the name again with each list. */
  chathub: 'kept' | 'absent' | 'unknown'
}

export type Event = {
  /** Its place in the log. Send it as Last-Event-ID or `after` to go on behind it. */
  id: string
  type: 'operator.added' | 'operator.statusChanged' | 'operator.renamed' | 'operator.removed' | 'organization.added' | 'organization.removed' | 'coverage.low' | 'coverage.restored' | 'resync'
  /** Null: `resync` of all organizations. */
  organization: number | null
  /** For organization.added: its name. */
  name: string | null
  /** The operator after the event. For operator.removed: its last known status. */
  operator: {
    id: number
    /** Null: not known any more. */
    name: string | null
    status: OperatorStatus
    statusCode?: number
  } | null
  /** For operator.statusChanged: the status before. */
  from: OperatorStatus | null
  /** For operator.statusChanged: the status since. */
  to: OperatorStatus | null
  /** When the gateway knew it. */
  observedAt: string
  /** `gateway`: a write of the gateway did it at `observedAt`. `observed`: two lists differ. */
  via: 'gateway' | 'observed'
  /** For `observed`: it happened between these instants. */
  between: string[] | null
  /** For `gateway`: who asked for it. */
  client: string | null
  /** The operation that caused it. */
  operation: string | null
  /** For coverage.low and coverage.restored. */
  coverage: {
    /** How many accounts are active. */
    active: number
    /** Fewer than so many are too few. */
    floor: number
    /** Since when they are, or were, too few. */
    since: string
  } | null
  /** True: ChatHub applied a request of `operation` long after it was given up. */
  late: boolean
}

export type EventPage = {
  /** Oldest first. `resync`: read the lists again, events are missing. */
  items: Event[]
  /** Send it as `after` for what follows. */
  next: string
  /** More events are there already. */
  hasMore: boolean
}

export type Fault = {
  pointer: string
  code: string
  detail: string
}

export type ImportPreview = {
  items: OperationRow[]
  total: number
  created: number
  exists: number
  existsDeleted: number
  reactivated: number
  rejected: number
  unknown: number
  changed: number
  unchanged: number
  pending: number
  file: ReadFile
}

export type Me = {
  id: string
  kind: 'key' | 'jwt' | 'session' | 'token'
  scopes: ('organizations:read' | 'operators:read' | 'operators:write' | 'operators:status' | 'operators:import' | 'assignments:write' | 'tokens:mint' | 'events:read' | 'audit:read' | 'webhooks:manage' | 'sessions:mint' | 'cache:purge' | 'metrics:read' | 'admin')[]
  organizations: '*' | number[]
  requestsPerMinute: number
  expiresAt: string | null
}

export type NewSession = {
  /** `*`: all organizations, also future ones. Only a credential with `*` may give it. */
  organizations?: number[] | '*'
  scopes: ('organizations:read' | 'operators:read' | 'operators:write' | 'operators:status' | 'operators:import' | 'assignments:write' | 'tokens:mint' | 'events:read' | 'audit:read' | 'webhooks:manage' | 'sessions:mint' | 'cache:purge' | 'metrics:read' | 'admin')[]
  /** The only origin whose pages may use the session. */
  origin: string
  /** Use does not extend it. SESSION_MAX_SECONDS is the most. */
  ttlSeconds?: number
  /** How long the ticket works: longer where a person opens it by hand. */
  ticketSeconds?: number
  /** Names the person, as in your own system. It is written into the audit log and into operations. */
  subject?: string
  /** The operator of this person. The session may have its token, and no other. Needs the scope `tokens:mint`. */
  operator?: number
}

export type NewWebhook = {
  /** https:, at a host that the gateway allows. No redirect is followed. */
  url: string
  /** Only these. Default: all organizations of the caller, also later ones. */
  organizations?: number[]
  /** Only these types. `resync` is always sent. */
  types?: ('operator.added' | 'operator.statusChanged' | 'operator.renamed' | 'operator.removed' | 'organization.added' | 'organization.removed' | 'coverage.low' | 'coverage.restored')[]
  description?: string
}

export type Onboard = {
  operators: {
    /** After trim and NFC 1 to 100 UTF-16 units, no control characters, lone surrogates or bidirectional overrides. */
    name: string
  }[]
  token?: TokenRequest
}

export type OnboardResult = {
  results: OnboardedOperator[]
  created: number
  exists: number
  existsDeleted: number
  reactivated: number
  rejected: number
  unknown: number
  /** The operation, for an undo. Missing: nothing was sent to ChatHub. */
  operation?: string
}

export type OnboardedOperator = {
  /** Place in the request, from 0. */
  index: number
  name: string
  outcome: 'created' | 'exists' | 'existsDeleted' | 'reactivated' | 'rejected' | 'unknown'
  id?: number
  token: string | null
  /** When the token expires, within a day. */
  expiresAt: string | null
  /** The failure code when there is no token. */
  tokenError: string | null
}

export type Operation = {
  id: string
  kind: 'add' | 'import' | 'onboard' | 'setStatus' | 'undo'
  organization: number
  state: 'queued' | 'running' | 'done' | 'cancelled' | 'needsReview'
  /** The key, token or session that asked for it. */
  client: string
  /** The person of the session. */
  subject: string | null
  /** For an undo: the operation that it sets back. */
  undoes: string | null
  total: number
  created: number
  exists: number
  existsDeleted: number
  reactivated: number
  rejected: number
  unknown: number
  changed: number
  unchanged: number
  pending: number
  startedAt: string
  finishedAt: string | null
  /** Why it needs review. */
  detail: string | null
}

export type OperationRow = {
  index: number
  /** Line of the file as an editor shows it, or row of the sheet, from 1. */
  line?: number
  name?: string
  id?: number
  outcome: 'created' | 'exists' | 'existsDeleted' | 'reactivated' | 'rejected' | 'unknown' | 'changed' | 'unchanged' | 'pending'
  /** For a change of status: the operator before it. */
  was?: {
    name: string
    status: OperatorStatus
  }
  /** For an undo: the status to set, if the operator still has this name and the status `from`. */
  undo?: {
    name: string
    from: 'active' | 'inactive' | 'deleted'
    to: 'active' | 'inactive' | 'deleted'
  }
  /** Why it was rejected: a failure code, or `name.` with a word such as `quotes`, or `undo.changed`, `undo.renamed`, `undo.unknown`. `late`: ChatHub created it long after the request was given up. `doubled`: then it was created twice. */
  reason?: string
  /** Further operators of this name that ChatHub created late. The gateway deletes none of them. */
  duplicates?: number[]
}

export type OperationRows = {
  items: OperationRow[]
  total: number
}

export type Operations = {
  items: Operation[]
  /** Null: there are no older ones. A page may be short or empty although they follow. */
  nextCursor: string | null
}

export type Operator = {
  id: number
  name: string
  status: OperatorStatus
  /** The integer of a status that ChatHub never documented. */
  statusCode?: number
  /** When the gateway knew this status first. Null: the first list that it saw had it. */
  statusSince?: string | null
  /** Whose write set this status. Null: it was not set through the gateway, or that is not known. */
  changedBy?: {
    client: string
    subject: string | null
  } | null
}

export type OperatorChange = {
  id: string
  type: 'operator.added' | 'operator.statusChanged' | 'operator.renamed' | 'operator.removed'
  /** The status before. Null: it was not listed. */
  from: OperatorStatus | null
  /** The status since. Null: it is not listed any more. */
  to: OperatorStatus | null
  /** The name since. The former one is not kept. */
  name: string | null
  /** When the gateway knew it. */
  observedAt: string
  /** `gateway`: a write of the gateway did it at `observedAt`. `observed`: two lists differ. */
  via: 'gateway' | 'observed'
  /** For `observed`: it happened between these instants. */
  between: string[] | null
  /** For `gateway`: who asked for it. */
  client: string | null
  /** The person of the session that asked for it. */
  subject: string | null
  /** The operation that caused it. */
  operation: string | null
  /** True: ChatHub applied a request of `operation` long after it was given up. */
  late: boolean
}

export type OperatorHistory = {
  /** Newest first. */
  items: OperatorChange[]
  /** Null: no older change is known. A page may be short or empty before. */
  nextCursor: string | null
  /** What changed before is not known. Null: nothing is. */
  completeSince: string | null
}

export type OperatorInOrganization = {
  id: number
  name: string
  status: OperatorStatus
  /** The integer of a status that ChatHub never documented. */
  statusCode?: number
  organization: Organization
  /** When the gateway knew this status first. Null: the first list that it saw had it. */
  statusSince?: string | null
  /** Whose write set this status. Null: it was not set through the gateway, or that is not known. */
  changedBy?: {
    client: string
    subject: string | null
  } | null
}

export type OperatorList = {
  organization: Organization
  /** With `fields`, items lack what it does not name. */
  items: Operator[]
  /** All matches, over all pages. */
  total: number
  nextCursor: string | null
}

/** `unknown`: ChatHub gave a status that it does not document. */
export type OperatorStatus = 'active' | 'inactive' | 'deleted' | 'unknown'

export type OperatorToken = {
  token: string
  expiresAt: string
}

export type Organization = {
  id: number
  name: string
}

export type OrganizationList = {
  items: Organization[]
  total: number
}

export type OrganizationStatistics = {
  id: number
  name: string
  total: number
  active: number
  inactive: number
  deleted: number
  /** Operators with a status that ChatHub never documented. */
  unknown: number
}

/** RFC 9457 */
export type Problem = {
  type: string
  title: string
  status: number
  detail: string
  instance: string
  code: string
  requestId: string
  /** Every fault of the input, with its place as a JSON Pointer. */
  errors?: Fault[]
}

export type Purge = {
  organization?: number
}

export type ReadFile = {
  format: 'csv' | 'xlsx'
  /** The encoding of a text file. */
  charset?: string
  /** The character between the columns of a text file. */
  delimiter?: string
  /** The sheet of a workbook. */
  sheet?: string
  /** Headers of the columns with the names, else their numbers. */
  columns: string[]
  /** What the gateway guessed or assumed, in sentences. */
  notes: string[]
}

export type Replay = {
  /** Sends again what follows this event. Default: from the oldest dead letter of each organization on. */
  after?: string
}

export type RotateSecret = {
  /** For so long each delivery is signed with the old secret too. */
  overlapSeconds?: number
}

export type Session = {
  scopes: ('organizations:read' | 'operators:read' | 'operators:write' | 'operators:status' | 'operators:import' | 'assignments:write' | 'tokens:mint' | 'events:read' | 'audit:read' | 'webhooks:manage' | 'sessions:mint' | 'cache:purge' | 'metrics:read' | 'admin')[]
  organizations: '*' | number[]
  origin: string
  subject: string | null
  /** The operator whose token this session may have. */
  operator: number | null
  /** Use does not extend it. */
  expiresAt: string
  /** A session that is not used for so long ends earlier. */
  idleSeconds: number
  /** Where the browser goes once the session has ended, to sign out at the identity provider too. Null: no provider signed this person in. */
  signOut: string | null
}

export type SetStatus = {
  ids: number[]
  status: 'active' | 'inactive' | 'deleted'
}

export type StartedImport = {
  id: string
  kind: 'add' | 'import' | 'onboard' | 'setStatus' | 'undo'
  organization: number
  state: 'queued' | 'running' | 'done' | 'cancelled' | 'needsReview'
  /** The key, token or session that asked for it. */
  client: string
  /** The person of the session. */
  subject: string | null
  /** For an undo: the operation that it sets back. */
  undoes: string | null
  total: number
  created: number
  exists: number
  existsDeleted: number
  reactivated: number
  rejected: number
  unknown: number
  changed: number
  unchanged: number
  pending: number
  startedAt: string
  finishedAt: string | null
  /** Why it needs review. */
  detail: string | null
  file: ReadFile
}

export type Statistics = {
  total: number
  active: number
  inactive: number
  deleted: number
  /** Operators with a status that ChatHub never documented. */
  unknown: number
}

export type Status = {
  chathub: {
    state: 'unknown' | 'ok' | 'unavailable' | 'refused'
    /** Since when, as this instance saw it. */
    since: string
  }
  redis: {
    state: 'none' | 'ready' | 'away' | 'refused' | 'unsupported'
    /** Since when, as this instance saw it. */
    since: string
  }
  /** `busy`: calls wait for the next second. `paused`: ChatHub asked for a pause. `reduced`: it did some minutes ago. */
  budget: {
    state: 'ok' | 'busy' | 'reduced' | 'paused'
    /** Since when, as this instance saw it. */
    since: string
  }
  /** The last call whose outcome says something about ChatHub. */
  checkedAt: string | null
}

export type StatusChange = {
  status: 'active' | 'inactive' | 'deleted'
}

export type StatusResult = {
  results: ChangedOperator[]
  changed: number
  unchanged: number
  rejected: number
  unknown: number
  /** The operation, for an undo. Missing: nothing was sent to ChatHub. */
  operation?: string
}

export type SwitchChange = {
  readOnly?: boolean
  chathubPaused?: boolean
  /** Of the instance that answers, alone. */
  draining?: boolean
  /** Null: as LOG_LEVEL says. */
  logLevel?: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'silent' | null
  /** For those who read the audit log. */
  reason?: string
}

export type Switches = {
  /** Operators are not changed: such requests answer 503 `gateway.read-only`, and running operations wait. */
  readOnly: {
    on: boolean
    since: string | null
    /** The client, and the person of its session. */
    by: string | null
    reason: string | null
  }
  /** ChatHub is asked for nothing. Lists are served as they are known. */
  chathubPaused: {
    on: boolean
    since: string | null
    /** The client, and the person of its session. */
    by: string | null
    reason: string | null
  }
  /** GET /readyz of this instance answers 503, so that a balancer sends it nothing new. It goes on answering. */
  draining: {
    on: boolean
    since: string | null
    /** The client, and the person of its session. */
    by: string | null
    reason: string | null
  }
  logLevel: {
    level: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'silent'
    since: string | null
    /** The client, and the person of its session. */
    by: string | null
    reason: string | null
  }
}

/** Opens one session, until `expiresAt`. */
export type Ticket = {
  ticket: string
  expiresAt: string
}

export type TicketUse = {
  ticket: string
}

export type TokenRequest = {
  /** Seconds. */
  expiresIn?: number
}

export type TokenState = {
  valid: boolean
  operatorId: number | null
  expiresAt: string | null
  error: string | null
}

export type Upstream = {
  chathub: {
    state: 'unknown' | 'ok' | 'unavailable' | 'refused'
    since: string
    /** The last call whose outcome says something about ChatHub. */
    checkedAt: string | null
  }
  token: {
    /** unproven: ChatHub has not yet accepted the token. */
    state: 'none' | 'unproven' | 'ready' | 'refused'
    source: 'token' | 'login' | null
    ageSeconds: number | null
    detail: string | null
  }
  queue: {
    waiting: {
      people: number
      writes: number
      imports: number
      refreshes: number
    }
    max: number
  }
  budget: {
    requestsPerSecond: number
    /** Less than requestsPerSecond for a while after ChatHub asked for fewer requests. */
    allowedNow: number
    usedInLastSecond: number
    /** Milliseconds. */
    pausedForMs: number
  }
  /** The last ten minutes of this instance, one sample each five seconds, the oldest first. */
  recent: {
    at: string
    /** Requests in the second before. */
    used: number
    /** Requests a second that were allowed. */
    allowed: number
    /** Calls that waited, of all lanes. */
    waiting: number
  }[]
  /** Fields of answers of ChatHub that are not documented: name and type, never a value. */
  unknownFields: {
    operation: string
    field: string
    type: string
  }[]
  breaker: {
    state: 'closed' | 'open' | 'half-open'
    /** Since when, as this instance saw it. */
    since: string
  }
  cache: {
    lists: number
    bytes: number
    /** The list of each organization of the caller that this instance has. */
    organizations: {
      id: number
      name: string
      operators: number
      ageSeconds: number
    }[]
  }
  /** What readers of lists got from this instance in about the last ten minutes: ages, and shares from 0 to 1. */
  reads: {
    meanAgeSeconds: number | null
    p95AgeSeconds: number | null
    fresh: number
    /** Old, and refreshed after the answer. */
    revalidated: number
    /** New, after a wait for ChatHub. */
    waited: number
    /** Old, because no new list came in time. */
    stale: number
  }
  redis: {
    state: 'none' | 'ready' | 'away' | 'refused' | 'unsupported'
    /** Since when, as this instance saw it. */
    since: string
    detail: string | null
  }
  /** `full`: writes of more than 100 rows are refused. `unbounded`: no limit is set or known. */
  storage: {
    state: 'ok' | 'full' | 'unbounded'
    usedBytes: number | null
    maxBytes: number | null
  }
  /** Clients that share an organization with the caller. */
  clients: ({
    id: string
    /** The start of the hash of the key. */
    key: string
    lastUsedAt: string | null
  })[]
}

export type Usage = {
  /** A day in UTC. */
  day: string
  /** Clients that share an organization with the caller. */
  items: ClientUsage[]
}

export type ValidateToken = {
  token: string
}

export type Webhook = {
  id: string
  url: string
  /** Null: all of its key. */
  organizations: number[] | null
  /** Null: all. */
  types: ('operator.added' | 'operator.statusChanged' | 'operator.renamed' | 'operator.removed' | 'organization.added' | 'organization.removed' | 'coverage.low' | 'coverage.restored')[] | null
  description: string
  createdAt: string
  /** `stopped`: nothing is sent. `:replay` with a valid key goes on. */
  state: 'active' | 'stopped'
  /** Why it is stopped. `receiver`: it answered 410. `key`: its key ended. `secret`: it cannot be read; rotate it. */
  reason: 'receiver' | 'key' | 'secret' | null
  /** Those that sign now, the newest first. */
  secrets: ({
    createdAt: string
    endsAt: string | null
  })[]
  /** Organizations whose events wait for a failed delivery, at most 100. */
  failing: ({
    organization: number | null
    firstAttemptAt: string
    nextAttemptAt: string
    attempts: number
    /** Of the last answer. Null: there was none. */
    status: number | null
    reason: 'status' | 'redirect' | 'timeout' | 'connection' | 'address'
  })[]
  deadLetters: number
}

export type WebhookTest = {
  delivered: boolean
  status: number | null
  reason: 'status' | 'redirect' | 'timeout' | 'connection' | 'address' | null
}

export type WebhookWithSecret = {
  id: string
  url: string
  /** Null: all of its key. */
  organizations: number[] | null
  /** Null: all. */
  types: ('operator.added' | 'operator.statusChanged' | 'operator.renamed' | 'operator.removed' | 'organization.added' | 'organization.removed' | 'coverage.low' | 'coverage.restored')[] | null
  description: string
  createdAt: string
  /** `stopped`: nothing is sent. `:replay` with a valid key goes on. */
  state: 'active' | 'stopped'
  /** Why it is stopped. `receiver`: it answered 410. `key`: its key ended. `secret`: it cannot be read; rotate it. */
  reason: 'receiver' | 'key' | 'secret' | null
  /** Those that sign now, the newest first. */
  secrets: ({
    createdAt: string
    endsAt: string | null
  })[]
  /** Organizations whose events wait for a failed delivery, at most 100. */
  failing: ({
    organization: number | null
    firstAttemptAt: string
    nextAttemptAt: string
    attempts: number
    /** Of the last answer. Null: there was none. */
    status: number | null
    reason: 'status' | 'redirect' | 'timeout' | 'connection' | 'address'
  })[]
  deadLetters: number
  /** `whsec_` and 32 bytes as base64. It is shown only here. */
  secret: string
}

export type Webhooks = {
  items: Webhook[]
}

/**
 * Method and path of each function. `b`: JSON body, `f`: file as the body, `q`: query, `k`: Idempotency-Key, `p`: pages by
 * cursor, `e`: pages of events.
 */
export const routes = {
  operators: {
    list: ['GET', '/v1/organizations/{org}/operators', 'qp'],
    get: ['GET', '/v1/organizations/{org}/operators/{operator}', 'q'],
    history: ['GET', '/v1/organizations/{org}/operators/{operator}/history', 'qp'],
    find: ['GET', '/v1/operators/{operator}', ''],
    search: ['GET', '/v1/operators', 'q'],
    add: ['POST', '/v1/organizations/{org}/operators', 'bk'],
    update: ['PATCH', '/v1/organizations/{org}/operators/{operator}', 'b'],
    delete: ['DELETE', '/v1/organizations/{org}/operators/{operator}', ''],
    setStatus: ['POST', '/v1/organizations/{org}/operators:setStatus', 'bk'],
    onboard: ['POST', '/v1/organizations/{org}/operators:onboard', 'bk'],
    import: ['POST', '/v1/organizations/{org}/imports', 'fqk'],
  },
  organizations: {
    list: ['GET', '/v1/organizations', 'q'],
    get: ['GET', '/v1/organizations/{org}', ''],
    coverage: ['GET', '/v1/organizations/{org}/coverage', 'qp'],
    statistics: ['GET', '/v1/organizations/{org}/statistics', ''],
    allStatistics: ['GET', '/v1/statistics', ''],
    diagnose: ['GET', '/v1/organizations/{org}/diagnosis', ''],
  },
  operations: {
    list: ['GET', '/v1/operations', 'qp'],
    get: ['GET', '/v1/operations/{operation}', ''],
    rows: ['GET', '/v1/operations/{operation}/rows', 'q'],
    cancel: ['POST', '/v1/operations/{operation}:cancel', 'k'],
    retry: ['POST', '/v1/operations/{operation}:retry', 'k'],
    undo: ['POST', '/v1/operations/{operation}:undo', 'k'],
  },
  tokens: {
    mint: ['POST', '/v1/organizations/{org}/operators/{operator}/tokens', 'bk'],
    validate: ['POST', '/v1/tokens:validate', 'b'],
  },
  assignments: {
    assign: ['POST', '/v1/organizations/{org}/assignments', 'bk'],
    get: ['GET', '/v1/organizations/{org}/assignments/{chatId}', ''],
    release: ['DELETE', '/v1/organizations/{org}/assignments/{chatId}', ''],
  },
  gateway: {
    purge: ['POST', '/v1/cache:purge', 'bk'],
    me: ['GET', '/v1/me', ''],
    status: ['GET', '/v1/status', ''],
    clients: ['GET', '/v1/clients', ''],
    upstream: ['GET', '/v1/upstream', ''],
    usage: ['GET', '/v1/usage', 'q'],
    switches: ['GET', '/v1/switches', ''],
    setSwitches: ['PATCH', '/v1/switches', 'b'],
  },
  events: {
    list: ['GET', '/v1/events', 'qe'],
  },
  webhooks: {
    list: ['GET', '/v1/webhooks', ''],
    create: ['POST', '/v1/webhooks', 'bk'],
    get: ['GET', '/v1/webhooks/{webhook}', ''],
    test: ['POST', '/v1/webhooks/{webhook}:test', ''],
    replay: ['POST', '/v1/webhooks/{webhook}:replay', 'bk'],
    rotateSecret: ['POST', '/v1/webhooks/{webhook}:rotateSecret', 'bk'],
    deadLetters: ['GET', '/v1/webhooks/{webhook}/deadLetters', ''],
    delete: ['DELETE', '/v1/webhooks/{webhook}', ''],
  },
  audit: {
    list: ['GET', '/v1/audit', 'qp'],
    eraseName: ['POST', '/v1/audit:eraseName', 'bk'],
  },
  sessions: {
    mint: ['POST', '/v1/sessions', 'bk'],
    endAll: ['DELETE', '/v1/sessions', 'q'],
    open: ['POST', '/v1/session', 'b'],
    get: ['GET', '/v1/session', ''],
    end: ['DELETE', '/v1/session', ''],
    operatorToken: ['POST', '/v1/session:operatorToken', 'b'],
  },
} as const
