import { afterEach, beforeEach, expect, it } from '@jest/globals'
import { hashKey, makeKey } from '../../src/access/keys.ts'
import { createSimulator, type Simulator } from '../../src/apps/simulator/simulator.ts'
import { describeWithRedisServer } from '../support/needs.ts'
import { type Running, spawnGateway } from '../support/processes.ts'
import { startRedis, type TestRedis } from '../support/redis.ts'
import { hasLostNothing } from '../support/settled.ts'
import { until } from '../support/until.ts'
import { departments, ended, longTimeout } from './writes.ts'

const key = makeKey('all')
const scopes = ['operators:read', 'operators:write', 'operators:import', 'tokens:mint']
const client = { id: 'all', keyHash: hashKey(key), scopes, organizations: '*', requestsPerMinute: 1_000_000 }

let redis: TestRedis
let simulator: Simulator
const running: Running[] = []
beforeEach(async () => {
  redis = await startRedis()
  await hasLostNothing(redis.client())
  simulator = await createSimulator({ loginSpacingMs: 0, organizations: departments(6, 1) })
})
afterEach(async () => {
  for (const gateway of running.splice(0)) {
    gateway.signal('SIGKILL')
    await gateway.exited
  }
  await simulator.close()
  await redis.stop()
})

const start = async (): Promise<Running> => {
  const gateway = await spawnGateway({
    env: {
      PORT: '0',
      CHATHUB_BASE_URL: simulator.url,
      CHATHUB_COMPANY_TOKEN: 'ct_demo-company-token',
      CHATHUB_TIMEOUT_MS: '10000',
      CHATHUB_REQUESTS_PER_SECOND: '200',
      WRITE_SETTLE_SECONDS: '1',
      REDIS_TIMEOUT_MS: '1000',
      REDIS_URL: redis.url,
      API_KEYS: JSON.stringify({ clients: [client] }),
    },
  })
  running.push(gateway)
  const isReady = async () =>
    ((await (await fetch(`${gateway.url}/readyz`)).json()) as { redis: string }).redis === 'ready'
  await until(isReady)
  return gateway
}

type Ask = { path: string; body: string; type?: string; method?: string; key?: string }
const ask = ({ url }: Running, { path, body, type = 'application/json', method = 'POST', key: own }: Ask) =>
  fetch(url + path, {
    method,
    headers: { 'X-API-Key': key, 'Content-Type': type, ...(own !== undefined && { 'Idempotency-Key': own }) },
    body,
  })
/** Repeats as it is told to, until the answer is another one than 409 or 503; and all statuses. */
const insist = async (gateway: Running, request: Ask) => {
  const statuses: number[] = []
  for (;;) {
    const answer = await ask(gateway, request)
    statuses.push(answer.status)
    if (answer.status !== 409 && answer.status !== 503) return { answer, statuses }
    const seconds = Number(answer.headers.get('retry-after'))
    await new Promise((resolve) => setTimeout(resolve, seconds * 1000))
  }
}
const of = (organization: number, rest = '') => `/v1/organizations/${organization}/operators${rest}`
const annas = (organization: number) =>
  simulator.operators(organization).filter(({ name }) => name === 'Anna').length
const anna = '{"operators":[{"name":"Anna"}]}'

describeWithRedisServer('the same request to another instance, after the first one was killed in it', () => {
  it(
    'is 409 for two seconds at most, then as the first one would have been, carried out once',
    async () => {
      const [first, second] = await Promise.all([start(), start()])
      const [other] = simulator.operators(502)
      const requests: [organization: number, route: 'synchronize' | 'status', Ask][] = [
        [
          500,
          'synchronize',
          { path: of(500), body: anna.replace('}]', '}],"onDuplicate":"allow"'), key: 'a' },
        ],
        [501, 'synchronize', { path: of(501, ':onboard'), body: anna, key: 'b' }],
        [
          502,
          'status',
          { path: of(502, ':setStatus'), body: `{"ids":[${other?.id}],"status":"inactive"}`, key: 'c' },
        ],
      ]
      const lost = []
      const holds = []
      for (const [organization, route, request] of requests) {
        // Applied, and the answer not sent.
        const hold = simulator.hold(route, organization, { after: 'apply' })
        lost.push(ask(first, request).catch(() => undefined))
        await hold.arrived
        holds.push(hold)
      }
      // Of this one nothing is written down yet.
      const unwritten: Ask = { path: of(503), body: anna, key: 'd' }
      const listing = simulator.hold('list', 503)
      lost.push(ask(first, unwritten).catch(() => undefined))
      await listing.arrived
      holds.push(listing)
      running.splice(running.indexOf(first), 1)
      first.signal('SIGKILL')
      await first.exited
      await Promise.all(lost)
      for (const hold of holds) hold.release()
      const carriedOut = insist(second, unwritten)
      const repeated = await Promise.all(requests.map(([, , request]) => insist(second, request)))
      for (const [i, { answer, statuses }] of repeated.entries()) {
        // One repetition a second: two fall into the lease of the killed one, a third when it ends just then.
        expect([i, statuses.slice(0, -1).every((status) => status === 409)]).toEqual([i, true])
        expect(statuses.length).toBeLessThanOrEqual(4)
        expect([i, answer.status, answer.headers.get('idempotency-replayed')]).toEqual([i, 202, 'true'])
        const location = answer.headers.get('location') as string
        expect([i, (await ended({ url: second.url, key }, location)).state]).toEqual([i, 'done'])
      }
      const final = await Promise.all(requests.map(([, , request]) => ask(second, request)))
      expect(final.map(({ status }) => status)).toEqual([201, 201, 200])
      const bodies = (await Promise.all(final.map((answer) => answer.json()))) as Record<string, unknown>[]
      expect(bodies.map(({ created, changed }) => created ?? changed)).toEqual([1, 1, 1])
      expect([annas(500), annas(501), simulator.operators(502)[0]?.status]).toEqual([1, 1, 1])
      expect([(await carriedOut).answer.status, annas(503)]).toEqual([201, 1])
    },
    longTimeout,
  )
})
