import { hashKey, makeKey } from '../../src/access/keys.ts'
import { scopes } from '../../src/contract/scopes.ts'
import { type Running, spawnGateway, spawnSimulator } from '../support/processes.ts'

const key = makeKey('fleet')
const client = {
  id: 'fleet',
  keyHash: hashKey(key),
  scopes,
  organizations: '*',
  requestsPerMinute: 10_000_000,
}

type Busiest = { count: number; kept: number; discarded: number }

/** Several gateways as processes before one simulator process. */
export type Fleet = {
  gateways: Running[]
  simulator: Running
  /** One more instance. */
  join(env?: Record<string, string>): Promise<Running>
  busiest(): Promise<Busiest>
  arrivals(): Promise<{ at: number; route: string; path: string }[]>
  forgetArrivals(): Promise<void>
  close(): Promise<void>
}

export const ask = (
  gateway: { url: string },
  method: string,
  path: string,
  { body, headers }: { body?: unknown; headers?: Record<string, string> } = {},
): Promise<Response> =>
  fetch(gateway.url + path, {
    method,
    headers: {
      'X-API-Key': key,
      ...(body !== undefined && { 'Content-Type': 'application/json' }),
      ...headers,
    },
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  })

/** The settings of an instance before this simulator. It accepts the key of `ask`. */
export const settingsBefore = (simulator: { url: string }): Record<string, string> => ({
  PORT: '0',
  CHATHUB_BASE_URL: simulator.url,
  CHATHUB_COMPANY_TOKEN: 'ct_demo-company-token',
  API_KEYS: JSON.stringify({ clients: [client] }),
  LOG_LEVEL: 'warn',
  // A busy machine answers late.
  REDIS_TIMEOUT_MS: '1000',
})

/** `environments`: what each instance has of its own. */
export const startFleet = async (options: {
  environments: Record<string, string>[]
  env: Record<string, string>
  simulator?: string[]
}): Promise<Fleet> => {
  const simulator = await spawnSimulator(options.simulator)
  const join = (env: Record<string, string> = {}): Promise<Running> =>
    spawnGateway({ env: { ...settingsBefore(simulator), ...options.env, ...env } })
  const gateways = await Promise.all(options.environments.map(join))
  const control = (method: string, path: string): Promise<Response> =>
    fetch(`${simulator.url}/__sim/${path}`, { method })
  return {
    gateways,
    simulator,
    join: async (env) => {
      const joined = await join(env)
      gateways.push(joined)
      return joined
    },
    busiest: async () => (await control('GET', 'busiest-second')).json() as Promise<Busiest>,
    arrivals: async () => (await control('GET', 'arrivals')).json() as ReturnType<Fleet['arrivals']>,
    forgetArrivals: async () => void (await control('DELETE', 'arrivals')),
    close: async () => {
      for (const gateway of gateways) gateway.signal('SIGKILL')
      await Promise.all(gateways.map((gateway) => gateway.exited))
      await simulator.stop()
    },
  }
}

/** Real time must pass for processes; what is asserted never depends on how much. */
export const lapse = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
