import { readFileSync } from 'node:fs'
import { parseClients } from './access/keys.ts'
import {
  flag,
  list,
  oneLine,
  oneOf,
  optionalText,
  optionalWhole,
  type Setting,
  seconds,
  secret,
  text,
  url,
  whole,
} from './setting-types.ts'
import * as shapes from './setting-validators.ts'

/** Every setting once: variable, default, bounds, sentence. `.env.example` is proven equal to this table. */
// biome-ignore format: a table reads best one row a line
export const settings = {
  host: text('HOST', '127.0.0.1', 'The address callers connect to.', shapes.host),
  port: whole('PORT', 8080, [0, 65535], 'The port callers connect to; 0 picks a free one.'),
  opsPort: optionalWhole('OPS_PORT', [0, 65535], 'A second listener for /metrics, /livez and /readyz without a key.'),

  chathubUrl: url('CHATHUB_BASE_URL', 'https://chatapi.smsbat.com', ['https:', 'http:'], 'Origin of ChatHub.'),
  chathubAllowHttp: flag('CHATHUB_ALLOW_HTTP', 'Allows http: to a ChatHub that is not on loopback (a simulator in a container).'),
  companyToken: secret('CHATHUB_COMPANY_TOKEN', 'The company token. The token is used first, the login when it is refused.', shapes.companyToken),
  login: optionalText('CHATHUB_LOGIN', 'Login with which the gateway fetches company tokens by itself.'),
  password: secret('CHATHUB_PASSWORD', 'Password of that login.'),
  authHeader: oneOf('CHATHUB_AUTH_HEADER', 'authorization', ['authorization', 'x-authorization-key'], 'The header that carries the token.'),
  requestsPerSecond: whole('CHATHUB_REQUESTS_PER_SECOND', 5, [1, 10_000], 'No more requests than this arrive at ChatHub in any sliding second, all instances together.'),
  timeoutMs: whole('CHATHUB_TIMEOUT_MS', 3000, [50, 60_000], 'The longest one attempt at ChatHub takes, in milliseconds.'),
  queueMax: whole('CHATHUB_QUEUE_MAX', 200, [1, 100_000], 'Calls to ChatHub that may wait, per instance.'),
  readDeadlineMs: whole('READ_DEADLINE_MS', 5000, [100, 120_000], 'The longest a caller waits for the answer to a read, in milliseconds.'),
  writeDeadlineMs: whole('WRITE_DEADLINE_MS', 15_000, [100, 120_000], 'The longest a caller waits for the answer to a write, in milliseconds.'),

  batchSize: whole('CHATHUB_BATCH_SIZE', 100, [1, 1000], 'Operators sent to ChatHub in one request.'),
  settleMs: seconds('WRITE_SETTLE_SECONDS', 10, [1, 600], 'How long after a write went into doubt ChatHub is asked what came of it.'),

  redisUrl: secret('REDIS_URL', 'redis://, rediss://, redis+sentinel://host,host/name or redis+cluster://host,host; unset: everything in this process.', shapes.redisUrl),
  redisPrefix: text('REDIS_PREFIX', 'chathub:', 'Put before every key in Redis.'),
  instances: whole('GATEWAY_INSTANCES', 1, [1, 1000], 'Planned number of instances; sets the local share of the budget when Redis is away.'),

  freshMs: seconds('CACHE_FRESH_SECONDS', 60, [1, 86_400], 'How long a list of operators is served without asking ChatHub.'),
  organizationsFreshMs: seconds('ORGANIZATIONS_FRESH_SECONDS', 300, [1, 86_400], 'The same for the list of organizations.'),
  revalidateMs: seconds('CACHE_REVALIDATE_SECONDS', 60, [0, 86_400], 'After that: how long a list is served at once while it is refreshed behind.'),
  waitMs: whole('CACHE_WAIT_MS', 800, [0, 60_000], 'Older still: how long a reader waits for ChatHub before it gets the old copy, in milliseconds.'),
  staleMs: seconds('CACHE_STALE_SECONDS', 3600, [1, 604_800], 'A copy older than this is not served.'),

  clientsFile: optionalText('API_KEYS_FILE', 'JSON file with the callers; re-read when it changes.'),
  clients: optionalText('API_KEYS', 'The same JSON inline.'),
  jwksUrl: url('JWT_JWKS_URL', undefined, ['https:', 'http:'], 'Key set of a host application whose JWTs are accepted.'),
  jwtIssuer: optionalText('JWT_ISSUER', 'The `iss` these JWTs must carry.'),
  jwtAudience: optionalText('JWT_AUDIENCE', 'The `aud` these JWTs must carry.'),
  sessionSecret: secret('SESSION_SECRET', 'Turns browser sessions on; at least 32 characters.', oneLine(32)),
  sessionSameSite: oneOf('SESSION_SAME_SITE', 'strict', ['strict', 'lax', 'none'], 'SameSite of the session cookie.'),
  corsOrigins: list('CORS_ORIGINS', 'Exact origins of browser front ends, comma separated.'),

  trustProxy: list('TRUST_PROXY', 'CIDRs of proxies whose X-Forwarded-* headers count, comma separated.'),
  logLevel: oneOf('LOG_LEVEL', 'info', ['trace', 'debug', 'info', 'warn', 'error', 'silent'], 'JSON lines on stdout, pretty on a terminal.'),
} satisfies Record<string, Setting<unknown>>

