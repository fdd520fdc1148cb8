/**
 * Every failure that the gateway shows, once. The problem documents (RFC 9457), the pages under /docs/problems/ and the
 * OpenAPI document come from this table.
 */
type Row = {
  status: number
  title: string
  /** What happened. Never text from ChatHub, never a value that was sent. */
  detail: string
  /** What to do. */
  fix: string
  /**
   * Whether to send the same request again. `no`: it fails again. `later`: it is safe after a pause. `now`: it is safe at
   * once. `check`: it may have been carried out, so the caller must read the current state first.
   */
  retry: 'no' | 'later' | 'now' | 'check'
}

const row = (status: number, title: string, retry: Row['retry'], detail: string, fix: string): Row => {
  return { status, title, retry, detail, fix }
}

// biome-ignore format: a table reads best one row a line
export const failures = {
  'request.malformed': row(400, 'Malformed request', 'no', 'The gateway could not parse the request.', 'Correct the syntax. `errors` names the place where it is known.'),
  'request.invalid': row(400, 'Invalid parameter or header', 'no', 'A value in the path, the query or a header is not valid for this endpoint.', 'Correct every entry of `errors`. /openapi.json lists the valid values.'),
  'request.invalid-body': row(422, 'Invalid body', 'no', 'The body is well formed but breaks a rule.', 'Correct every entry of `errors`. Each one names its place by JSON Pointer.'),
  'request.expectation': row(417, 'Expectation not supported', 'no', 'The gateway supports only `Expect: 100-continue`.', 'Send the request without the Expect header.'),
  'route.unknown': row(404, 'No such path', 'no', 'This path does not exist.', 'Compare the path with /openapi.json. Upper and lower case, colons and slashes matter.'),
  'route.method': row(405, 'Method not allowed', 'no', 'This path does not support this method.', 'Use one of the methods in the Allow header.'),
  'request.not-acceptable': row(406, 'Not acceptable', 'no', 'The Accept header allows no media type of this endpoint.', 'Accept a media type that /openapi.json lists, or leave the header out.'),
  'body.too-large': row(413, 'Body too large', 'no', 'The body is larger than this endpoint accepts.', 'Send fewer rows in one request. Use an import for large sets.'),
  'request.uri-too-long': row(414, 'URL too long', 'no', 'The URL is longer than 4096 bytes.', 'Shorten the query.'),
  'body.type': row(415, 'Unsupported body', 'no', 'This endpoint does not accept the media type or encoding of the body.', 'Send UTF-8 JSON as application/json without Content-Encoding. An import takes text/csv, an Excel workbook, or multipart/form-data.'),
  'request.headers-too-large': row(431, 'Headers too large', 'no', 'The request has too many headers, or they are too large.', 'Send fewer or shorter headers.'),
  'request.timeout': row(408, 'Request timeout', 'now', 'The request did not arrive completely in time. It was not processed.', 'Send the whole request without pauses.'),
  'credential.missing': row(401, 'Credential missing', 'no', 'This endpoint needs a credential, and the request has none.', 'Send a key in `Authorization: Bearer …` or `X-API-Key`.'),
  'credential.invalid': row(401, 'Credential not valid', 'no', 'The credential is unknown, expired or revoked.', 'Use a current key, token or session.'),
  'credential.unverifiable': row(503, 'Credential cannot be checked', 'later', 'The gateway cannot check this credential at the moment.', 'Wait for Retry-After, then send the request again.'),
  'session.ticket': row(401, 'Ticket not valid', 'no', 'The ticket is unknown, expired or already used.', 'Get a new ticket from your back end, or a new link by `chathub-gateway login-link`. A ticket works once, and not for long.'),
  'session.exceeds': row(403, 'Session exceeds the rights of its creator', 'no', 'A session cannot have scopes or organizations that its creator does not have.', 'Remove what `errors` lists.'),
  'session.no-operator': row(403, 'Session without an operator', 'no', 'This session is bound to no operator, so it can have no operator token.', 'Back end: name the `operator` of the person when you mint the ticket, with a key that has `tokens:mint`.'),
  'credential.conflict': row(400, 'More than one credential', 'no', 'The request has two different credentials.', 'Send exactly one credential.'),
  'credential.in-url': row(400, 'Credential in the URL', 'no', 'The URL contains a credential. Logs and browser histories keep URLs.', 'Send the credential in a header, and replace the exposed key.'),
  'limit.exceeded': row(429, 'Too many requests', 'later', 'This client has used up its requests per minute. Large bodies and answers count as several.', 'Wait for Retry-After. If this is normal use, ask the operators of the gateway for a higher limit.'),
  'limit.concurrency': row(429, 'Too many requests at once', 'later', 'This client has too many requests in flight. A large body counts as several.', 'Wait for answers before you send more requests. Retry-After says when to try again.'),
  'quota.exceeded': row(429, 'Too much is kept', 'later', 'The gateway keeps as much of this kind as it may.', 'Wait for Retry-After. If this is normal use, ask the operators of the gateway for a higher quota.'),
  'scope.missing': row(403, 'Scope missing', 'no', 'The credential lacks a scope that this endpoint needs.', 'Use a credential with the scope that `errors` names.'),
  'csrf.refused': row(403, 'Cross-site request refused', 'no', 'A session cookie needs the header `X-Gateway-Session: 1` and a page of the origin of its session.', 'Call from a page of that origin, and send the header.'),
  'organization.unknown': row(404, 'No such organization', 'no', 'The organization does not exist, or this credential may not access it.', 'Check the id with GET /v1/organizations.'),
  'operator.unknown': row(404, 'No such operator', 'no', 'The operator does not exist in an organization that this credential may access.', 'Check the id with GET /v1/organizations/{org}/operators.'),
  'operation.unknown': row(404, 'No such operation', 'no', 'The operation does not exist, or another client made it.', 'Use the Location of the 202 answer. The gateway keeps operations for 7 days after their end.'),
  'operation.rows-released': row(410, 'Rows released', 'no', 'The rows of this operation are no longer kept. Its counts are.', 'Read rows soon after the end of an operation. GET /v1/audit has the changes.'),
  'assignment.unknown': row(404, 'No such assignment', 'no', 'No operator holds this chat.', 'Assign the chat with POST.'),
  'operator.duplicate': row(409, 'Operator exists already', 'no', 'At least one name exists already, and `onDuplicate` is `fail`. Nothing was added.', 'Remove the names that `errors` lists, or use `onDuplicate: "skip"`.'),
  'operator.not-active': row(409, 'Operator not active', 'no', 'Only an active operator can get a token.', 'Activate the operator first.'),
  'operator.none-active': row(409, 'No active operator', 'later', 'No active operator can take this chat.', 'Activate an operator, or try again later.'),
  'precondition.failed': row(412, 'Changed meanwhile', 'no', 'The operator is not as If-Match expects. Nothing was changed.', 'Read the operator again, decide again, and send its new ETag.'),
  'operation.settled': row(409, 'Operation has ended', 'no', 'The operation has ended, so this command no longer applies.', 'Read its state with GET.'),
  'operation.undone': row(409, 'Operation was undone', 'no', 'Another request has undone this operation already.', 'Read the operation that set it back: GET /v1/audit names it. That one can be undone in turn.'),
  'operation.running': row(409, 'Operation still running', 'later', 'The operation is still running. Only an operation that has ended can be retried.', 'Wait for its end, or cancel it first.'),
  'idempotency.in-flight': row(409, 'Same request in flight', 'later', 'A request with this Idempotency-Key is still running.', 'Wait for Retry-After, then send the same request with the same key.'),
  'idempotency.mismatch': row(422, 'Idempotency-Key used for another request', 'no', 'This Idempotency-Key was used before, with another URL or body.', 'Use a new key for a new request.'),
  'idempotency.required': row(400, 'Idempotency-Key required', 'no', 'A request that allows duplicates is safe to repeat only with an Idempotency-Key.', 'Send an Idempotency-Key of 1 to 255 visible ASCII characters.'),
  'console.unavailable': row(404, 'No console here', 'no', 'This gateway serves no console.', 'Operators of the gateway: set SESSION_SECRET, and build the page with `npm run build`. The detail says which of the two is missing.'),
  'webhook.unknown': row(404, 'No such webhook', 'no', 'The webhook does not exist, or another client made it.', 'Check the id with GET /v1/webhooks.'),
  'webhook.key-needed': row(403, 'Webhooks need a key', 'no', 'A webhook goes on by itself with the rights of a key, and this credential is none.', 'Use a key, or a gateway token of one.'),
  'webhook.unavailable': row(501, 'No webhooks here', 'no', 'This gateway cannot keep the secrets of webhooks: TOKEN_ENCRYPTION_SECRET is not set.', 'Operators of the gateway: set TOKEN_ENCRYPTION_SECRET, the same for all instances. Callers: use GET /v1/events.'),
  'chathub.rejected': row(422, 'ChatHub refused the request', 'no', 'ChatHub answered that the request is not valid. Nothing was changed.', 'Check the values, and read the diagnosis of the organization.'),
  'chathub.credentials': row(502, 'ChatHub refused the credential of the gateway', 'later', 'ChatHub does not accept the credential of the gateway. Yours is valid.', 'Operators of the gateway: replace the company token or the login. Callers: try again later.'),
  'chathub.forbidden': row(502, 'ChatHub refused this organization', 'later', 'ChatHub does not let the gateway access this organization.', 'Operators of the gateway: ask for access to the organization in ChatHub. Callers: try again later.'),
  'chathub.invalid-response': row(502, 'Invalid response from ChatHub', 'later', 'ChatHub sent a response that the gateway cannot use.', 'Try again later. The log of the gateway has the reason.'),
  'chathub.paused': row(503, 'ChatHub is paused', 'later', 'An administrator has paused all calls to ChatHub. Lists are served as they are known.', 'Try again later. GET /v1/switches says since when and why.'),
  'chathub.unavailable': row(503, 'ChatHub unavailable', 'later', 'ChatHub cannot be reached, or answers with errors.', 'Wait for Retry-After, then send the request again.'),
  'chathub.throttled': row(503, 'ChatHub asked for a pause', 'later', 'ChatHub asked the gateway to send fewer requests.', 'Wait for Retry-After, then send the request again.'),
  'queue.full': row(503, 'Too many calls are waiting', 'later', 'Too many calls are waiting for ChatHub. This one was not sent.', 'Wait for Retry-After, then send the request again.'),
  'chathub.timeout': row(504, 'ChatHub did not answer', 'later', 'ChatHub did not answer in time.', 'Try again later.'),
  'write.in-doubt': row(504, 'Outcome unknown', 'check', 'The gateway sent the write to ChatHub but does not know its outcome yet.', 'Read the list before you write again. The gateway sends such a write again only after it has checked.'),
  'redis.unavailable': row(503, 'Write journal unavailable', 'later', 'The gateway cannot reach its write journal, so it accepts no writes. Reads continue.', 'Wait for Retry-After, then send the request again.'),
  'storage.full': row(503, 'No room for large writes', 'later', 'The storage of the gateway is nearly full, so it accepts no large writes. Small writes and reads continue.', 'Wait for Retry-After, or send at most 100 rows in one request.'),
  'gateway.read-only': row(503, 'Gateway is read-only', 'later', 'An administrator has made the gateway read-only, so no operator is changed. Reads continue.', 'Try again later. GET /v1/switches says since when and why.'),
  'server.overloaded': row(503, 'Gateway overloaded', 'later', 'The gateway has more requests than it can begin in time. This one was not begun.', 'Wait for Retry-After, then send the request again.'),
  'gateway.internal': row(500, 'Internal error', 'check', 'The gateway failed. Its log has the reason under the request id.', 'Report the request id to the operators of the gateway.'),
} as const satisfies Record<string, Row>

