import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { ZodError } from 'zod'
import { type ClientEntry, parseClients } from './access/keys.ts'
import { parseRoles, type SignInRole } from './access/sign-in-roles.ts'
import { systemClock } from './clock.ts'
import { logLevels } from './contract/switches.ts'
import { floorsText } from './events/floors-text.ts'
import { misspelt } from './misspelt.ts'
import { clientQuotas, organizationQuotas, rowsLeast } from './redis/quotas.ts'
import { Secret } from './secret.ts'
import * as type from './setting.ts'
import { oneOf, optional, type Setting, seconds, secret, setting, wholeNumber } from './setting.ts'
import { textOf } from './watch-file.ts'

/** Every setting once: variable, type with bounds, default, sentence. A test keeps `.env.example` equal to this table. */
// biome-ignore format: a table reads best one row a line
export const settings = {
  host: setting('HOST', type.host, '127.0.0.1', 'The address callers connect to.'),
  port: setting('PORT', wholeNumber(0, 65_535), '8080', 'The port callers connect to; 0 picks a free one.'),
  opsPort: optional('OPS_PORT', wholeNumber(0, 65_535), 'A second listener without a key: a status page at /, /metrics, /livez and /readyz. Keep it inside.'),

  shutdownDelayMs: setting('SHUTDOWN_DELAY_SECONDS', seconds(0, 300), '1', 'How long a gateway that was told to end still accepts requests, while /readyz answers 503. Longer than the balancer takes to notice.'),
  connectionsMax: setting('CONNECTIONS_MAX', wholeNumber(10, 1_000_000), '20000', 'The most connections of callers at a time. Further ones are closed at once.'),
  headerBytesMax: setting('HEADER_BYTES_MAX', wholeNumber(1024, 1_048_576), '16384', 'The most bytes of the head of a request: request line and headers.'),
  headersMax: setting('HEADERS_MAX', wholeNumber(10, 2000), '100', 'The most headers of a request.'),
  headersTimeoutMs: setting('HEADERS_TIMEOUT_MS', wholeNumber(100, 600_000), '10000', 'The time a caller has to send the head of a request, in milliseconds.'),
  requestTimeoutMs: setting('REQUEST_TIMEOUT_MS', wholeNumber(100, 3_600_000), '30000', 'The time a caller has to send a whole request, in milliseconds.'),
  overloadWaitMs: setting('OVERLOAD_WAIT_MS', wholeNumber(1, 60_000), '1000', 'How long a request waits for the gateway itself before it is refused with 503, in milliseconds. Cached lists and health checks never wait.'),
  bodiesBytesMax: setting('BODIES_BYTES_MAX', wholeNumber(8_388_608, 1_099_511_627_776), '268435456', 'The most bytes of all bodies in flight, and of answers that were made for one caller. A request that does not fit is refused with 503.'),

  chathubUrl: setting('CHATHUB_BASE_URL', type.url('https:', 'http:'), 'https://chatapi.smsbat.com', 'The origin of ChatHub.'),
  chathubAllowHttp: setting('CHATHUB_ALLOW_HTTP', type.flag, 'false', 'Allows http: to a ChatHub that is not on loopback, such as a simulator in a container.'),
  companyToken: secret('CHATHUB_COMPANY_TOKEN', type.companyToken, 'The company token. The gateway logs in only when ChatHub refuses this token.'),
  login: optional('CHATHUB_LOGIN', type.anyText, 'The login with which the gateway fetches company tokens.'),
  password: secret('CHATHUB_PASSWORD', type.oneLine(1), 'The password of that login.'),
  tokenEncryptionSecret: secret('TOKEN_ENCRYPTION_SECRET', type.oneLine(32), 'At least 32 characters. Instances then share the token that one login returns, encrypted in Redis, and webhooks can keep their secrets there. Without it each logs in, one after the other, and with Redis there are no webhooks.'),
  authHeader: setting('CHATHUB_AUTH_HEADER', oneOf('authorization', 'x-authorization-key'), 'authorization', 'The header that carries the token.'),
  requestsPerSecond: setting('CHATHUB_REQUESTS_PER_SECOND', wholeNumber(1, 10_000), '5', 'The most requests that arrive at ChatHub in any sliding second, from all instances together. Of the calls that must wait, each instance sends at most about 300 a second.'),
  timeoutMs: setting('CHATHUB_TIMEOUT_MS', wholeNumber(50, 60_000), '3000', 'The time limit of one attempt at ChatHub, in milliseconds.'),
  idleMs: setting('CHATHUB_IDLE_MS', wholeNumber(1, 600_000), '4000', 'How long an unused connection to ChatHub is kept, in milliseconds. It must be shorter than ChatHub keeps it. A Keep-Alive header of ChatHub counts instead, less one second.'),
  queueMax: setting('CHATHUB_QUEUE_MAX', wholeNumber(1, 100_000), '200', 'The most calls to ChatHub that wait in one instance.'),
  readDeadlineMs: setting('READ_DEADLINE_MS', wholeNumber(100, 120_000), '5000', 'The longest a caller waits for the answer to a read, in milliseconds.'),
  writeDeadlineMs: setting('WRITE_DEADLINE_MS', wholeNumber(100, 120_000), '15000', 'The longest a caller waits for the answer to a write, in milliseconds.'),

  probeMs: setting('CHATHUB_PROBE_SECONDS', seconds(0, 3600), '20', 'How long after the last call the gateway asks ChatHub by itself, so that its state is known: 0.75 to 1.5 times this. 0: never.'),
  batchSize: setting('CHATHUB_BATCH_SIZE', wholeNumber(1, 1000), '100', 'The number of operators sent to ChatHub in one request.'),
  settleMs: setting('WRITE_SETTLE_SECONDS', seconds(1, 600), '10', 'How long the gateway waits before it looks up the outcome of a write without an answer.'),
  lateWindowMs: setting('WRITE_LATE_WINDOW_SECONDS', seconds(6, 86_400), '3600', 'How long the gateway looks for a write that was not found then and that ChatHub applies later. At least six times WRITE_SETTLE_SECONDS.'),

  rowsKeepMs: setting('OPERATION_ROWS_KEEP_HOURS', type.hours(1, 168), '24', 'How long the rows of an operation are kept after its end, for the report, a retry and an undo. The operation itself is kept for 7 days. At least WRITE_LATE_WINDOW_SECONDS.'),
  storageHighPercent: setting('STORAGE_HIGH_PERCENT', wholeNumber(1, 100), '80', 'The share of the memory limit of Redis above which writes of more than 100 rows are refused. Without Redis: of 128 MiB for operations that have not ended.'),

  redisUrl: secret('REDIS_URL', type.redisUrl, 'redis://, rediss://, redis+sentinel://host,host/name or redis+cluster://host,host. Unset: everything is kept in this process.'),
  redisPrefix: setting('REDIS_PREFIX', type.anyText, 'chathub:', 'The prefix of every key in Redis.'),
  redisTimeoutMs: setting('REDIS_TIMEOUT_MS', wholeNumber(10, 1000), '50', 'How long a reader waits for an answer of Redis, in milliseconds; four measured round trips if that is longer. A later answer counts as an outage; a busy machine may need more.'),
  redisTimeoutMaxMs: setting('REDIS_TIMEOUT_MAX_MS', wholeNumber(50, 10_000), '1000', 'The longest that a reader waits for a Redis that is far away, in milliseconds.'),
  instances: setting('GATEWAY_INSTANCES', wholeNumber(1, 1000), '1', 'At least the number of instances that can run at once, also during a rolling restart. It sets the local share of the budget while Redis is away.'),

  freshMs: setting('CACHE_FRESH_SECONDS', seconds(1, 86_400), '60', 'How long a list of operators is served without asking ChatHub.'),
  organizationsFreshMs: setting('ORGANIZATIONS_FRESH_SECONDS', seconds(1, 86_400), '300', 'The same for the list of organizations.'),
  revalidateMs: setting('CACHE_REVALIDATE_SECONDS', seconds(0, 86_400), '60', 'After that: how long a list is served at once while it is refreshed in the background.'),
  waitMs: setting('CACHE_WAIT_MS', wholeNumber(0, 60_000), '800', 'Later still: how long a reader waits for ChatHub before it gets the old copy, in milliseconds.'),
  staleMs: setting('CACHE_STALE_SECONDS', seconds(1, 604_800), '3600', 'The greatest age of a copy that is served.'),

  refreshPercent: setting('REFRESH_BUDGET_PERCENT', wholeNumber(0, 100), '50', 'The share of CHATHUB_REQUESTS_PER_SECOND that refreshes of lists may use, of all instances together. 0: a list is refreshed only when a reader finds it old.'),

  clients: secret('API_KEYS', type.anyText, 'The callers as JSON: {"clients":[…]}, with entries that `chathub-gateway keys create` prints.'),
  writesInFlightMax: setting('WRITES_IN_FLIGHT_MAX', wholeNumber(1, 100_000), '192', 'The most writes in flight in one instance; of one client at most half, and a third for one organization. Others wait in turns, and are refused with 503 after five seconds.'),
  clientConcurrency: setting('CLIENT_CONCURRENCY', wholeNumber(1, 1_000_000), '1000', 'The most requests of one client in flight in one instance. Each 64 KiB of a body count as one more. Event streams do not count.'),
  anonymousRequestsPerMinute: setting('ANONYMOUS_REQUESTS_PER_MINUTE', wholeNumber(1, 10_000_000), '6000', 'The requests a minute of one address that send a body without a credential, such as logins.'),
  quotasPerClient: setting('QUOTAS_PER_CLIENT', type.counts(clientQuotas, { rows: rowsLeast }), type.countsText(clientQuotas), 'The most that is kept for one client and its sessions at a time. A long answer under an idempotency key counts as several. Streams count in one instance.'),
  quotasPerOrganization: setting('QUOTAS_PER_ORGANIZATION', type.counts(organizationQuotas, { rows: rowsLeast }), type.countsText(organizationQuotas), 'The most that is kept for one organization, over all clients.'),
  jwksUrl: optional('JWT_JWKS_URL', type.url('https:', 'http:'), 'The key set of a host application whose JWTs are accepted.'),
  jwtIssuer: optional('JWT_ISSUER', type.anyText, 'The `iss` claim that these JWTs must carry.'),
  jwtAudience: optional('JWT_AUDIENCE', type.anyText, 'The `aud` claim that these JWTs must carry.'),
  auditKeepMs: setting('AUDIT_KEEP_DAYS', type.days(1, 3650), '90', 'How long audit records are kept, in days.'),
  auditEntriesMax: setting('AUDIT_ENTRIES_MAX', wholeNumber(100, 10_000_000), '10000', 'About how many audit entries of each organization are kept. The changes of one request to ChatHub are one entry.'),
  eventsKeepMs: setting('EVENTS_KEEP_SECONDS', seconds(60, 2_592_000), '604800', 'How long events are kept, in seconds. Who comes back later gets `resync`.'),
  eventsMax: setting('EVENTS_MAX', wholeNumber(100, 1_000_000), '10000', 'The most events that are kept of each organization, and of all together for streams.'),
  metricsOrganizationsMax: setting('METRICS_ORGANIZATIONS_MAX', wholeNumber(0, 10_000), '100', 'The most organizations whose operators /metrics counts one by one; 0: none.'),
  coverageFloors: setting('COVERAGE_FLOORS', floorsText, '{"*":{"floor":1,"forMinutes":5}}', 'Fewer active accounts than this for so long are told as coverage.low. By organization, * for the others; floor 0: never. With hours: {"24":{"floor":2,"zone":"Europe/Kyiv","hours":["Mo-Fr 09:00-18:00"],"forMinutes":10}}.'),
  webhookHosts: setting('WEBHOOK_HOSTS', type.webhookHosts, '', 'The hosts that webhooks may call by https:, comma separated: a host, `*.example.com` or `*`, each with a port if it is not 443. Their addresses must be public. Unset: none.'),
  webhookPrivateHosts: setting('WEBHOOK_PRIVATE_HOSTS', type.webhookPrivateHosts, '', 'Exact hosts that they may also call by http: and at addresses of a network, as in crm.internal:8080=10.1.0.0/16.'),
  webhookTimeoutMs: setting('WEBHOOK_TIMEOUT_MS', wholeNumber(100, 60_000), '10000', 'The time limit of one delivery to a webhook, in milliseconds.'),

  sessionSecret: secret('SESSION_SECRET', type.oneLine(32), 'Enables browser sessions and the console. At least 32 characters, the same for all instances. Unset, with HOST on loopback and without REDIS_URL: a secret that ends with the process.'),
  sessionIdleMs: setting('SESSION_IDLE_SECONDS', seconds(60, 43_200), '1800', 'How long a session lives without use.'),
  sessionMaxMs: setting('SESSION_MAX_SECONDS', seconds(60, 43_200), '43200', 'How long a session lives at most, however much it is used.'),
  sessionSameSite: setting('SESSION_SAME_SITE', oneOf('strict', 'lax', 'none'), 'strict', 'SameSite of the session cookie.'),
  oidcIssuer: optional('OIDC_ISSUER', type.url('https:', 'http:'), 'The identity provider with which people sign in to the console.'),
  oidcClientId: optional('OIDC_CLIENT_ID', type.anyText, 'The client id of the gateway there. Its redirect URI is <origin of the gateway>/console/callback.'),
  oidcClientSecret: secret('OIDC_CLIENT_SECRET', type.oneLine(1), 'The secret of that client, if it has one.'),
  oidcGroupsClaim: setting('OIDC_GROUPS_CLAIM', type.anyText, 'groups', 'The claim of the id token that lists the groups of a person.'),
  oidcSubjectClaim: setting('OIDC_SUBJECT_CLAIM', type.anyText, 'email', 'The claim that names the person in audit and history. Without a verified one: sub.'),
  oidcRoles: secret('OIDC_ROLES', type.anyText, 'What the groups may do, as JSON: {"supervisors":{"scopes":["operators:read","operators:status"],"organizations":[24]}}. The first group of the table that a person has counts, alone.'),

  corsOrigins: setting('CORS_ORIGINS', type.listOf(type.origin), '', 'Exact origins of browser front ends, comma separated.'),

  corsHeaders: setting('CORS_HEADERS', type.listOf(type.headerName), '', 'Further request headers that these front ends may send, comma separated.'),
  ignoreBasicAuth: setting('IGNORE_BASIC_AUTH', type.flag, 'false', 'Ignores Authorization: Basic, which a proxy in front may ask for. The credential is then sent in X-API-Key.'),

  docsKey: secret('DOCS_KEY', type.oneLine(32), 'A key that /docs/reference fills in, for every reader to see. For demos: only while HOST is loopback.'),

  mcpEnabled: setting('MCP_ENABLED', type.flag, 'false', 'Serves /mcp: tools for programs that speak the Model Context Protocol, with the rights of their key.'),
  trustProxy: setting('TRUST_PROXY', type.listOf(type.cidr), '', 'CIDRs of proxies whose X-Forwarded-* headers count, comma separated.'),
  httpsProxy: optional('HTTPS_PROXY', type.proxyUrl, 'The proxy for https: requests to ChatHub and to the key set. TLS is not ended there. This and the next two also count in lower case, which comes first.'),
  httpProxy: optional('HTTP_PROXY', type.proxyUrl, 'The proxy for http: requests, and for https: ones if HTTPS_PROXY is unset.'),
  noProxy: setting('NO_PROXY', type.words, '', 'What is reached without a proxy: * or hosts with their subdomains, addresses, CIDRs, each with an optional port.'),
  otlpEndpoint: optional('OTEL_EXPORTER_OTLP_ENDPOINT', type.url('https:', 'http:'), 'Where traces go, as in http://127.0.0.1:4318. Unset: there are none. docs/traces.md has the packages they need, and further variables of OpenTelemetry.'),
  otlpTracesEndpoint: optional('OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', type.url('https:', 'http:'), 'The same with its path, which is used as it is.'),
  otlpProtocol: setting('OTEL_EXPORTER_OTLP_PROTOCOL', oneOf('http/protobuf', 'http/json'), 'http/protobuf', 'How traces are sent.'),
  otelTracesExporter: setting('OTEL_TRACES_EXPORTER', oneOf('otlp', 'none'), 'otlp', 'none: there are no traces.'),
  otelDisabled: setting('OTEL_SDK_DISABLED', type.flag, 'false', 'true: there are no traces.'),
  otelServiceName: optional('OTEL_SERVICE_NAME', type.anyText, 'The name of this service in traces; chathub-gateway where nothing names it.'),
  serverTiming: setting('SERVER_TIMING', type.flag, 'false', 'Tells callers in Server-Timing what their request waited for. They also learn what others have read lately.'),
  logLevel: setting('LOG_LEVEL', oneOf(...logLevels), 'info', 'The log level. Log lines are JSON on stdout, pretty on a terminal.'),
} satisfies Record<string, Setting<unknown>>

