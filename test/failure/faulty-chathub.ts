import { setTimeout as pause } from 'node:timers/promises'
import type { Response } from 'supertest'
import { createSimulator } from '../../src/apps/simulator/simulator.ts'
import { type FaultProxy, startProxy } from '../support/fault-proxy.ts'
import { type Ask, startGateway, type TestGateway } from '../support/gateway.ts'
import { createPacedClock, type PacedClock } from '../support/paced-clock.ts'

type Options = Omit<NonNullable<Parameters<typeof startGateway>[0]>, 'clock'>

/** What a caller sees of one answer. */
export type Seen = {
  status: number
  code: string | undefined
  /** The header Cache-Status. */
  how: string | undefined
  age: number | undefined
  retryAfter: number | undefined
  /** How long the answer took, by the clock of the gateway. */
  ms: number
  answer: Response
}

export type Faulty = TestGateway & {
  /** Between the gateway and its ChatHub. */
  proxy: FaultProxy
  /** The clock of the gateway. All times of these suites are its times, so a busy machine does not change them. */
  clock: PacedClock
  see(method: string, path: string, options?: Ask): Promise<Seen>
  /** The whole list of an organization. */
  read(organization: number, options?: Ask): Promise<Seen>
  /** How many list requests arrived at ChatHub since the last `clearArrivals`. */
  listed(organization?: number): number
  /** Milliseconds of the gateway's clock until `condition` is true. @throws after a minute of it */
  msUntil(condition: () => boolean | Promise<boolean>): Promise<number>
}

/** The whole gateway in this process, before a simulator of its own with the fault proxy between them. */
export const startFaulty = async (options: Options = {}): Promise<Faulty> => {
  const clock = createPacedClock({ speed: 4 })
  clock.jump(10_000) // A gateway without Redis sends nothing in its first second.
  const simulator =
    options.beside?.simulator ??
    (await createSimulator({
      ...{ loginSpacingMs: 0, monotonic: clock.now, after: clock.after },
      ...options.simulator,
    }))
  const proxy = await startProxy({ to: { host: '127.0.0.1', port: simulator.port } })
  const gateway = await startGateway({
    ...options,
    clock,
    beside: options.beside ?? ({ simulator, keys: {} } as unknown as TestGateway),
    env: { CHATHUB_BASE_URL: proxy.url, ...options.env },
  })
  const see = seeing(gateway, clock.now)
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
    msUntil: (condition) => msUntil(condition, clock.now),
    close: async () => {
      await gateway.close()
      clock.stop()
      await proxy.close()
      if (!options.beside) await simulator.close()
    },
  }
}

/** Asks a gateway and notes what matters of the answer. */
export const seeing =
  ({ ask }: Pick<TestGateway, 'ask'>, now = () => performance.now()): Faulty['see'] =>
  async (method, path, options) => {
    const begun = now()
    const answer = await ask(method, path, options)
    const number = (name: string): number | undefined =>
      answer.headers[name] === undefined ? undefined : Number(answer.headers[name])
    return {
      status: answer.status,
      code: answer.body?.code,
      how: answer.headers['cache-status'],
      age: number('age'),
      retryAfter: number('retry-after'),
      ms: now() - begun,
      answer,
    }
  }

/** Milliseconds until `condition` is true, looked at every few ms. @throws when it is not after a minute */
const msUntil = async (
  condition: () => boolean | Promise<boolean>,
  now = () => performance.now(),
): Promise<number> => {
  const begun = now()
  while (!(await condition())) {
    if (now() - begun > 60_000) throw new Error(`not true after a minute: ${condition}`)
    await pause(5)
  }
  return now() - begun
}

/** Measured times belong in the log of the run. */
export const tell = (sentence: string): void => void process.stderr.write(`  ${sentence}\n`)
