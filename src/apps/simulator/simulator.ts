import { once, setMaxListeners } from 'node:events'
import { createServer as createHttpServer, type RequestListener } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { type Arrival, type Busiest, type BusiestOptions, createArrivals } from './arrivals.ts'
import { control, isControl } from './control-plane.ts'
import { createDirectory, type Operator, type OperatorSeed, type Organization } from './directory.ts'
import { exchange } from './exchange.ts'
import { createActiveFaults } from './faults/active-faults.ts'
import type { Fault } from './faults/fault.ts'
import { createHolds, type Hold, type HoldOptions } from './holds.ts'
import { knownOrganizations, type OrganizationSeed } from './known-organizations.ts'
import { createRandom } from './random.ts'
import type { RouteName } from './routes.ts'
import { createLoginSpacing, type TokenShape } from './token-endpoints.ts'
import { createTokens } from './tokens.ts'

export type { Fault, Operator, TokenShape }

/** Times in ms. All options have defaults. */
export type SimulatorOptions = {
  port?: number
  host?: string
  seed?: number
  login?: string
  password?: string
  /** Accepted without a login until it is revoked. */
  companyToken?: string
  organizations?: OrganizationSeed[]
  tokenShape?: TokenShape
  /** One half before the call takes effect, one half afterwards. */
  latencyMs?: number
  /** The least time between two logins; a login that comes sooner is answered 429. */
  loginSpacingMs?: number
  /** The lifetime of a company token from a login. */
  companyTokenMs?: number
  /** The clock of token expiry, in ms since 1970. */
  now?: () => number
  /** The clock of arrivals and rates, monotonic ms. The stalls in `busiestSecond` are always of `performance.now()`. */
  monotonic?: () => number
  /** Runs `run` after `ms`: the timer of latency and faults. The returned function cancels it. */
  after?: (ms: number, run: () => void) => () => void
  /** PEM texts; if given, the simulator speaks HTTPS. */
  tls?: { key: string; cert: string }
}

const defaults = {
  port: 0,
  host: '127.0.0.1',
  seed: 1,
  login: 'demo',
  password: 'demo-password',
  companyToken: 'ct_demo-company-token',
  tokenShape: 'string' as TokenShape,
  latencyMs: 0,
  loginSpacingMs: 1000,
  companyTokenMs: 24 * 60 * 60 * 1000,
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after: (ms: number, run: () => void) => {
    const timer = setTimeout(run, ms)
    return () => clearTimeout(timer)
  },
}

/** A running simulated ChatHub. Tests compare with its data; all results are copies. */
export type Simulator = {
  url: string
  port: number
  close(): Promise<void>

  organizations(): Organization[]
  operators(organization?: number): Operator[]
  addOrganization(id: number, name: string): void
  removeOrganization(id: number): void
  addOperator(organization: number, name: string, status?: number): Operator
  setOperators(organization: number, rows: OperatorSeed[]): void
  changeOperator(id: number, change: { name?: string; status?: number }): boolean

  arrivals(): Arrival[]
  clearArrivals(): void
  busiestSecond(options?: BusiestOptions): Busiest

  fault(fault: Fault): void
  clearFaults(): void
  hold(route: RouteName | 'any', organization?: number, options?: HoldOptions): Hold

  issuedTokens(): string[]
  revokeToken(token?: string): void
  acceptToken(token: string): void
}

/** Starts a simulated ChatHub and resolves once it listens. `close` ends all connections and waits. */
export async function createSimulator(options: SimulatorOptions = {}): Promise<Simulator> {
  const settings = { ...defaults, ...options }
  const random = createRandom(settings.seed)
  const directory = createDirectory(settings.organizations ?? knownOrganizations())
  const tokens = createTokens(settings)
  const arrivals = createArrivals(settings.monotonic)
  const faults = createActiveFaults(random, settings.monotonic)
  const holds = createHolds()
  const closing = new AbortController()
  // Each waiting request listens to the signal, so thousands of listeners are no leak.
  setMaxListeners(0, closing.signal)
  const rules = { ...settings, tooEarly: createLoginSpacing(settings.loginSpacingMs, settings.monotonic) }
  const state = { directory, tokens, rules }
  const { latencyMs, after } = settings
  const parts = { state, arrivals, faults, holds, random, latencyMs, after, closing: closing.signal }

  const listener: RequestListener = (request, response) => {
    // Writing to a client that has left emits 'error', which is expected here.
    response.on('error', () => {})
    const served = isControl(request)
      ? control(request, response, simulator)
      : exchange(request, response, parts)
    // The client has left, or the simulator closes, so no answer is possible.
    served.catch(() => response.destroy())
  }
  const server = options.tls ? createHttpsServer(options.tls, listener) : createHttpServer(listener)
  // An invalid or incomplete request only ends its own connection.
  server.on('clientError', (_error, socket) => socket.destroy())
  server.listen(settings.port, settings.host)
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo

  async function close(): Promise<void> {
    if (!server.listening) return
    closing.abort()
    holds.releaseAll()
    arrivals.stop()
    const closed = once(server, 'close')
    server.close()
    server.closeAllConnections()
    await closed
  }

  const simulator: Simulator = {
    url: `${options.tls ? 'https' : 'http'}://${settings.host}:${port}`,
    port,
    close,
    organizations: directory.organizations,
    operators: directory.operators,
    addOrganization: directory.addOrganization,
    removeOrganization: directory.removeOrganization,
    addOperator: directory.addOperator,
    setOperators: directory.setOperators,
    changeOperator: directory.changeOperator,
    arrivals: arrivals.all,
    clearArrivals: arrivals.clear,
    busiestSecond: arrivals.busiestSecond,
    fault: faults.add,
    clearFaults: faults.clear,
    hold: holds.hold,
    issuedTokens: tokens.issued,
    revokeToken: tokens.revoke,
    acceptToken: tokens.accept,
  }
  return simulator
}
