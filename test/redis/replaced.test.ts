import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from '@jest/globals'
import type { Redis } from 'ioredis'
import { type BesideRedis, endWhatIsLeft, startBeside } from '../failure/faulty-redis.ts'
import { freePort } from '../support/free-port.ts'
import { describeWithRedisServer } from '../support/needs.ts'
import { startRedis, type TestRedis } from '../support/redis.ts'
import { until } from '../support/until.ts'

let redis: TestRedis
let admin: Redis
let folder: string
let gateway: BesideRedis
const channel = 'chathub:{gateway}:invalidation'
const urlOf = (name: string, port = redis.port, password = `${name}#hidden`): string =>
  `redis://${name}:${password}@127.0.0.1:${port}`
const file = (): string => join(folder, 'url')
/** The connections of each user, less those of the test. */
const connections = async (of: Redis = admin): Promise<string[]> =>
  ((await of.client('LIST')) as string)
    .split('\n')
    .flatMap((line) => / user=(\w+)/.exec(line)?.[1] ?? [])
    .filter((user) => user !== 'default')
const subscribers = async (of: Redis = admin): Promise<unknown> => (await of.pubsub('NUMSUB', channel))[1]
const eventsOf = (event: string): (string | undefined)[] =>
  gateway.reports.flatMap((report) =>
    report.name === 'redis' && report.event === event ? [report.because] : [],
  )
const isUsed = (): Promise<void> => until(() => eventsOf('new-address').at(-1) === 'in use')

beforeEach(async () => {
  redis = await startRedis({})
  admin = redis.client()
  for (const name of ['old', 'new'])
    await admin.acl('SETUSER', name, 'on', `>${name}#hidden`, '~*', '&*', '+@all')
  folder = await mkdtemp(join(tmpdir(), 'redis-url-'))
  await writeFile(file(), `${urlOf('old')}\n`)
  gateway = await startBeside('', { isAlone: true, env: { REDIS_URL: '', REDIS_URL_FILE: file() } })
  await gateway.isTrusted()
  gateway.reports.length = 0
})
afterEach(async () => {
  await endWhatIsLeft()
  await redis.stop()
  await rm(folder, { recursive: true })
})

describeWithRedisServer('a changed REDIS_URL_FILE', () => {
  it('moves every connection without a moment in which Redis is away, and leaves none behind', async () => {
    let isOver = false
    const writing = (async () => {
      const statuses = new Set<number>()
      while (!isOver) statuses.add((await gateway.add()).status)
      return [...statuses]
    })()
    await writeFile(file(), urlOf('new'))
    await isUsed()
    await until(async () => (await connections()).every((user) => user === 'new'))
    isOver = true
    expect(await writing).toEqual([201])
    await until(async () => (await connections()).join() === 'new,new')
    expect(await subscribers()).toBe(1)
    expect([eventsOf('away'), eventsOf('refused')]).toEqual([[], []])
  })

  it.each<[string, () => string | Promise<string>, RegExp]>([
    ['a wrong password', () => urlOf('new', redis.port, 'wrong-hidden'), /WRONGPASS/],
    ['a server that is not there', async () => urlOf('new', await freePort()), /ECONNREFUSED/],
    [
      'a user without rights',
      async () => {
        await admin.acl('SETUSER', 'poor', 'on', '>poor#hidden', '~*', 'resetchannels', '+@all')
        return urlOf('poor')
      },
      /NOPERM/,
    ],
    [
      'a user that may not subscribe',
      async () => {
        await admin.acl('SETUSER', 'poor', 'on', '>poor#hidden', '~*', '&*', '+@all', '-subscribe')
        return urlOf('poor')
      },
      /SUBSCRIBE: NOPERM/,
    ],
  ])(
    'with %s keeps the good connection, says why, and is mended by the next change',
    async (_, bad, reason) => {
      await writeFile(file(), await bad())
      await until(() => eventsOf('new-address').length > 0)
      expect(eventsOf('new-address').join()).toMatch(reason)
      expect(await gateway.redisState()).toBe('ready')
      expect((await gateway.add()).status).toBe(201)
      await writeFile(file(), urlOf('new'))
      await isUsed()
      await until(async () => (await connections()).join() === 'new,new')
      expect(await subscribers()).toBe(1)
      expect(gateway.logged()).not.toContain('hidden')
    },
  )

  it('with a fault is told in a sentence, and the good connection is kept', async () => {
    await writeFile(file(), 'redis://:hidden@::1')
    const kept = (): string[] =>
      gateway.reports.flatMap((report) =>
        report.name === 'secret-file' && report.result === 'kept' ? [report.because ?? ''] : [],
      )
    await until(() => kept().length > 0)
    expect(kept()).toEqual(['wanted: an IPv6 address in brackets, such as redis://[::1]:6379'])
    expect((await gateway.add()).status).toBe(201)
  })

  it('that comes twice in a row ends at the last address, with no connection of those before', async () => {
    const other = await startRedis({})
    const otherAdmin = other.client()
    await otherAdmin.acl('SETUSER', 'new', 'on', '>new#hidden', '~*', '&*', '+@all')
    await writeFile(file(), urlOf('new', await freePort()))
    await until(() => eventsOf('new-address').length > 0)
    await writeFile(file(), urlOf('new', other.port))
    await isUsed()
    await until(async () => (await connections()).length === 0)
    await until(async () => (await connections(otherAdmin)).join() === 'new,new')
    expect([await subscribers(), await subscribers(otherAdmin)]).toEqual([0, 1])
    await until(async () => (await gateway.add()).status === 201)
    await gateway.close()
    await other.stop()
  })

  it('is used at once when the old address is of no use', async () => {
    await admin.acl('SETUSER', 'old', 'resetchannels')
    await until(async () => (await gateway.redisState()) === 'refused')
    await writeFile(file(), urlOf('new'))
    await until(async () => (await gateway.redisState()) === 'ready')
    expect((await gateway.add()).status).toBe(201)
    await until(async () => (await connections()).join() === 'new,new')
  })
})
