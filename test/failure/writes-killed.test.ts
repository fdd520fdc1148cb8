import { afterEach, beforeEach, expect, it } from '@jest/globals'
import { hashKey, makeKey } from '../../src/access/keys.ts'
import { createSimulator, type Simulator } from '../../src/apps/simulator/simulator.ts'
import { isLong, newSeed, randomOf } from '../support/long.ts'
import { describeWithRedisServer } from '../support/needs.ts'
import { type Running, spawnGateway } from '../support/processes.ts'
import { startRedis, type TestRedis } from '../support/redis.ts'
import { hasLostNothing } from '../support/settled.ts'
import { until } from '../support/until.ts'
import { departments, insist, longTimeout, type Operation, statesOf, sumOf } from './writes.ts'

// 900 rows and 2 kills; in the long form 10,000 rows and 20 kills.
const [rows, kills] = isLong ? [10_000, 20] : [900, 2]
// The long form holds the next instance to this: a lock ends 5 s after its holder, and the next sweep comes within 6 s.
const resumedMs = 35_000

const key = makeKey('all')
const scopes = ['operators:read', 'operators:write', 'operators:import', 'audit:read']
const client = { id: 'all', keyHash: hashKey(key), scopes, organizations: '*', requestsPerMinute: 1_000_000 }

let redis: TestRedis
let simulator: Simulator
const running: Running[] = []
beforeEach(async () => {
  redis = await startRedis()
  await hasLostNothing(redis.client())
  simulator = await createSimulator({ loginSpacingMs: 0, organizations: departments(6) })
})
afterEach(async () => {
  for (const gateway of running.splice(0)) {
    gateway.signal('SIGKILL')
    await gateway.exited
  }
  await simulator.close()
  await redis.stop()
})

const start = async (more: Record<string, string> = {}): Promise<Running> => {
  const gateway = await spawnGateway({
    env: {
      PORT: '0',
      CHATHUB_BASE_URL: simulator.url,
      CHATHUB_LOGIN: 'demo',
      CHATHUB_PASSWORD: 'demo-password',
      CHATHUB_TIMEOUT_MS: '500',
      CHATHUB_REQUESTS_PER_SECOND: '100',
      WRITE_SETTLE_SECONDS: '1',
      REDIS_TIMEOUT_MS: '1000',
      WRITE_DEADLINE_MS: '5000',
      REDIS_URL: redis.url,
      API_KEYS: JSON.stringify({ clients: [client] }),
      ...more,
    },
  })
  running.push(gateway)
  await until(
    async () =>
      ((await (await fetch(`${gateway.url}/readyz`)).json()) as { redis: string }).redis === 'ready',
  )
  return gateway
}
/** Comes back when it is told to: on a busy machine Redis seems away now and then, and the lock of a killed instance stays for some seconds. */
const send = (gateway: Running, path: string, init: RequestInit = {}) =>
  insist(
    () => fetch(gateway.url + path, { ...init, headers: { 'X-API-Key': key, ...init.headers } }),
    ({ headers }) => headers.get('retry-after'),
  )
const get = async <T>(gateway: Running, path: string): Promise<T> =>
  (await (await send(gateway, path)).json()) as T
const add = (gateway: Running, names: string[], idempotencyKey: string, organization = 500) =>
  send(gateway, `/v1/organizations/${organization}/operators`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', 'Idempotency-Key': idempotencyKey },
    body: JSON.stringify({ operators: names.map((name) => ({ name })) }),
  })
/** Each state of an operation from now on. */
async function* states(gateway: Running, path: string): AsyncGenerator<Operation> {
  const { body } = await send(gateway, `${path}/events`)
  let text = ''
  for await (const piece of (body as ReadableStream<Uint8Array>).pipeThrough(new TextDecoderStream())) {
    const events = (text + piece).split('\n\n')
    text = events.pop() as string
    for (const event of events) {
      const data = /^data: (.*)$/m.exec(event)?.[1]
      if (data) yield JSON.parse(data)
    }
  }
}
const table = (organization = 500) =>
  simulator
    .operators(organization)
    .map(({ name }) => name)
    .toSorted()
const kill = async (gateway: Running): Promise<void> => {
  running.splice(running.indexOf(gateway), 1)
  gateway.signal('SIGKILL')
  await gateway.exited
}

/** The operators of all audit records of an operation. */
const recordedIds = async (gateway: Running, path: string): Promise<number[]> => {
  type Page = { items: { operator: { id: number } }[]; nextCursor: string | null }
  const ids: number[] = []
  for (let next: string | null = ''; next !== null; ) {
    const query = `operation=${path.split('/').at(-1)}&limit=1000${next && `&cursor=${next}`}`
    const page: Page = await get<Page>(gateway, `/v1/audit?${query}`)
    ids.push(...page.items.map(({ operator }) => operator.id))
    next = page.nextCursor
  }
  return ids
}
const ascending = (a: number, b: number): number => a - b

type ImportRow = { line: number; name: string; outcome: string; id: number }

