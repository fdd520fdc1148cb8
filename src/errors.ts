/**
 * Every failure the gateway can show, once: its status, whether asking again helps, and the sentences people read.
 * The problem documents (RFC 9457), their pages under /docs/problems/ and the OpenAPI document are made from this table.
 */
type Row = {
  status: number
  title: string
  /** What happened, for the caller; never text from ChatHub, never a value that was sent. */
  detail: string
  /** What to do about it. */
  fix: string
  /** `no`: the same request fails again; `later`: wait for Retry-After; `now`: at once, it is safe. */
  retry: 'no' | 'later' | 'now'
}

const row = (status: number, title: string, retry: Row['retry'], detail: string, fix: string): Row => ({
  status,
  title,
  detail,
  fix,
  retry,
})

// biome-ignore format: a table reads best one row a line
export const failures = {
  'request.malformed': row(400, 'Malformed request', 'no', 'The request could not be parsed.', 'Correct the syntax of the request; `errors` says where it broke.'),
  'request.invalid': row(400, 'Invalid parameter or header', 'no', 'A path, query or header value is not what this endpoint takes.', 'Correct every entry of `errors`; /openapi.json lists what is accepted.'),
  'request.invalid-body': row(422, 'Invalid body', 'no', 'The body is well formed but breaks a rule.', 'Correct every entry of `errors`; each names its place by JSON Pointer.'),
  'request.expectation': row(417, 'Expectation failed', 'no', 'Only `Expect: 100-continue` is understood.', 'Send the request without the Expect header.'),
  'route.unknown': row(404, 'No such path', 'no', 'There is nothing at this path.', 'Compare the path with /openapi.json; letters, colons and slashes count.'),
  'route.method': row(405, 'Method not allowed', 'no', 'This path does not take this method.', 'Use one of the methods in the Allow header.'),
  'request.not-acceptable': row(406, 'Not acceptable', 'no', 'The answer cannot be given in a form that Accept allows.', 'Accept application/json, or leave the header out.'),
  'body.too-large': row(413, 'Body too large', 'no', 'The body is larger than this endpoint takes.', 'Send less at once; large sets go through an import.'),
  'request.uri-too-long': row(414, 'URL too long', 'no', 'The URL is longer than 4096 bytes.', 'Shorten the query.'),
  'body.type': row(415, 'Unsupported body', 'no', 'The body is not of the type and coding that this endpoint takes.', 'Send UTF-8 JSON as application/json without Content-Encoding (CSV as text/csv for imports).'),
  'request.headers-too-large': row(431, 'Headers too large', 'no', 'The headers of the request are too large or too many.', 'Send fewer or shorter headers.'),
  'request.timeout': row(408, 'Request timeout', 'now', 'The request did not arrive in time.', 'Send the whole request without pauses.'),
  'credential.missing': row(401, 'Credential missing', 'no', 'This endpoint needs a credential and none was sent.', 'Send a key in `Authorization: Bearer …` or `X-API-Key`.'),
  'credential.invalid': row(401, 'Credential not valid', 'no', 'The credential is unknown, expired or revoked.', 'Use a current key, token or session.'),
  'credential.unverifiable': row(503, 'Credential cannot be checked', 'later', 'The keys to check this credential with cannot be had right now.', 'Wait for Retry-After.'),
  'session.ticket': row(401, 'Ticket not valid', 'no', 'The ticket is unknown, was used before, or is too old.', 'Ask your back end for a new ticket; each works once, within a minute.'),
  'session.exceeds': row(403, 'More than the minter has', 'no', 'A session may not carry scopes or organizations that its minter does not have.', 'Ask for less, as `errors` says.'),
  'credential.conflict': row(400, 'More than one credential', 'no', 'Two different credentials were sent with one request.', 'Send exactly one credential.'),
  'credential.in-url': row(400, 'Credential in the URL', 'no', 'A credential was sent in the URL, where logs and histories keep it.', 'Send it in a header, and replace the key that was exposed.'),
  'limit.exceeded': row(429, 'Too many requests', 'later', 'This client has used up its requests per minute.', 'Wait for Retry-After; ask for a higher limit if this is ordinary use.'),
  'scope.missing': row(403, 'Scope missing', 'no', 'The credential does not carry the scope that this endpoint needs.', 'Use a credential with the scope named in `errors`.'),
  'csrf.refused': row(403, 'Cross-site request refused', 'no', 'A session cookie counts only together with the header `X-Gateway-Session: 1`, sent from the origin that the session is bound to.', 'Call from the page of the session’s own origin and add the header.'),
  'organization.unknown': row(404, 'No such organization', 'no', 'No such organization exists, or this credential may not touch it.', 'Check the id with GET /v1/organizations.'),
  'operator.unknown': row(404, 'No such operator', 'no', 'No such operator exists in an organization that this credential may touch.', 'Check the id with GET /v1/organizations/{org}/operators.'),
  'operation.unknown': row(404, 'No such operation', 'no', 'No such operation exists, or another client made it.', 'Use the Location that came with the 202 answer; operations are kept for 7 days.'),
  'assignment.unknown': row(404, 'No such assignment', 'no', 'This chat is held by nobody.', 'Assign it with POST.'),
  'operator.duplicate': row(409, 'Operator exists already', 'no', 'At least one name exists already and `onDuplicate` is `fail`; nothing was added.', 'Remove the names listed in `errors`, or use `onDuplicate: "skip"`.'),
  'operator.not-active': row(409, 'Operator not active', 'no', 'A token is issued only for an active operator.', 'Activate the operator first.'),
  'operator.none-active': row(409, 'Nobody is active', 'later', 'No active operator can take this chat.', 'Activate an operator, or try again later.'),
  'operation.settled': row(409, 'Operation has ended', 'no', 'The operation has already ended, so this cannot be done to it.', 'Read its state with GET.'),
  'operation.running': row(409, 'Operation still running', 'later', 'The operation is still running; only what has ended can be tried again.', 'Wait for its end, or cancel it first.'),
  'idempotency.in-flight': row(409, 'Same request still running', 'later', 'A request with this Idempotency-Key is still running.', 'Wait for Retry-After and send the same request again.'),
  'idempotency.mismatch': row(422, 'Idempotency-Key used for another request', 'no', 'This Idempotency-Key came with another body before.', 'Use a new key for a new request.'),
  'idempotency.required': row(400, 'Idempotency-Key required', 'no', 'Adding with duplicates allowed is not safe to repeat without an Idempotency-Key.', 'Send an Idempotency-Key of 1 to 255 visible ASCII characters.'),
  'chathub.rejected': row(422, 'ChatHub refused the request', 'no', 'ChatHub answered that the request is not valid; nothing was changed.', 'Check the organization and the values; see the diagnosis of the organization.'),
  'chathub.credentials': row(502, 'ChatHub refuses the gateway', 'later', 'ChatHub does not accept the gateway’s own credential.', 'Operators of the gateway: replace the company token or the login. Callers: try again later.'),
  'chathub.forbidden': row(502, 'ChatHub refuses this organization', 'later', 'ChatHub does not let the gateway’s credential touch this organization.', 'Operators of the gateway: ask for access to the organization in ChatHub.'),
  'chathub.invalid-response': row(502, 'ChatHub answered nonsense', 'later', 'ChatHub’s answer was not what its contract says, so it was not used.', 'Try again later; operators of the gateway find the reason in its log.'),
  'chathub.unavailable': row(503, 'ChatHub unavailable', 'later', 'ChatHub cannot be reached or answers with errors.', 'Wait for Retry-After.'),
  'chathub.throttled': row(503, 'ChatHub asks for a pause', 'later', 'ChatHub has asked the gateway to slow down.', 'Wait for Retry-After.'),
  'queue.full': row(503, 'Too many calls are waiting', 'later', 'So many calls wait for ChatHub that this one could not be made in time; it was not sent.', 'Wait for Retry-After.'),
  'chathub.timeout': row(504, 'ChatHub did not answer', 'later', 'ChatHub did not answer in time.', 'Try again later.'),
  'write.in-doubt': row(504, 'Outcome unknown', 'no', 'The write was sent but its outcome is not known yet.', 'Read the list before writing again; the gateway never sends a write in doubt twice by itself.'),
  'redis.unavailable': row(503, 'Write journal unavailable', 'later', 'Writes are refused while the gateway’s memory of writes cannot be reached; ChatHub was not asked.', 'Wait for Retry-After; reads go on.'),
  'gateway.internal': row(500, 'Internal error', 'no', 'The gateway failed. The request id leads its operators to the reason.', 'Report the request id.'),
} as const satisfies Record<string, Row>

export type FailureCode = keyof typeof failures

/** One fault in the input: where (RFC 6901 JSON Pointer, or /query/…, /path/…, /headers/…), a stable code, a sentence. */
export type Fault = { pointer: string; code: string; detail: string }

type Extra = {
  /** Replaces the table's sentence where more can be said without telling a secret. */
  detail?: string
  errors?: Fault[]
  /** When asking again can help, in ms from now; shown as Retry-After in whole seconds, at least 1. */
  retryAfterMs?: number
  /** True when ChatHub may have acted on the request: it must not be sent again before the outcome is known. */
  inDoubt?: boolean
  /** Response headers that belong to this failure, such as Allow. */
  headers?: Record<string, string>
  cause?: unknown
}

/** The one error class that is shown to callers; everything else becomes `gateway.internal`. */
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
