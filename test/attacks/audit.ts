import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { hashKey, makeKey } from '../../src/access/keys.ts'
import { scopes } from '../../src/contract/scopes.ts'
import { startCutter } from '../support/cutter.ts'
import { type Running, spawnReady } from '../support/processes.ts'
import { startRedis } from '../support/redis.ts'

export const question =
  'Are changes missing or doubled in the audit log when commands to Redis are lost and instances are killed?'

const writes = 60
const namesOfWrite = 5
const kills = 3
const purges = 3000
const organization = 24

type AuditItem = { kind: string; outcome: string; operator: { id: number } | null }
type Page = { items: AuditItem[]; nextCursor: string | null }

export const run = async ({ dist, say }: { dist: string; say(text: string): void }) => {
  const redis = await startRedis()
  const link = await startCutter(redis.port)
  const simulator = await spawnReady(process.execPath, [join(dist, 'apps/simulator/main.js')], {})
  const key = makeKey('attacker')
  const client = { id: 'attacker', keyHash: hashKey(key), scopes, organizations: '*' }
  const start = () =>
    spawnReady(process.execPath, [join(dist, 'main.js')], {
      PORT: '0',
      CHATHUB_BASE_URL: simulator.url,
      CHATHUB_COMPANY_TOKEN: 'ct_demo-company-token',
      CHATHUB_REQUESTS_PER_SECOND: '1000',
      WRITE_SETTLE_SECONDS: '1',
      REDIS_URL: link.url,
      LOG_LEVEL: 'error',
      API_KEYS: JSON.stringify({ clients: [{ ...client, requestsPerMinute: 10_000_000 }] }),
    })
  const gateways: Running[] = [await start(), await start()]
  const send = (gateway: Running, method: string, path: string, body?: unknown, idempotencyKey = '') =>
    fetch(gateway.url + path, {
      method,
      headers: {
        'X-API-Key': key,
        ...(body !== undefined && { 'Content-Type': 'application/json' }),
        ...(idempotencyKey && { 'Idempotency-Key': idempotencyKey }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    }).catch(() => undefined)
  const operators = `/v1/organizations/${organization}/operators`

  /** Adds names until that is acknowledged; each instance is asked in turn. */
  const add = async (write: number): Promise<void> => {
    const names = Array.from({ length: namesOfWrite }, (_, i) => ({ name: `Attack ${write}-${i}` }))
    for (let attempt = 0; ; attempt++) {
      const gateway = gateways[(write + attempt) % gateways.length] as Running
      const answer = await send(gateway, 'POST', operators, { operators: names }, `write-${write}`)
      if (answer?.status === 200 || answer?.status === 201) return
      await sleep(250)
    }
  }
  for (let write = 0; write < writes; write++) {
    const part = write % 2 ? `audit:{${organization}}:log` : `journal:{${organization}}:operation`
    void link.cut((text) => text.includes(part), { forward: write % 4 < 2 })
    const added = add(write)
    if (write % Math.floor(writes / kills) === 1) {
      await sleep(5)
      const killed = gateways.shift() as Running
      killed.signal('SIGKILL')
      await killed.exited
      gateways.push(await start())
    }
    await added
  }
  void link.cut(() => false, { forward: true })
  await sleep(1500)

  const [last] = gateways as [Running]
  const listed = (await (await send(last, 'GET', operators))?.json()) as {
    items: { id: number; name: string }[]
  }
  const expected = listed.items.filter(({ name }) => name.startsWith('Attack'))
  const recorded = new Map<number, number>()
  for (let next: string | null = ''; next !== null; ) {
    const answer = await send(last, 'GET', `/v1/audit?limit=1000${next && `&cursor=${next}`}`)
    if (answer?.status !== 200) break
    const page = (await answer.json()) as Page
    for (const { kind, outcome, operator } of page.items)
      if (kind === 'added' && outcome === 'applied' && operator)
        recorded.set(operator.id, (recorded.get(operator.id) ?? 0) + 1)
    next = page.nextCursor
  }
  const missing = expected.filter(({ id }) => !recorded.has(id)).length
  const doubled = [...recorded.values()].filter((count) => count > 1).length
  const stream = `chathub:audit:{${organization}}:log`
  const bytes = Number(await redis.client().call('MEMORY', 'USAGE', stream, 'SAMPLES', '0'))
  for (let i = 0; i < purges; i += 50)
    await Promise.all(
      Array.from({ length: 50 }, () => send(last, 'POST', '/v1/cache:purge', { organization })),
    )
  const length = await redis.client().xlen(stream)
  say(`${expected.length} names of ${writes} writes, ${kills} kills; ${length} entries at the end`)

  for (const one of [...gateways, simulator]) await one.stop()
  await link.close()
  await redis.stop()
  const none = 'no audit log'
  const wanted = writes * namesOfWrite
  return [
    { figure: 'names added once', before: none, after: `${expected.length} of ${wanted}`, aim: `${wanted}` },
    { figure: 'changes without a record', before: none, after: `${missing}`, aim: '0' },
    { figure: 'changes with two records', before: none, after: `${doubled}`, aim: '0' },
    {
      figure: `entries that ${purges} purges of one client push out`,
      before: none,
      after: `${length - Math.ceil(recorded.size / namesOfWrite)}`,
      aim: '2 at most',
    },
    {
      figure: `Redis memory a change, ${namesOfWrite} names an add`,
      before: none,
      after: `${Math.round(bytes / Math.max(1, recorded.size))} B`,
      aim: '100 B',
    },
  ]
}
