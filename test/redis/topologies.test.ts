import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, it } from '@jest/globals'
import type { Redis } from 'ioredis'
import { hashKey, makeKey } from '../../src/access/keys.ts'
import { createSimulator } from '../../src/apps/simulator/simulator.ts'
import { ask, settingsBefore } from '../coherence/fleet.ts'
import { createAuthority } from '../failure/certificates.ts'
import { freePort } from '../support/free-port.ts'
import { startGatewayHost } from '../support/gateway-host.ts'
import { describeWithRedisServer } from '../support/needs.ts'
import { stopEverything } from '../support/processes.ts'
import { startRedis, type TestRedis } from '../support/redis.ts'
import { runCli } from '../support/run-cli.ts'
import { hasLostNothing } from '../support/settled.ts'
import { until } from '../support/until.ts'
import { startSentinel } from './sentinel.ts'

// Redis as people run it: two gateways on each kind, that must be one gateway to a caller.

const ends: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end()
})
const startServer = async (options: Parameters<typeof startRedis>[0]): Promise<TestRedis> => {
  const redis = await startRedis(options)
  ends.push(redis.stop)
  return redis
}
type Gateways = { url: string }[]
/** Two instances in one process, with these variables of Node. */
const startGateways = async (redisUrl: string, env: Record<string, string> = {}) => {
  const simulator = await createSimulator({ companyToken: 'ct_demo-company-token' })
  ends.push(simulator.close)
  const host = await startGatewayHost(env)
  ends.push(stopEverything)
  const settings = { ...settingsBefore(simulator), REDIS_URL: redisUrl, CHATHUB_REQUESTS_PER_SECOND: '1000' }
  const gateways = [await host.start(settings), await host.start(settings)]
  for (const gateway of gateways)
    await until(async () => {
      const ready = await ask(gateway, 'GET', '/readyz')
      return ((await ready.json()) as { redis: string }).redis === 'ready'
    })
  return Object.assign(gateways, { kill: host.kill })
}
const json = async (answer: Promise<Response>): Promise<[number, Record<string, never>]> => {
  const given = await answer
  return [given.status, given.status === 204 ? {} : ((await given.json()) as Record<string, never>)]
}

/** Everything that goes through Redis, done on one instance and seen on the other. */
const isOneGateway = async ([one, other]: Gateways): Promise<void> => {
  if (!one || !other) throw new Error('two instances are needed')
  const list = '/v1/organizations/24/operators'
  await json(ask(other, 'GET', list))
  const sent = { body: { operators: [{ name: 'Alex Brown' }] }, headers: { 'Idempotency-Key': 'topology-1' } }
  const [status, added] = await json(ask(one, 'POST', list, sent))
  expect([status, added['created']]).toEqual([201, 1])
  const [, listed] = await json(ask(other, 'GET', list))
  expect(listed['total']).toBe(4)
  const replayed = await ask(other, 'POST', list, sent)
  expect([replayed.status, replayed.headers.get('idempotency-replayed')]).toEqual([201, 'true'])
  const [changed] = await json(ask(other, 'PATCH', `${list}/101`, { body: { status: 'inactive' } }))
  const [, one101] = await json(ask(one, 'GET', `${list}/101`))
  expect([changed, one101['status']]).toEqual([200, 'inactive'])
  const chat = '/v1/organizations/24/assignments'
  const [, held] = await json(ask(one, 'POST', chat, { body: { chatId: 7 } }))
  const [, found] = await json(ask(other, 'GET', `${chat}/7`))
  expect(found['operator']).toEqual(held['operator'])
  const rows = Array.from({ length: 250 }, (_, i) => `Row ${i}`).join('\n')
  const csv = { body: `name\n${rows}`, headers: { 'Content-Type': 'text/csv' } }
  const imported = await ask(one, 'POST', '/v1/organizations/6/imports', csv)
  expect(imported.status).toBe(202)
  const operation = imported.headers.get('location') as string
  await until(async () => (await json(ask(other, 'GET', operation)))[1]['state'] === 'done', 'the import', 20)
  expect((await json(ask(other, 'POST', '/v1/cache:purge', { body: {} })))[0]).toBe(204)
  const again = await ask(one, 'GET', list)
  expect(again.headers.get('cache-status')).toContain('fwd=uri-miss')
}

