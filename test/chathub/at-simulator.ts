import { createSimulator, type Simulator, type SimulatorOptions } from '../../src/apps/simulator/simulator.ts'
import { type Call, createExchange, type Exchange } from '../../src/chathub/exchange.ts'
import type { Clock } from '../../src/clock.ts'
import type { Failure } from '../../src/errors.ts'
import type { Report } from '../../src/report.ts'
import { createClock } from '../support/clock.ts'

export type AtSimulator = {
  simulator: Simulator
  exchange: Exchange
  reports: Report[]
  /** A list of organization 24, with the company token, and what is changed of it. */
  read(change?: Partial<Call>): Call
  /** A synchronize of one row. */
  write(change?: Partial<Call>): Call
  close(): Promise<void>
}

export const companyToken = 'ct_demo-company-token'

/**
 * The innermost layer, before a simulator of its own or another `origin`. Its clock stands still unless one is given, so
 * that nothing times out on a busy machine.
 */
export const atSimulator = async (
  options: {
    simulator?: SimulatorOptions
    clock?: Clock
    timeoutMs?: number
    authHeader?: 'authorization' | 'x-authorization-key'
    origin?: string
    proxy?: URL
    idleMs?: number
  } = {},
): Promise<AtSimulator> => {
  const clock = options.clock ?? createClock()
  const simulator = await createSimulator({ loginSpacingMs: 0, ...options.simulator })
  const reports: Report[] = []
  const undici = createExchange({
    origin: new URL(options.origin ?? simulator.url),
    authHeader: options.authHeader ?? 'authorization',
    proxy: options.proxy,
    timeoutMs: options.timeoutMs ?? 3000,
    idleMs: options.idleMs ?? 4000,
    clock,
    report: (told) => reports.push(told),
  })
  const context = () => ({ lane: 'people' as const, client: 'crm', deadline: clock.now() + 60_000 })
  return {
    simulator,
    exchange: undici.exchange,
    reports,
    read: (change = {}) => ({
      operation: 'operators',
      method: 'GET',
      path: '/api/operator?organizationId=24',
      write: false,
      token: companyToken,
      context: context(),
      ...change,
    }),
    write: (change = {}) => ({
      operation: 'synchronize',
      method: 'POST',
      path: '/api/operator/synchronize',
      body: JSON.stringify([{ organizationId: 24, name: 'Olena' }]),
      write: true,
      token: companyToken,
      context: context(),
      ...change,
    }),
    close: async () => {
      await undici.close()
      await simulator.close()
    },
  }
}

/** The failure that a call ends with. @throws when it does not fail */
export const failureOf = (answer: Promise<unknown>): Promise<Failure> =>
  answer.then(
    () => {
      throw new Error('expected a failure')
    },
    (error) => error,
  )