type Values = { [K in keyof typeof settings]: ReturnType<(typeof settings)[K]['read']> }

/** The settings as values, and for secrets given as a file its path, so that it can be read again. */
export type Config = Omit<Values, 'chathubUrl'> & {
  chathubUrl: URL
  files: Partial<Record<keyof Values, string>>
}

/** Thrown with every fault of the settings at once; the process ends with code 78 (EX_CONFIG). */
export class ConfigFaults extends Error {
  readonly faults: string[]
  constructor(faults: string[]) {
    super(
      `The settings have ${faults.length} fault${faults.length === 1 ? '' : 's'}:\n${faults.map((fault) => `  ${fault}`).join('\n')}`,
    )
    this.faults = faults
  }
}

/** Reads a secret's file: its content without the line end. */
const readSecretFile = (path: string): string => readFileSync(path, 'utf8').replace(/\r?\n$/, '')

/**
 * Reads the settings from `env`; an empty variable counts as unset.
 * @throws ConfigFaults naming every fault: variable, value unless secret, what is wanted.
 */
export const readConfig = (env: Record<string, string | undefined>): Config => {
  const faults: string[] = []
  const files: Config['files'] = {}
  const given = new Set<keyof Values>()
  const values: Record<string, unknown> = {}
  for (const [name, setting] of Object.entries(settings) as [keyof Values, Setting<unknown>][]) {
    let text = env[setting.env] || undefined
    const path = setting.secret ? env[`${setting.env}_FILE`] || undefined : undefined
    if (text !== undefined || path !== undefined) given.add(name)
    if (path !== undefined) {
      if (text !== undefined)
        faults.push(`${setting.env}: given twice, as itself and as ${setting.env}_FILE; wanted: one of them`)
      try {
        text = readSecretFile(path) || undefined
        files[name] = path
      } catch {
        faults.push(`${setting.env}_FILE=${JSON.stringify(path)}: cannot be read; wanted: a readable file`)
        continue
      }
      if (text === undefined)
        faults.push(`${setting.env}_FILE=${JSON.stringify(path)}: the file is empty; wanted: the secret`)
    }
    try {
      values[name] = setting.read(text ?? setting.fallback)
    } catch (error) {
      faults.push(`${setting.env}${setting.secret ? '' : shown(text)}: wanted: ${(error as Error).message}`)
    }
  }
  const config = { ...values, files } as Config
  faults.push(...crossFaults(config, (name) => given.has(name)))
  if (faults.length > 0) throw new ConfigFaults(faults)
  return config
}

