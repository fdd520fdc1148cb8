import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals'
import type { Redis } from 'ioredis'
import { limitedUsers } from '../compatibility/redis.ts'
import { comesBack, endWhatIsLeft, startBeside, startWorld } from '../failure/faulty-redis.ts'
import { describeWithRedisServer } from '../support/needs.ts'
import { startRedis, type TestRedis } from '../support/redis.ts'
import { isRefused } from './is-refused.ts'

const user = 'gateway'
const all = ['on', '>secret', '~chathub:*', 'resetchannels', '&chathub:*', '+@all'] as const
describeWithRedisServer('a Redis that refuses what the work needs', () => {
  let redis: TestRedis
  let admin: Redis
  beforeAll(async () => {
    redis = await startRedis({})
    admin = redis.client()
  })
  afterAll(() => redis.stop())
  afterEach(endWhatIsLeft)
  const url = (login = `${user}:secret@`, rest = ''): string =>
    `redis://${login}127.0.0.1:${redis.port}${rest}`
  const allow = (...rules: string[]): Promise<unknown> =>
    admin.acl('SETUSER', user, 'reset', ...all, ...rules)

  it.each(limitedUsers)('$form: the start finds it', async ({ rules, reason }) => {
    await allow(...rules)
    await isRefused(await startBeside(url()), reason)
  })

  it('rights that are given later are found', async () => {
    await allow('resetchannels')
    const gateway = await startBeside(url())
    await isRefused(gateway, /NOPERM/)
    await allow()
    await comesBack(gateway)
  })

  it.each([
    ['channels', ['resetchannels'], /NOPERM .*channels/],
    ['a command of a script', ['-zadd'], /NOPERM|can't run this command/],
    ['scripts', ['-@scripting'], /NOPERM/],
  ] as const)('rights that are taken away at work are told at once: %s', async (_, rules, reason) => {
    await allow()
    const gateway = await startBeside(url())
    await gateway.isTrusted()
    await allow(...rules)
    await isRefused(gateway, reason)
    await allow()
    await comesBack(gateway)
  })

  it.each([
    ['a wrong password', `${user}:wrong-secret@`, '', /^WRONGPASS|: WRONGPASS/],
    ['a user that does not exist', 'nobody:secret@', '', /WRONGPASS/],
    ['a database that does not exist', `${user}:secret@`, '/99', /DB index is out of range/],
  ])('%s', async (_, login, rest, reason) => {
    await allow()
    await isRefused(await startBeside(url(login, rest)), reason)
  })

  it('a password that is missing', async () => {
    await admin.acl('SETUSER', 'default', 'off')
    try {
      await isRefused(await startBeside(url('')), /NOAUTH/)
    } finally {
      await admin.acl('SETUSER', 'default', 'on')
    }
  })

  it('a list of cluster nodes that are none', async () => {
    await isRefused(await startBeside(`redis+cluster://127.0.0.1:${redis.port}`), /cluster support disabled/)
  })

  it.each<[string, (admin: Redis) => Promise<unknown>, (admin: Redis) => Promise<unknown>, RegExp]>([
    [
      'a replica',
      (one) => one.replicaof('127.0.0.1', '1'),
      (one) => one.replicaof('NO', 'ONE'),
      /READONLY .*replica/,
    ],
    [
      'full',
      (one) => one.config('SET', 'maxmemory', '1'),
      (one) => one.config('SET', 'maxmemory', '0'),
      /OOM/,
    ],
    [
      'without the replicas that it must have',
      (one) => one.config('SET', 'min-replicas-to-write', '1'),
      (one) => one.config('SET', 'min-replicas-to-write', '0'),
      /NOREPLICAS/,
    ],
  ])('a server that is %s, at the start and at work', async (_, spoil, mend, reason) => {
    await allow()
    await spoil(admin)
    const gateway = await startBeside(url())
    await isRefused(gateway, reason)
    await mend(admin)
    await comesBack(gateway)
    await spoil(admin)
    // A full server refuses nothing that frees or refreshes, so a write is the first to notice.
    expect((await gateway.add()).status).toBe(503)
    await isRefused(gateway, reason)
    await mend(admin)
    await comesBack(gateway)
  })
})

describeWithRedisServer('a node of a cluster behind redis://', () => {
  afterEach(endWhatIsLeft)
  it.each([true, false])('is refused, with all slots: %s', async (hasSlots) => {
    const world = startRedis({ args: ['--cluster-enabled', 'yes'] })
    const node = await world
    if (hasSlots) await node.client().call('CLUSTER', 'ADDSLOTSRANGE', 0, 16_383)
    const gateway = await startBeside(node.url)
    await isRefused(gateway, /MOVED.*redis\+cluster:/)
    await gateway.close()
    await node.stop()
  })
})

describeWithRedisServer('a Redis that may be used', () => {
  it('is never refused while all goes well', async () => {
    const world = await startWorld({ isAlone: true })
    await world.gateway.add()
    const states = world.gateway.reports.flatMap((report) => (report.name === 'redis' ? [report.event] : []))
    expect(states).toEqual(['ready'])
    await world.end()
  })
})
