import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import type { RedisClient } from '../../src/redis/connect.ts'
import { createRedis, type Redis } from '../../src/redis/redis.ts'
import type { Report } from '../../src/report.ts'
import { createClock, type HandClock, settle } from '../support/clock.ts'
import { until } from '../support/until.ts'
import { type FakeRedis, list, ok, serverOf, startFakeRedis } from './fake-redis.ts'

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

describe('an error of Redis', () => {
  it.each([
    ['WRONGTYPE Operation against a key holding the wrong kind of value', 'refused', 'ready'],
    ['ERR value is not an integer or out of range', 'refused', 'ready'],
    ['OOM command not allowed when used memory > maxmemory', 'full', 'refused'],
    ['READONLY You can not write against a read only replica.', 'readonly', 'refused'],
    ['NOPERM this user has no permissions to run this command', 'denied', 'refused'],
    ['NOAUTH Authentication required.', 'denied', 'refused'],
    ['WRONGPASS invalid username-password pair or user is disabled.', 'denied', 'refused'],
    ['MOVED 866 10.0.0.2:6379', 'moved', 'refused'],
    ['CROSSSLOT Keys in request do not hash to the same slot', 'moved', 'refused'],
    ['MISCONF Redis is configured to save RDB snapshots', 'unwritable', 'refused'],
    ['NOREPLICAS Not enough good replicas to write.', 'unwritable', 'refused'],
    ['LOADING Redis is loading the dataset in memory', 'starting', 'away'],
    ['CLUSTERDOWN Hash slot not served', 'starting', 'away'],
    ['BUSY Redis is busy running a script.', 'starting', 'away'],
  ] as const)('« %s » is counted as %s and leaves Redis %s', async (message, reason, state) => {
    await open()
    answering('GET', `-${message}\r\n`)
    await expect(get('a')).rejects.toMatchObject({ code: 'redis.unavailable' })
    expect(errors()).toEqual([reason])
    const { state: told, detail } = redis.status()
    expect(told).toBe(state)
    if (state !== 'ready') expect(detail).toMatch(`GET: ${message}`)
    if (state === 'refused') expect(eventsOf('refused')).toEqual([detail])
  })

  const where = 'ERR Error running script (call to f_9f1d): @user_script:3: @user_script: 3: '
  it.each([
    [`${where}-READONLY You can't write against a read only replica.`, 'readonly', 'READONLY You can'],
    [`${where}-OOM command not allowed when used memory > 'maxmemory'.`, 'full', 'OOM command'],
    [`${where}-MISCONF Redis is configured to save RDB snapshots`, 'unwritable', 'MISCONF Redis'],
    [`${where}-NOREPLICAS Not enough good replicas to write.`, 'unwritable', 'NOREPLICAS Not'],
    [`${where}The user executing the script can't run this command or subcommand`, 'denied', 'ERR Error'],
    [`${where}The user executing the script can't publish to the channel`, 'denied', 'ERR Error'],
    ['BUSY Redis is busy running a script. You can only call SCRIPT KILL', 'starting', 'BUSY Redis'],
  ])('inside a script, in the words of Redis 6.2, is understood: %s', async (message, reason, detail) => {
    await open()
    const script = redis.script('some', 'return 1')
    answering('EVAL', `-${message}\r\n`)
    await expect(script(['a'])).rejects.toMatchObject({ code: 'redis.unavailable' })
    expect(errors()).toEqual([reason])
    expect(redis.status().state).toBe(reason === 'starting' ? 'away' : 'refused')
    expect(redis.status().detail).toMatch(`EVAL: ${detail}`)
  })

  it('that the check of the start finds, in the words of Redis 6.2, keeps Redis from being used', async () => {
    answering('EVAL', list("SET @user_script: 4: -READONLY You can't write against a read only replica."))
    create()
    await redis.opened
    const { state, detail } = redis.status()
    expect([state, detail]).toEqual(['refused', expect.stringMatching(/^SET: READONLY You can't .* replica/)])
    expect(sent('GET')).toBe(0)
  })

  it('READONLY makes a new connection, which may lead to the new master', async () => {
    await open()
    const { accepted } = server
    answering('GET', ([, key]) => (server.accepted > accepted ? ok : `-READONLY ${key}\r\n`))
    await expect(get('a')).rejects.toMatchObject({ code: 'redis.unavailable' })
    await until(() => server.accepted > accepted)
    await until(async () => {
      await clock.advance(100)
      return redis.state() === 'ready'
    })
    expect(await get('a')).toBe('OK')
  })

  it('never shows arguments, of which one may be a password', async () => {
    await open()
    answering('GET', '-NOPERM no, with args beginning with: `secret`\r\n')
    await expect(get('a')).rejects.toMatchObject({ code: 'redis.unavailable' })
    expect(JSON.stringify([redis.status(), reports])).not.toContain('secret')
    expect(redis.status().detail).toBe('GET: NOPERM no')
  })

  it('of the connection is counted each time, and logged once for each reason', async () => {
    await open()
    await server.close()
    await until(() => errors().length >= 3)
    expect([...new Set(errors())]).toEqual(['connection'])
    const logged = eventsOf('error')
    expect(logged).toContain('ECONNREFUSED')
    expect(logged).toEqual([...new Set(logged)])
  })

  it('is logged once in an outage when its reasons come in turns, and again in the next one', async () => {
    await open()
    const fail = (text: string) => client.emit('error', new Error(text))
    for (const text of ['reset', 'timed out', 'reset', 'refused', 'timed out', 'reset']) fail(text)
    expect(eventsOf('error')).toEqual(['reset', 'timed out', 'refused'])
    for (let kind = 0; kind < 100; kind++) fail(`reason ${kind}`)
    expect(eventsOf('error')).toHaveLength(20)
    server.cut()
    await until(() => redis.state() === 'away')
    await until(async () => {
      await clock.advance(250)
      return redis.state() === 'ready'
    })
    reports.length = 0
    fail('reset')
    expect(eventsOf('error')).toEqual(['reset'])
  })
})

describe('the state that people are told', () => {
  it('holds for a second, however often Redis comes and goes', async () => {
    await open()
    const told: string[] = []
    for (let ms = 0; ms < 10_000; ms += 50) {
      if (ms % 300 === 0 && redis.state() === 'ready') await hang()
      server.release()
      await clock.advance(50)
      await drained()
      const { state } = redis.status()
      if (told.at(-1) !== state) told.push(state)
    }
    expect(told.length).toBeGreaterThan(4)
    const most = clock.now() / 1000 + 1
    expect(told.length).toBeLessThanOrEqual(most)
    expect(reports.filter(({ name }) => name === 'redis').length).toBeLessThanOrEqual(most)
  })

  it('stays « refused » for longer and longer while the work is refused what the check is granted', async () => {
    await open()
    answering('GET', '-NOPERM this user has no permissions to run this command\r\n')
    const readyAt: number[] = []
    for (let steps = 0; steps < 200 && readyAt.length < 4; steps++) {
      await clock.advance(500)
      await drained()
      if (redis.state() !== 'ready') continue
      readyAt.push(clock.now())
      await expect(get('a')).rejects.toMatchObject({ code: 'redis.unavailable' })
    }
    const gaps = readyAt.slice(1).map((at, i) => at - (readyAt[i] as number))
    expect(gaps.length).toBe(3)
    expect(gaps).toEqual(gaps.toSorted((a, b) => a - b))
    expect(gaps.at(-1)).toBeGreaterThanOrEqual(4000)
  })
})