type Values = { [K in keyof typeof settings]: ReturnType<(typeof settings)[K]['read']> }

export type Config = Values & {
  /** Paths of the secrets that were given as files, so that they can be read again. */
  files: Partial<Record<keyof Values, string>>
  clientEntries: ClientEntry[]
  roles: SignInRole[]
  /** What is valid but probably meant otherwise, as sentences without values. */
  warnings: string[]
}

/** Every fault of the settings at once. The process ends with code 78 (EX_CONFIG). */
export class ConfigFaults extends Error {
  readonly faults: string[]
  constructor(faults: string[]) {
    const count = `${faults.length} fault${faults.length === 1 ? '' : 's'}`
    super(`The settings have ${count}:\n${faults.map((fault) => `  ${fault}`).join('\n')}`)
    this.faults = faults
  }
}

/** Without the byte order mark that an editor wrote at the begin of an env file, which becomes part of the first name. */
const withoutMark = (text: string): string => text.replace(/^\uFEFF/, '')

/** Two equal quotes, or a pair of typographic ones. */
const isQuoted = (text: string | undefined): boolean =>
  /^(?:(["'`]).*\1|[“„«‘].*[”“»’])$/su.test(text?.trim() ?? '')
const unquote =
  'its value is in quotes, which Docker passes on from an env file; remove them unless they belong to it'

/**
 * Reads the settings from `env`. An empty variable counts as unset.
 * @throws ConfigFaults that names every fault: variable, value unless secret, what is wanted
 */
export const readConfig = (given: Record<string, string | undefined>): Config => {
  const env = Object.fromEntries(
    Object.entries(given).map(([name, text]) => [withoutMark(name), text && withoutMark(text)]),
  )
  const rows = Object.entries(settings as Record<string, Setting<unknown>>)
  const givenTo = ({ env: name }: Setting<unknown>) =>
    (/^(HTTPS?|NO)_PROXY$/.test(name) && env[name.toLowerCase()]) || env[name] || undefined
  const fileOf = (row: Setting<unknown>) => (row.secret && env[`${row.env}_FILE`]) || undefined
  const isSet = (name: keyof Values) => Boolean(givenTo(settings[name]) ?? fileOf(settings[name]))
  const faults: string[] = []
  const read = {} as Values
  for (const [name, row] of rows)
    try {
      Object.assign(read, { [name]: readSetting(row, givenTo(row), fileOf(row)) })
    } catch (error) {
      if (!(error instanceof ConfigFaults)) throw error
      faults.push(...error.faults)
    }
  faults.push(...crossFaults(read, isSet))
  const clients = read.clients
    ? parseClients(read.clients.reveal(), isSet('jwksUrl'), systemClock.wall())
    : { entries: [], faults: [] }
  const oidc = read.oidcRoles ? parseRoles(read.oidcRoles.reveal()) : { roles: [], faults: [] }
  const inTable = (row: Setting<unknown>, all: string[]): string[] =>
    all.map((fault) => `${row.env}${fileOf(row) ? '_FILE' : ''}: ${fault}`)
  faults.push(...inTable(settings.clients, clients.faults), ...inTable(settings.oidcRoles, oidc.faults))
  const table = rows.map(([, row]) => row)
  const odd = misspelt(env, table)
  if (faults.length > 0) throw new ConfigFaults([...faults, ...odd])
  const files = rows.map(([name, row]) => [name, fileOf(row)] as const).filter(([, path]) => path)
  const quoted = table.filter((row) => isQuoted(givenTo(row) ?? fileOf(row)))
  return {
    ...read,
    sessionSecret: read.sessionSecret ?? ownSessionSecret(read),
    files: Object.fromEntries(files),
    clientEntries: clients.entries,
    roles: oidc.roles,
    warnings: [...quoted.map((row) => `${row.env}: ${unquote}`), ...odd],
  }
}

/** The value of a setting that has this text, or whose text is in the file `path`. @throws ConfigFaults */
const readSetting = (row: Setting<unknown>, text: string | undefined, path: string | undefined): unknown => {
  if (text && path)
    throw new ConfigFaults([`${row.env}: given twice, as itself and as ${row.env}_FILE; wanted: one of them`])
  const content = path ? readSecretFile(row.env, path) : text
  try {
    return row.read(content)
  } catch (error) {
    if (!(error instanceof ZodError)) throw error
    throw new ConfigFaults(
      error.issues.map(({ path: [index], message }) => {
        const value = typeof index === 'number' ? type.partsOf(content ?? '')[index] : content
        const hint = isQuoted(value) ? `; ${unquote}` : ''
        return `${row.env}${row.secret ? '' : shown(value)}: wanted: ${message}${hint}`
      }),
    )
  }
}

const readSecretFile = (env: string, path: string): string => {
  const file = `${env}_FILE=${JSON.stringify(path)}`
  let content: string
  try {
    content = secretOf(textOf(readFileSync(path)))
  } catch {
    throw new ConfigFaults([`${file}: cannot be read; wanted: a readable file`])
  }
  if (content === '') throw new ConfigFaults([`${file}: the file is empty; wanted: the secret`])
  return content
}

/** The secret in a file: its content without the line end. */
export const secretOf = (content: string): string => content.replace(/\r?\n$/, '')

/** `="value"`, unless the value may hold a password. */
const shown = (value: string | undefined): string => (value?.includes('@') ? '' : `=${JSON.stringify(value)}`)

/** Whether a host, as in a URL or in HOST, is this machine alone. */
const isLoopback = (host: string): boolean =>
  ['localhost', '[::1]', '::1'].includes(host) || /^127(\.\d{1,3}){3}$/.test(host)

/**
 * A secret of this process, so that the console works with nothing set up. Only where this machine alone can connect, and
 * no other instance needs the same secret.
 */
const ownSessionSecret = ({ host = '', redisUrl }: Partial<Values>): Secret | undefined =>
  isLoopback(host) && !redisUrl ? new Secret(randomBytes(32).toString('base64url')) : undefined

/** Whether others than this machine can read what is sent there. */
const isExposed = ({ protocol, hostname }: URL): boolean => protocol === 'http:' && !isLoopback(hostname)

/** Faults of settings that do not fit together. A setting that is set wrongly does not also count as missing. */
const crossFaults = (values: Partial<Values>, isSet: (name: keyof Values) => boolean): string[] => {
  const { chathubUrl, jwksUrl, opsPort, corsOrigins = [], headersTimeoutMs, requestTimeoutMs } = values
  const { settleMs = 0, lateWindowMs = Infinity, rowsKeepMs = Infinity } = values
  const base = `CHATHUB_BASE_URL${shown(chathubUrl?.href)}`
  const jwtCount = (['jwksUrl', 'jwtIssuer', 'jwtAudience'] as const).filter(isSet).length
  const plainOrigins =
    values.sessionSameSite === 'none' ? corsOrigins.filter((origin) => !origin.startsWith('https:')) : []
  // biome-ignore format: a table reads best one row a line
  const rows: [isFault: unknown, fault: string][] = [
    [chathubUrl && chathubUrl.href !== `${chathubUrl.origin}/`, `${base}: wanted: an origin alone, without path or query`],
    [chathubUrl && isExposed(chathubUrl) && !values.chathubAllowHttp, `${base}: http: would show the company token; wanted: https:, or CHATHUB_ALLOW_HTTP=true for a simulator`],
    [!isSet('companyToken') && !(isSet('login') && isSet('password')), 'CHATHUB_COMPANY_TOKEN: unset; wanted: the company token, or CHATHUB_LOGIN with CHATHUB_PASSWORD'],
    [isSet('login') && !isSet('password'), 'CHATHUB_PASSWORD: unset; wanted: login and password together'],
    [isSet('password') && !isSet('login'), 'CHATHUB_LOGIN: unset; wanted: login and password together'],
    [headersTimeoutMs && requestTimeoutMs && headersTimeoutMs > requestTimeoutMs, `HEADERS_TIMEOUT_MS="${headersTimeoutMs}": wanted: at most REQUEST_TIMEOUT_MS, which is ${requestTimeoutMs}`],
    [jwtCount % 3 > 0, 'JWT_JWKS_URL, JWT_ISSUER, JWT_AUDIENCE: only some are set; wanted: all or none'],
    [jwksUrl && isExposed(jwksUrl), `JWT_JWKS_URL${shown(jwksUrl?.href)}: wanted: https:, or http: on loopback`],
    [lateWindowMs < 6 * settleMs, `WRITE_LATE_WINDOW_SECONDS="${lateWindowMs / 1000}": wanted: at least six times WRITE_SETTLE_SECONDS, since an operation ends after as long`],
    [Number.isFinite(lateWindowMs) && rowsKeepMs < lateWindowMs, `OPERATION_ROWS_KEEP_HOURS="${rowsKeepMs / 3_600_000}": wanted: at least WRITE_LATE_WINDOW_SECONDS, since late rows are marked until then`],
    [values.docsKey && !isLoopback(values.host ?? ''), `DOCS_KEY: would be shown to others; wanted: a HOST on loopback, such as 127.0.0.1`],
    [opsPort && opsPort === values.port, `OPS_PORT="${opsPort}": wanted: another port than PORT`],
    ...plainOrigins.map((origin): [boolean, string] => [true, `CORS_ORIGINS${shown(origin)}: wanted: https: origins alone, with SESSION_SAME_SITE=none`]),
    ...signInFaults(values, isSet),
    [!isSet('clients') && !isSet('jwksUrl'), 'API_KEYS_FILE: unset; wanted: at least one caller (API_KEYS_FILE, API_KEYS or JWT_JWKS_URL), or nobody could ever call'],
  ]
  return rows.flatMap(([isFault, fault]) => (isFault ? fault : []))
}

/** The same for sign-in by an identity provider. */
// biome-ignore format: a table reads best one row a line
const signInFaults = (
  values: Partial<Values>,
  isSet: (name: keyof Values) => boolean,
): [isFault: unknown, fault: string][] => [
    [new Set((['oidcIssuer', 'oidcClientId', 'oidcRoles'] as const).map(isSet)).size > 1, 'OIDC_ISSUER, OIDC_CLIENT_ID, OIDC_ROLES: only some are set; wanted: all or none'],
    [values.oidcIssuer && isExposed(values.oidcIssuer), `OIDC_ISSUER${shown(values.oidcIssuer?.href)}: wanted: https:, or http: on loopback`],
    [isSet('oidcIssuer') && !isSet('sessionSecret') && !ownSessionSecret(values), 'OIDC_ISSUER: needs sessions; wanted: a session secret too, at least 32 characters'],
]