describeWithRedisServer('an import whose instances are killed again and again', () => {
  it(
    'ends with every row once, with right counts at every time, and the same rows in JSON and CSV',
    async () => {
      const random = randomOf(newSeed(`${kills} kills`))
      const names = Array.from({ length: rows }, (_, i) => `Row ${i}`).toSorted()
      const importing = { CHATHUB_BATCH_SIZE: isLong ? '50' : '30', CHATHUB_REQUESTS_PER_SECOND: '30' }
      let [worker, other] = await Promise.all([start(importing), start(importing)])
      const accepted = await send(worker, '/v1/organizations/500/imports', {
        method: 'POST',
        headers: { 'Content-Type': 'text/csv' },
        body: `name\n${names.join('\n')}\n`,
      })
      expect(accepted.status).toBe(202)
      const path = accepted.headers.get('location') as string
      const look = async (): Promise<Operation> => {
        const operation = await get<Operation>(other, path)
        expect([operation.total, sumOf(operation)]).toEqual([rows, rows])
        return operation
      }
      /** Watches until so many rows are done; how long that took. */
      const reach = async (created: number): Promise<number> => {
        const began = performance.now()
        for await (const operation of states(other, path)) {
          expect([operation.total, sumOf(operation)]).toEqual([rows, rows])
          if (operation.created >= created) break
        }
        return performance.now() - began
      }
      let longest = 0
      for (let round = 1; round <= kills; round++) {
        const { created } = await look()
        const target = Math.floor((rows * round * 0.9) / kills + random() * (rows * 0.05))
        await reach(Math.max(created, target))
        // Either may be at work; both of them die in the end.
        if (random() < 0.5) [worker, other] = [other, worker]
        await kill(worker)
        const { created: left, state } = await look()
        worker = await start(importing)
        if (state !== 'done') longest = Math.max(longest, await reach(left + 1))
      }
      const [first] = (await statesOf({ url: other.url, key }, path.split('/').at(-1) as string)).slice(-1)
      expect([first?.state, first?.created]).toEqual(['done', rows])
      process.stderr.write(`${rows} rows, ${kills} kills: went on after at most ${Math.round(longest)} ms\n`)
      if (isLong) expect(longest).toBeLessThan(resumedMs)
      expect(table()).toEqual(names)

      const { items } = await get<{ items: ImportRow[] }>(worker, `${path}/rows`)
      const csv = await (await send(worker, `${path}/rows`, { headers: { Accept: 'text/csv' } })).text()
      const lines = items.map(({ line, name, outcome, id }) => `${line},${name},${outcome},${id},`)
      expect(csv).toBe(`${['line,name,outcome,id,reason', ...lines].join('\r\n')}\r\n`)
      expect(new Set(items.map(({ id }) => id)).size).toBe(rows)
      const recorded = await recordedIds(worker, path)
      expect(recorded.toSorted(ascending)).toEqual(items.map(({ id }) => id).toSorted(ascending))
    },
    isLong ? 1_800_000 : 300_000,
  )
})

describeWithRedisServer('an instance killed in the middle of its writes', () => {
  const names = ['Anna', 'Borys', 'Clara']
  const change = (gateway: Running, id: number, status: string) =>
    send(gateway, `/v1/organizations/504/operators/${id}`, {
      method: 'PATCH',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ status }),
    })
  /** Where each add stands when its instance dies, by the request that ChatHub holds at that moment. */
  const points = [
    ['K2, with the lock while the list is in flight', (id: number) => simulator.hold('list', id)],
    ['K3, its bytes at ChatHub but not applied', (id: number) => simulator.hold('synchronize', id)],
    [
      'K4, applied and the answer not read',
      (id: number) => simulator.hold('synchronize', id, { after: 'apply' }),
    ],
  ] as const

  it(
    'at K0 to K6 of an add and in a status change: another instance does what is left, once',
    async () => {
      const [early, first, second] = await Promise.all([start(), start(), start()])
      // K0, before anything is written down. No instance knows the organizations yet.
      const organizations = simulator.hold('organizations')
      const nothing = add(early, names, 'killed-500', 500).catch(() => undefined)
      await organizations.arrived
      await kill(early)
      organizations.release()
      await nothing

      expect((await add(second, ['Anna'], 'one', 504)).status).toBe(201)
      const { id } = simulator.operators(504)[0] as { id: number }
      // K5 and K6, after the write and before the answer.
      expect((await add(first, names, 'told', 505)).status).toBe(201)
      const holds = []
      const lost = []
      for (const [i, [, hold]] of points.entries()) {
        const held = hold(501 + i)
        lost.push(add(first, names, `killed-${501 + i}`, 501 + i).catch(() => undefined))
        await held.arrived
        holds.push(held)
      }
      const held = simulator.hold('status', 504)
      lost.push(change(first, id, 'inactive').catch(() => undefined))
      await held.arrived
      await kill(first)
      for (const one of [...holds, held]) one.release()
      await Promise.all(lost)

      const repeat = async (organization: number): Promise<void> => {
        const answer = await add(second, names, `killed-${organization}`, organization)
        const operation = answer.headers.get('location')?.split('/').at(-1)
        if (operation !== undefined) await statesOf({ url: second.url, key }, operation)
      }
      const repeating = Promise.all([500, 501, 502, 503].map(repeat))
      const last = await change(second, id, 'active')
      await repeating
      for (const [i, point] of ['K0', ...points.map(([name]) => name)].entries()) {
        expect([point, table(500 + i)]).toEqual([point, names])
        const again = await add(second, names, `another-${i}`, 500 + i)
        expect([point, ((await again.json()) as { exists: number }).exists]).toEqual([point, 3])
        expect([point, table(500 + i)]).toEqual([point, names])
      }
      // The same key repeats the answer, another key finds the names.
      const same = await add(second, names, 'told', 505)
      const other = await add(second, names, 'another-told', 505)
      expect([same.status, same.headers.get('idempotency-replayed')]).toEqual([201, 'true'])
      expect([other.status, ((await other.json()) as { exists: number }).exists]).toEqual([200, 3])
      expect(table(505)).toEqual(names)
      // The killed instance leaves its record: an opposite change at another instance comes after it.
      expect([last.status, ((await last.json()) as { status: string }).status]).toEqual([200, 'active'])
      expect(simulator.operators(504)[0]?.status).toBe(0)
    },
    longTimeout,
  )
})
