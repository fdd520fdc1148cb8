import { setTimeout as pause } from 'node:timers/promises'
import type { Response } from 'supertest'
import { createSimulator } from '../../src/apps/simulator/simulator.ts'
import { createJumpingClock } from '../http/jumping-clock.ts'
import { type FaultProxy, startProxy } from '../support/fault-proxy.ts'
import { type Ask, startGateway, type TestGateway } from '../support/gateway.ts'

type Options = NonNullable<Parameters<typeof startGateway>[0]>

/** What a caller sees of one answer, and how long it took (ms, wall). */
export type Seen = {
  status: number
  code: string | undefined
  how: string | undefined
  age: number | undefined
  retryAfter: number | undefined
  ms: number
  answer: Response
}

export type Faulty = TestGateway & {
  /** Between the gateway and its ChatHub. */
  proxy: FaultProxy
  /** The system's clock, put forward by `jump`: lists grow old, sockets and time limits stay real. */
  clock: ReturnType<typeof createJumpingClock>
  see(method: string, path: string, options?: Ask): Promise<Seen>
  /** The whole list of an organization. */
  read(organization: number, options?: Ask): Promise<Seen>
  /** How many list requests arrived at ChatHub since the last `clearArrivals`. */
  listed(organization?: number): number
}

/** The whole gateway in this process, before a simulator of its own with the fault proxy between them. */
export const startFaulty = async (options: Options = {}): Promise<Faulty> => {
  const simulator =
    options.beside?.simulator ?? (await createSimulator({ loginSpacingMs: 0, ...options.simulator }))
  const proxy = await startProxy({ to: { host: '127.0.0.1', port: simulator.port } })
  const clock = createJumpingClock()
  const gateway = await startGateway({
    clock,
    ...options,
    beside: options.beside ?? ({ simulator, keys: {} } as unknown as TestGateway),
    env: { CHATHUB_BASE_URL: proxy.url, ...options.env },
  })
  const see = seeing(gateway)
  return {
    ...gateway,
    proxy,
    clock,
    see,
    read: (organization, ask) => see('GET', `/v1/organizations/${organization}/operators`, ask),
    listed: (organization) =>
      gateway.simulator
        .arrivals()
        .filter(
          (arrival) =>
            arrival.route === 'list' && (organization === undefined || arrival.organization === organization),
        ).length,
    close: async () => {
      await gateway.close()
      await proxy.close()
      if (!options.beside) await simulator.close()
    },
  }
}

/** Asks a gateway and notes what matters of the answer. */
export const seeing =
  ({ ask }: Pick<TestGateway, 'ask'>): Faulty['see'] =>
  async (method, path, options) => {
    const begun = performance.now()
    const answer = await ask(method, path, options)
    const ms = performance.now() - begun
    const number = (name: string): number | undefined =>
      answer.headers[name] === undefined ? undefined : Number(answer.headers[name])
    return {
      status: answer.status,
      code: answer.body?.code,
      how: answer.headers['cache-status'],
      age: number('age'),
      retryAfter: number('retry-after'),
      ms,
      answer,
    }
  }

/** Milliseconds until `isSo`, looked at every few ms. @throws when it is not so after `patienceMs` */
export const msUntil = async (
  isSo: () => boolean | Promise<boolean>,
  patienceMs = 10_000,
): Promise<number> => {
  const begun = performance.now()
  while (!(await isSo())) {
    if (performance.now() - begun > patienceMs) throw new Error(`not so after ${patienceMs} ms: ${isSo}`)
    await pause(20)
  }
  return performance.now() - begun
}

export const median = (numbers: readonly number[]): number =>
  numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN

/** Measured times belong into the log of the run; only generous bounds on them are asserted. */
export const tell = (sentence: string): void => void process.stderr.write(`  ${sentence}\n`)