export type FailureCode = keyof typeof failures

/** One fault of the input: its place (RFC 6901 JSON Pointer, or /query/…, /path/…, /headers/…), a stable code, a sentence. */
export type Fault = { pointer: string; code: string; detail: string }

type Extra = {
  /** Replaces the sentence of the table. It must hold no secret. */
  detail?: string
  errors?: Fault[]
  /** Ms until a repetition can succeed; sent as Retry-After in whole seconds, at least 1. */
  retryAfterMs?: number | undefined
  /** True: ChatHub may have carried out the request, so it must not be sent again before the outcome is known. */
  inDoubt?: boolean
  /** Response headers that belong to this failure, such as Allow. */
  headers?: Record<string, string>
  cause?: unknown
}

/** The only error that callers see as it is. Every other one becomes `gateway.internal`. */
export class Failure extends Error {
  readonly code: FailureCode
  readonly errors: Fault[] | undefined
  readonly retryAfterMs: number | undefined
  readonly inDoubt: boolean
  readonly headers: Record<string, string> | undefined
  /** The sentence the caller reads. */
  readonly detail: string

  constructor(code: FailureCode, extra: Extra = {}) {
    super(code, extra.cause === undefined ? undefined : { cause: extra.cause })
    this.name = 'Failure'
    this.code = code
    this.detail = extra.detail ?? failures[code].detail
    this.errors = extra.errors
    this.retryAfterMs = extra.retryAfterMs
    this.inDoubt = extra.inDoubt ?? false
    this.headers = extra.headers
  }

  get status(): number {
    return failures[this.code].status
  }
}

export const isFailure = (error: unknown, ...codes: FailureCode[]): error is Failure =>
  error instanceof Failure && (codes.length === 0 || codes.includes(error.code))
