import { Writable } from 'node:stream'
import request from 'supertest'
import { hashKey, makeKey } from '../../src/access/keys.ts'
import { createSimulator, type Simulator, type SimulatorOptions } from '../../src/apps/simulator/simulator.ts'
import { type Clock, systemClock } from '../../src/clock.ts'
import { readConfig } from '../../src/config.ts'
import { type Scope, scopes } from '../../src/contract/scopes.ts'
import { createGateway, type Gateway } from '../../src/gateway.ts'
import { createLog } from '../../src/log.ts'
import type { Report } from '../../src/report.ts'
import { endsOn, type HandClock } from './clock.ts'
import { conforms } from './conforms.ts'
import { createPacedClock } from './paced-clock.ts'

export type Client = {
  id?: string
  /** Of a key that the test knows. Default: a new key, in `keys`. */
  keyHash?: string
  scopes?: readonly Scope[]
  organizations?: number[] | '*'
  requestsPerMinute?: number
  expiresAt?: string
}

export type Ask = {
  key?: string
  headers?: Record<string, string>
  /** Sent as JSON unless it is a string or Buffer. */
  body?: unknown
}

export type TestGateway = {
  gateway: Gateway
  simulator: Simulator
  url: string
  /** A key with every scope and organization. */
  key: string
  /** Keys of `options.clients`, by id. */
  keys: Record<string, string>
  /** What the rooms reported, in order. */
  reports: Report[]
  /** Everything that was logged, as text. */
  logged(): string
  /** Puts the gateway's clock forward, unless `options.clock` is one that cannot jump; its timers wait as long as before. */
  jump(ms: number): void
  /** One request through the whole server; the answer is held against the OpenAPI document. */
  ask(method: string, path: string, options?: Ask): Promise<request.Response>
  close(): Promise<void>
}

const inheritedPassword = 'demo-password'

/**
 * The whole gateway in this process, on a free port, before a simulator of its own. Settings as in the environment; the
 * budget is 1,000 a second unless asked otherwise, so that suites do not wait for it.
 */
export const startGateway = async (
  options: {
    env?: Record<string, string>
    simulator?: SimulatorOptions
    clients?: Client[]
    clock?: GatewayClock
    /** The date, instead of that of the machine. */
    wall?: () => number
    /** No other instance is on its Redis. Its time waits for a busy machine, as without Redis. */
    isAlone?: boolean
    /** How many times faster its time goes while nothing arrives. Not where another process has to answer. */
    speed?: number
    /** Default: a page of the tests, whatever was built. */
    consoleFolder?: URL | 'built'
    /** Another gateway whose simulator and keys this one shares: a second instance of the same service. */
    beside?: TestGateway
  } = {},
): Promise<TestGateway> => {
  const { beside, consoleFolder = new URL('./console/', import.meta.url) } = options
  const clock: GatewayClock = options.clock ?? clockFor(options)
  const { after } = clock
  const simulator =
    beside?.simulator ?? (await createSimulator({ loginSpacingMs: 0, after, ...options.simulator }))
  const keys: Record<string, string> = {}
  const entries = [{ id: 'all' } as Client, ...(options.clients ?? [])].map((client) => {
    const { id = 'client', ...rest } = client
    const key = beside?.keys[id] ?? makeKey(id)
    keys[id] = key
    return {
      id,
      keyHash: hashKey(key),
      scopes,
      organizations: '*' as const,
      requestsPerMinute: 1_000_000,
      ...rest,
    }
  })
  const config = readConfig({
    CHATHUB_BASE_URL: simulator.url,
    CHATHUB_LOGIN: 'demo',
    CHATHUB_PASSWORD: inheritedPassword,
    CHATHUB_REQUESTS_PER_SECOND: '1000',
    API_KEYS: JSON.stringify({ clients: entries }),
    // Suites count what arrives at ChatHub.
    CHATHUB_PROBE_SECONDS: '0',
    REFRESH_BUDGET_PERCENT: '0',
    LOG_LEVEL: 'trace',
    // The longest that a reader waits for Redis: a busy machine answers late.
    REDIS_TIMEOUT_MS: '1000',
    // How long a request waits for a busy machine.
    OVERLOAD_WAIT_MS: '60000',
    ...options.env,
  })
  let text = ''
  const sink = new Writable({
    write: (chunk, _encoding, done) => {
      text += chunk
      done()
    },
  })
  const reports: Report[] = []
  const gateway = createGateway(config, {
    log: createLog(config.logLevel, sink),
    clock,
    ...(consoleFolder !== 'built' && { consoleFolder }),
    onReport: (report) => reports.push(report),
  })
  await gateway.opened
  await new Promise<void>((resolve) => gateway.server.listen(0, '127.0.0.1', resolve))
  const { port } = gateway.server.address() as { port: number }
  const url = `http://127.0.0.1:${port}`
  const key = keys['all'] as string

  const ask: TestGateway['ask'] = async (method, path, { key: given = key, headers = {}, body } = {}) => {
    let test = request(gateway.server)[method.toLowerCase() as 'get'](path)
    if (given !== '') test = test.set('X-API-Key', given)
    // The stream does not end.
    if (/^\/v1\/events(\?|$)/.test(path)) test = test.set('Accept', 'application/json')
    for (const [name, value] of Object.entries(headers)) test = test.set(name, value)
    if (typeof body === 'string' || Buffer.isBuffer(body)) test = test.send(body as string)
    else if (body !== undefined)
      test = test.set('Content-Type', 'application/json').send(JSON.stringify(body))
    const answer = await test
    conforms(method, path, answer)
    return answer
  }
  return {
    gateway,
    simulator,
    url,
    key,
    keys,
    reports,
    ask,
    logged: () => text,
    jump: (ms) => clock.jump?.(ms),
    close: async () => {
      gateway.server.closeAllConnections()
      await new Promise((resolve) => gateway.server.close(resolve))
      const closed = gateway.close()
      await (isHandClock(clock) ? endsOn(clock, closed) : closed)
      if (!options.clock) clock.stop?.()
      if (!beside) await simulator.close()
    },
  }
}

const isHandClock = (clock: Clock): clock is HandClock => 'advance' in clock

type GatewayClock = Clock & { jump?(ms: number): void; stop?(): void }

/**
 * Without Redis all that a gateway waits for is in this process, so its time waits for a busy machine. Leases of several
 * instances end by the time of Redis, which does not wait.
 */
const clockFor = (options: {
  env?: Record<string, string>
  wall?: () => number
  isAlone?: boolean
  speed?: number
}): GatewayClock => {
  const { env = {}, wall = systemClock.wall, isAlone = false, speed = 1 } = options
  const isShared = Boolean(env['REDIS_URL'] || env['REDIS_URL_FILE']) && !isAlone
  return isShared ? createJumpingClock(wall) : createPacedClock({ speed, wall })
}

/** The system's clock, which can be put forward. */
const createJumpingClock = (wall: () => number): GatewayClock => {
  let jumped = 0
  return {
    ...systemClock,
    wall,
    now: () => systemClock.now() + jumped,
    jump: (ms) => {
      jumped += ms
    },
  }
}
