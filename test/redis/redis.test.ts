import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import type { RedisClient } from '../../src/redis/connect.ts'
import { createRedis, type Redis } from '../../src/redis/redis.ts'
import type { Report } from '../../src/report.ts'
import { createClock, type HandClock, settle } from '../support/clock.ts'
import { until } from '../support/until.ts'
import { type FakeRedis, list, serverOf, startFakeRedis } from './fake-redis.ts'

let server: FakeRedis
let clock: HandClock
let redis: Redis
let reports: Report[]
let client: RedisClient
const create = (commandMs = 50): void => {
  redis = createRedis({
    url: server.url,
    prefix: 'test:',
    clock,
    report: (report) => reports.push(report),
    commandMs,
  })
}
/** Ready for a second, so that people are told of another state at once. */
const open = async (commandMs?: number): Promise<void> => {
  create(commandMs)
  await until(() => redis.state() === 'ready')
  await clock.advance(1000)
  server.commands.length = 0
  client = await redis.run(async (given) => given)
}
/** The script of the check, as a probe sends it. */
const probe = 'EVALSHA'
/** Resolves when everything that was sent on the connection has been answered. */
const drained = async (): Promise<void> => {
  await client.ping()
  await settle()
}
const eventsOf = (name: string): (string | undefined)[] =>
  reports.flatMap((report) => (report.name === 'redis' && report.event === name ? [report.because] : []))
const errors = (): string[] =>
  reports.flatMap((report) => (report.name === 'redis-error' ? [report.reason] : []))
const get = (key: string): Promise<unknown> => redis.run((given) => given.get(key))
const sent = (name: string): number => server.commands.filter(([command]) => command === name).length
/** Answers commands of that name so; the rest as a healthy server does. */
const answering = (name: string, given: string | ((words: string[]) => string)): void => {
  const healthy = serverOf('7.2.4')
  server.answer = (command) => {
    if (command[0] !== name) return healthy(command)
    return typeof given === 'string' ? given : given(command)
  }
}
/** Lets one reader wait for a Redis that hangs. */
const hang = async (): Promise<void> => {
  server.hold()
  const reading = get('a').catch(() => {})
  await clock.advance(50)
  await reading
}

beforeEach(async () => {
  server = await startFakeRedis(serverOf('7.2.4'))
  clock = createClock()
  reports = []
})
afterEach(async () => {
  redis.close()
  await server.close()
})

describe('a Redis that hangs', () => {
  it('costs one reader the time limit, and the readers after it nothing', async () => {
    await open()
    server.hold()
    const ended: unknown[] = []
    const reading = get('a').catch((error) => ended.push(error.code))
    await clock.advance(49)
    expect(ended).toEqual([])
    expect(redis.status()).toEqual({ state: 'ready', detail: null })
    await clock.advance(1)
    await reading
    expect(ended).toEqual(['redis.unavailable'])
    expect(redis.status()).toEqual({ state: 'away', detail: 'Command timed out' })
    await expect(get('b')).rejects.toMatchObject({ code: 'redis.unavailable', retryAfterMs: 1000 })
    server.release()
    await drained()
    expect(server.commands.filter(([name]) => name === 'GET')).toEqual([['GET', 'a']])
    expect(errors()).toEqual(['timeout'])
    expect(eventsOf('away')).toEqual(['Command timed out'])
  })

  it('is used again after two probes that were answered in time', async () => {
    await open()
    await hang()
    server.release()
    await clock.advance(249)
    expect(sent(probe)).toBe(0)
    await clock.advance(1)
    await drained()
    expect(redis.state()).toBe('away')
    await clock.advance(20)
    await drained()
    expect(redis.state()).toBe('ready')
    expect(sent(probe)).toBe(2)
  })

  it('is not used again after a probe that was answered too late', async () => {
    await open()
    await hang()
    await clock.advance(301)
    server.release()
    await drained()
    expect(redis.state()).toBe('away')
    await clock.advance(250)
    await drained()
    expect(redis.state()).toBe('away')
    await clock.advance(20)
    await drained()
    expect(redis.state()).toBe('ready')
  })

  it('gets a new connection when three probes were not answered', async () => {
    await open()
    await hang()
    const { accepted } = server
    for (let times = 1; times <= 3; times++) await clock.advance(250 + 1000)
    await until(() => server.accepted > accepted)
    server.release()
    await until(async () => {
      await clock.advance(20)
      return redis.state() === 'ready'
    })
  })

  it('has a time limit that can be handed in, for readers and for writes', async () => {
    await open(3000)
    for (const way of [redis, redis.tolerant]) {
      server.hold()
      let hasEnded = false
      const running = way
        .run((given) => given.get('a'))
        .catch(() => {
          hasEnded = true
        })
      await clock.advance(2999)
      expect(hasEnded).toBe(false)
      await clock.advance(1)
      await running
      expect(hasEnded).toBe(true)
      server.release()
      await clock.advance(250)
      await drained()
      await clock.advance(20)
      await drained()
      expect(redis.state()).toBe('ready')
    }
  })
})

