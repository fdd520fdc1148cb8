import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { hashKey, makeKey } from '../../src/access/keys.ts'
import { createSimulator, type Simulator } from '../../src/apps/simulator/simulator.ts'
import { describeWithRedisServer } from '../support/needs.ts'
import { type Running, spawnGateway } from '../support/processes.ts'
import { startRedis, type TestRedis } from '../support/redis.ts'
import { hasLostNothing } from '../support/settled.ts'
import { departments, longTimeout, type Operation, statesOf } from './writes.ts'

const key = makeKey('all')
const scopes = ['operators:read', 'operators:write', 'operators:import']
const client = { id: 'all', keyHash: hashKey(key), scopes, organizations: '*', requestsPerMinute: 1_000_000 }
const batchSize = 10

let simulator: Simulator
const running: Running[] = []
beforeEach(async () => {
  simulator = await createSimulator({ loginSpacingMs: 0, organizations: departments(1) })
})
afterEach(async () => {
  for (const gateway of running.splice(0)) {
    gateway.signal('SIGKILL')
    await gateway.exited
  }
  await simulator.close()
})

const start = async (redisUrl?: string): Promise<Running> => {
  const gateway = await spawnGateway({
    env: {
      PORT: '0',
      CHATHUB_BASE_URL: simulator.url,
      CHATHUB_LOGIN: 'demo',
      CHATHUB_PASSWORD: 'demo-password',
      CHATHUB_TIMEOUT_MS: '15000',
      CHATHUB_BATCH_SIZE: String(batchSize),
      WRITE_SETTLE_SECONDS: '1',
      REDIS_TIMEOUT_MS: '1000',
      API_KEYS: JSON.stringify({ clients: [client] }),
      ...(redisUrl && { REDIS_URL: redisUrl }),
    },
  })
  running.push(gateway)
  const isReady = async (): Promise<boolean> => {
    const { redis } = (await (await fetch(`${gateway.url}/readyz`)).json()) as { redis: string }
    return redis === (redisUrl ? 'ready' : 'none')
  }
  while (!(await isReady()));
  return gateway
}
const send = (gateway: Running, path: string, type: string, body: string): Promise<Response> =>
  fetch(`${gateway.url}/v1/organizations/500/${path}`, {
    method: 'POST',
    headers: { 'X-API-Key': key, 'Content-Type': type },
    body,
  })
const names = (count: number) => Array.from({ length: count }, (_, i) => `Row ${String(i).padStart(3, '0')}`)
const startImport = async (gateway: Running, count: number): Promise<string> => {
  const answer = await send(gateway, 'imports', 'text/csv', `name\n${names(count).join('\n')}\n`)
  expect(answer.status).toBe(202)
  return ((await answer.json()) as Operation).id
}
const table = (): string[] =>
  simulator
    .operators(500)
    .map(({ name }) => name)
    .toSorted()
/** SIGTERM while ChatHub holds a chunk, which it answers when the gateway no longer takes connections; the exit code. */
const stopDuringChunk = async (gateway: Running, held: { release(): void }): Promise<number | null> => {
  gateway.signal('SIGTERM')
  const isListening = () => fetch(`${gateway.url}/livez`).then(Boolean, () => false)
  while (await isListening());
  held.release()
  return (await gateway.exited).code
}

describeWithRedisServer('SIGTERM in the middle of an import', () => {
  let redis: TestRedis
  beforeEach(async () => {
    redis = await startRedis()
    await hasLostNothing(redis.client())
  })
  afterEach(() => redis.stop())

  it(
    'finishes the chunk and keeps its outcome; the next instance goes on with nothing in doubt',
    async () => {
      const first = await start(redis.url)
      const held = simulator.hold('synchronize', 500)
      const id = await startImport(first, 35)
      await held.arrived
      expect(await stopDuringChunk(first, held)).toBe(0)
      expect(table()).toHaveLength(batchSize)
      const [recordKey] = await redis.client().keys(`*:operation:${id}`)
      const record = JSON.parse((await redis.client().get(recordKey ?? '')) ?? '{}')
      expect([record.state, record.counts?.created, record.sending]).toEqual([
        'running',
        batchSize,
        undefined,
      ])
      // An operation is taken over 20 s after it began.
      const begun = JSON.stringify({ ...record, startedAt: record.startedAt - 60_000 })
      await redis.client().set(recordKey ?? '', begun)
      const second = await start(redis.url)
      const [final] = (await statesOf({ url: second.url, key }, id)).slice(-1)
      expect([final?.state, final?.created]).toEqual(['done', 35])
      expect(table()).toEqual(names(35))
      const sent = simulator.arrivals().filter(({ route }) => route === 'synchronize')
      expect(sent).toHaveLength(4)
    },
    longTimeout,
  )
})

describe('SIGTERM without Redis', () => {
  it(
    'finishes the running chunk of an import and sends no further one',
    async () => {
      const gateway = await start()
      const held = simulator.hold('synchronize', 500)
      await startImport(gateway, 35)
      await held.arrived
      expect(await stopDuringChunk(gateway, held)).toBe(0)
      expect(table()).toEqual(names(batchSize))
    },
    longTimeout,
  )

  it(
    'answers a POST in flight with its outcome',
    async () => {
      const gateway = await start()
      const held = simulator.hold('synchronize', 500)
      const operators = names(15).map((name) => ({ name }))
      const adding = send(gateway, 'operators', 'application/json', JSON.stringify({ operators }))
      await held.arrived
      const exit = stopDuringChunk(gateway, held)
      const answer = await adding
      expect([answer.status, ((await answer.json()) as Operation).created]).toEqual([201, 15])
      expect(await exit).toBe(0)
      expect(table()).toEqual(names(15))
    },
    longTimeout,
  )
})