/** `="value"`, unless a password may be in it. */
const shown = (value: string | undefined): string => (value?.includes('@') ? '' : `=${JSON.stringify(value)}`)

const loopback = (host: string): boolean =>
  host === 'localhost' || host === '[::1]' || /^127(\.\d{1,3}){3}$/.test(host)

/** Faults that show only when settings are seen together; one that is set, if wrongly, is not missing too. */
function* crossFaults(config: Config, isSet: (name: keyof Values) => boolean): Generator<string> {
  const base = config.chathubUrl
  if (base) {
    const given = `CHATHUB_BASE_URL${shown(base.href)}`
    if (base.pathname !== '/' || base.search || base.hash)
      yield `${given}: wanted: an origin alone, without path or query`
    if (base.protocol === 'http:' && !loopback(base.hostname) && !config.chathubAllowHttp)
      yield `${given}: http: would show the company token; wanted: https:, or CHATHUB_ALLOW_HTTP=true for a simulator`
  }
  if (!isSet('companyToken') && !(isSet('login') && isSet('password')))
    yield 'CHATHUB_COMPANY_TOKEN: unset; wanted: the company token, or CHATHUB_LOGIN with CHATHUB_PASSWORD'
  if (isSet('login') !== isSet('password'))
    yield `${isSet('login') ? 'CHATHUB_PASSWORD' : 'CHATHUB_LOGIN'}: unset; wanted: login and password together`
  const jwt = (['jwksUrl', 'jwtIssuer', 'jwtAudience'] as const).map(isSet)
  if (jwt.includes(true) && jwt.includes(false))
    yield 'JWT_JWKS_URL, JWT_ISSUER, JWT_AUDIENCE: only some are set; wanted: all or none'
  if (config.jwksUrl?.protocol === 'http:' && !loopback(config.jwksUrl.hostname))
    yield `JWT_JWKS_URL${shown(config.jwksUrl.href)}: wanted: https:, or http: on loopback`
  if (config.opsPort !== undefined && config.opsPort !== 0 && config.opsPort === config.port)
    yield `OPS_PORT${shown(String(config.opsPort))}: wanted: another port than PORT`
  for (const origin of config.corsOrigins) {
    if (!shapes.origin.valid(origin)) yield `CORS_ORIGINS${shown(origin)}: wanted: ${shapes.origin.wanted}`
    else if (config.sessionSameSite === 'none' && !origin.startsWith('https:'))
      yield `CORS_ORIGINS${shown(origin)}: wanted: https: origins alone, with SESSION_SAME_SITE=none`
  }
  for (const cidr of config.trustProxy)
    if (!shapes.cidr.valid(cidr)) yield `TRUST_PROXY${shown(cidr)}: wanted: ${shapes.cidr.wanted}`
  yield* clientFaults(config, isSet('jwksUrl'))
}

function* clientFaults(config: Config, othersMayCall: boolean): Generator<string> {
  if (config.clients && config.clientsFile)
    yield 'API_KEYS: given twice, as itself and as API_KEYS_FILE; wanted: one of them'
  let json = config.clients
  if (config.clientsFile)
    try {
      json = readFileSync(config.clientsFile, 'utf8')
    } catch {
      yield `API_KEYS_FILE${shown(config.clientsFile)}: cannot be read; wanted: a readable JSON file`
      return
    }
  if (json !== undefined)
    for (const fault of parseClients(json, othersMayCall).faults)
      yield `${config.clientsFile ? 'API_KEYS_FILE' : 'API_KEYS'}: ${fault}`
  else if (!othersMayCall)
    yield 'API_KEYS_FILE: unset; wanted: at least one caller (API_KEYS_FILE, API_KEYS or JWT_JWKS_URL), or nobody could ever call'
}