describeWithRedisServer('two gateways are one', () => {
  it('on a single Redis over TLS, vouched for by an authority of its owner', async () => {
    const authority = createAuthority()
    const { key, cert } = authority.server()
    const folder = await mkdtemp(join(tmpdir(), 'redis-tls-'))
    ends.push(() => rm(folder, { recursive: true }))
    const file = async (name: string, text: string): Promise<string> => {
      await writeFile(join(folder, name), text)
      return join(folder, name)
    }
    const [ca, crt, own] = [
      await file('ca.pem', authority.cert),
      await file('redis.pem', cert),
      await file('redis.key', key),
    ]
    const port = await freePort()
    const tls = ['--port', '0', '--tls-port', `${port}`, '--tls-auth-clients', 'no']
    await startServer({
      port,
      args: [...tls, '--tls-cert-file', crt, '--tls-key-file', own, '--tls-ca-cert-file', ca],
    })
    await isOneGateway(await startGateways(`rediss://127.0.0.1:${port}`, { NODE_EXTRA_CA_CERTS: ca }))
  })

  it('with a user that may touch its own keys alone', async () => {
    const redis = await startServer({})
    const admin = redis.client()
    await hasLostNothing(admin)
    await admin.acl(
      ...(['SETUSER', 'gateway', 'on', '>secret', '~chathub:*', 'resetchannels', '&chathub:*'] as const),
      ...(['+@all', '-@dangerous', '-@admin'] as const),
    )
    await admin.acl('SETUSER', 'default', 'off')
    await isOneGateway(await startGateways(`redis://gateway:secret@127.0.0.1:${redis.port}`))
  })

  it('on a cluster of three', async () => {
    const nodes: { redis: TestRedis; bus: number; admin: Redis }[] = []
    for (let i = 0; i < 3; i++) {
      const bus = await freePort()
      const redis = await startServer({ args: ['--cluster-enabled', 'yes', '--cluster-port', `${bus}`] })
      nodes.push({ redis, bus, admin: redis.client() })
    }
    const [first] = nodes as [(typeof nodes)[number]]
    for (const [i, { redis, bus, admin }] of nodes.entries()) {
      await first.admin.call('CLUSTER', 'MEET', '127.0.0.1', redis.port, bus)
      await admin.call('CLUSTER', 'ADDSLOTSRANGE', i * 5462, Math.min(16_383, (i + 1) * 5462 - 1))
    }
    for (const { admin } of nodes)
      await until(async () => String(await admin.cluster('INFO')).includes('cluster_state:ok'))
    const hosts = nodes.map(({ redis }) => `127.0.0.1:${redis.port}`).join(',')
    const url = `redis+cluster://${hosts}`
    const gateways = await startGateways(url)
    await isOneGateway(gateways)

    const folder = await mkdtemp(join(tmpdir(), 'redis-cluster-'))
    ends.push(() => rm(folder, { recursive: true }))
    const copy = join(folder, 'copy.ndjson')
    const client = {
      id: 'crm',
      keyHash: hashKey(makeKey('crm')),
      scopes: ['operators:read'],
      organizations: [24],
    }
    const env = {
      REDIS_URL: url,
      CHATHUB_COMPANY_TOKEN: 'ct_company-token',
      API_KEYS: JSON.stringify({ clients: [client] }),
    }
    const made = await runCli(['backup', '--to', copy], env)
    expect([made.code, made.stderr]).toEqual([0, expect.stringMatching(/^\S+ has \d+ keys\./)])
    const running = await runCli(['restore', '--from', copy, '--force'], env)
    expect([running.code, running.stderr]).toEqual([
      65,
      expect.stringContaining('A gateway runs on this Redis.'),
    ])
    await gateways.kill()
    const kept = async (): Promise<string[]> => {
      const keys = (await Promise.all(nodes.map(({ admin }) => admin.keys('chathub:*')))).flat()
      return keys
        .filter((key) => /^chathub:(journal|audit|events|idempotency|assignment|kept):/.test(key))
        .toSorted()
    }
    const before = await kept()
    for (const family of ['journal:{24}:', 'audit:{24}:', 'events:{events}:', 'kept:{kept}:', 'idempotency:'])
      expect(before).toContainEqual(expect.stringContaining(family))
    for (const { admin } of nodes) await admin.flushall()
    const restored = await runCli(['restore', '--from', copy], env)
    expect([restored.code, restored.stderr]).toEqual([0, expect.stringMatching(/^\d+ keys are restored\./)])
    const passing = /:(lock|waiting|since|leases)$/
    expect(await kept()).toEqual(before.filter((key) => !passing.test(key)))
  })

  it('behind a Sentinel, whose failover no reader of a known list notices', async () => {
    const master = await startServer({})
    await hasLostNothing(master.client())
    const replica = await startServer({ args: ['--replicaof', '127.0.0.1', `${master.port}`] })
    const sentinel = await startSentinel(master.port)
    ends.push(sentinel.stop)
    const gateways = await startGateways(`redis+sentinel://127.0.0.1:${sentinel.port}/team`)
    await isOneGateway(gateways)
    const known = ['/v1/organizations/24/operators', '/v1/organizations/6/operators', '/v1/organizations']
    for (const gateway of gateways) for (const path of known) await json(ask(gateway, 'GET', path))
    await until(async () => (await replica.client().info('replication')).includes('master_link_status:up'))
    const statuses = new Map<number, number>()
    let over = false
    const readers = gateways.flatMap((gateway) =>
      known.map(async (path) => {
        const readUntilOver = async (): Promise<boolean> => {
          const answer = await ask(gateway, 'GET', path)
          await answer.arrayBuffer()
          statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1)
          return over
        }
        await until(readUntilOver, 'the failover', 20)
      }),
    )
    await master.kill()
    await until(async () => (await replica.client().info('replication')).includes('role:master'))
    const written = async (): Promise<boolean> => {
      const change = { body: { status: 'active' } }
      return (await json(ask(gateways[0]!, 'PATCH', `${known[0]}/101`, change)))[0] === 200
    }
    await until(written, 'a write after the failover', 20)
    over = true
    await Promise.all(readers)
    expect([...statuses.keys()]).toEqual([200])
    // The other may find the new master later: until then it says that its list is old.
    const isFreshThere = async (): Promise<boolean> => {
      const answer = await ask(gateways[1]!, 'GET', `${known[0]}/101`)
      const { status } = (await answer.json()) as { status: string }
      if (/ttl=-/.test(answer.headers.get('cache-status') ?? '')) return false
      expect(status).toBe('active')
      return true
    }
    await until(isFreshThere, 'the new status at the other', 20)
  })
})