describe('a write', () => {
  it('waits for a Redis that has just gone away', async () => {
    await open()
    await hang()
    server.release()
    answering('INCR', ':7\r\n')
    const answer = redis.tolerant.run((given) => given.incr('b'))
    await clock.advance(250)
    await drained()
    await clock.advance(20)
    await drained()
    await clock.advance(25)
    expect(await answer).toBe(7)
  })

  it('is refused when Redis is away for a second', async () => {
    await open()
    await hang()
    const answer = redis.tolerant.run((given) => given.incr('b')).catch((error) => error)
    await clock.advance(1000)
    expect(await answer).toMatchObject({ code: 'redis.unavailable' })
    expect(sent('INCR')).toBe(0)
  })

  it('has half a second where a reader has 50 ms', async () => {
    await open()
    server.hold()
    answering('INCR', ':7\r\n')
    const answer = redis.tolerant.run((given) => given.incr('b'))
    await clock.advance(499)
    server.release()
    expect(await answer).toBe(7)
    expect(redis.state()).toBe('ready')
  })
})

describe('a script that meets a key of another type', () => {
  it('has its keys unlinked only when they may be lost', async () => {
    await open()
    const keeping = redis.script('keeping', 'return 1')
    const dropping = redis.script('dropping', 'return 1', { dropOnWrongType: true })
    answering('EVAL', '-WRONGTYPE Operation against a key holding the wrong kind of value\r\n')
    await expect(keeping(['a'])).rejects.toMatchObject({ code: 'redis.unavailable' })
    expect(sent('UNLINK')).toBe(0)
    await expect(dropping(['a', 'b'], 1)).rejects.toMatchObject({ code: 'redis.unavailable' })
    expect(server.commands.filter(([name]) => name === 'UNLINK')).toEqual([['UNLINK', 'test:a', 'test:b']])
  })
})

describe('the version of the server', () => {
  it.each(['6.2.0', '6.10.1', '7.2.4', '10.0.0'])('%s is used', async (version) => {
    server.answer = serverOf(version)
    await open()
    expect(eventsOf('unsupported')).toEqual([])
  })

  it.each(['2.8.24', '6.0.16'])(
    '%s is reported as too old, and no command is sent to it',
    async (version) => {
      server.answer = serverOf(version)
      create()
      await redis.opened
      const because = `Redis ${version} is too old: 6.2 or later is needed`
      expect(redis.status()).toEqual({ state: 'unsupported', detail: because })
      expect(redis.state()).toBe('away')
      expect(eventsOf('unsupported')).toEqual([because])
      await expect(get('a')).rejects.toMatchObject({ code: 'redis.unavailable' })
      await clock.advance(60_000)
      expect([redis.status().state, sent('GET')]).toEqual(['unsupported', 0])
    },
  )

  it('is asked on each connection, so that an upgraded server is used without a restart', async () => {
    server.answer = serverOf('6.0.16')
    create()
    await redis.opened
    expect(redis.status().state).toBe('unsupported')
    server.answer = serverOf('7.2.4')
    server.cut()
    const isTold = async (state: string): Promise<void> =>
      until(async () => {
        await clock.advance(100)
        return redis.status().state === state
      })
    await isTold('ready')
    server.answer = serverOf('6.0.16')
    server.cut()
    await isTold('unsupported')
  })

  it.each([
    ['forbidden', '-NOPERM this user has no permissions to run the INFO command\r\n'],
    ['missing', '$0\r\n\r\n'],
    ['no text', list('redis_version', 'seven')],
  ])('that is %s does not keep a server from being used', async (_, given) => {
    answering('INFO', given)
    await open()
    expect(eventsOf('unsupported')).toEqual([])
  })
})

describe('a server that may evict keys', () => {
  const forbidden = '-NOPERM this user has no permissions to run the CONFIG command\r\n'
  it.each([
    ['allkeys-lru', '104857600', ['allkeys-lru']],
    ['allkeys-lru', '0', []],
    ['noeviction', '104857600', []],
    [undefined, undefined, []],
  ])('is reported by its policy: %s with a limit of %s', async (policy, limit, told) => {
    answering('CONFIG', ([, , what = '']) => {
      const value = what === 'maxmemory' ? limit : policy
      return value === undefined ? forbidden : list(what, value)
    })
    await open()
    expect(eventsOf('may-evict')).toEqual(told)
  })
})
