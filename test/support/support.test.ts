import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { setImmediate } from 'node:timers/promises'
import { afterAll, describe, expect, test } from '@jest/globals'
import { createClock } from './clock.ts'
import { provide } from './debian.ts'
import { describeWithRedis, describeWithRedisServer } from './needs.ts'
import { createPacedClock } from './paced-clock.ts'
import { spawnReady, stopEverything } from './processes.ts'
import { openRedis, startRedis } from './redis.ts'

afterAll(stopEverything)

type Kinds = {
  pathsOf: Record<string, string[]>
  selectionOf(kinds: string, args: string[]): { paths: string[]; left: string[] }
}
const { pathsOf, selectionOf }: Kinds = await import(new URL('kinds.mjs', import.meta.url).href)

describe('the suites', () => {
  const onDisk = readdirSync('test', { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.test.ts') && !path.startsWith('budget/'))
    .map((path) => `test/${path}`)
  const startsWithOneOf = (path: string, starts: string[]) => starts.some((start) => path.startsWith(start))

  test('that are left out or start early are there', () => {
    const slow: string[] = JSON.parse(readFileSync(new URL('slow-suites.json', import.meta.url), 'utf8'))
    const listed = [...Object.values(pathsOf).flat(), ...slow]
    expect(listed.filter((path) => !existsSync(path))).toEqual([])
  })

  test('are all run, each by one command, and a path leads to one of any kind', () => {
    const { left } = selectionOf('server', ['-t', 'a title'])
    const others = ['browser', 'release'].flatMap((kind) => selectionOf(kind, []).paths)
    expect(onDisk.filter((path) => startsWithOneOf(path, left) !== startsWithOneOf(path, others))).toEqual([])
    expect(selectionOf('browser,release', []).paths).toEqual(others)
    const everything = { paths: [], left: [] }
    expect(selectionOf('server,browser,release', [])).toEqual(everything)
    for (const path of ['test/browser/docs.test.ts', './test/guides'])
      expect(selectionOf('server', ['-t', 'a title', path])).toEqual(everything)
  })
})

describe('clock', () => {
  test('runs timers in order of time, those made by timers too, and none that were cancelled', async () => {
    const clock = createClock()
    const ran: [string, number][] = []
    const note = (name: string) => () => void ran.push([name, clock.now()])
    clock.after(20, note('b'))
    clock.after(10, () => {
      note('a')()
      clock.after(5, note('nested'))
    })
    clock.after(15, note('cancelled'))()
    clock.after(31, note('later'))
    await clock.advance(30)
    expect(ran).toEqual([
      ['a', 10],
      ['nested', 15],
      ['b', 20],
    ])
    expect([clock.now(), clock.wall(), clock.pending()]).toEqual([30, Date.UTC(2026, 0, 1) + 30, 1])
  })
})

describe('paced clock', () => {
  test('goes on by a few milliseconds at most while the process is busy, however long that takes', async () => {
    const clock = createPacedClock()
    const startedAt = clock.now()
    for (const end = performance.now() + 100; performance.now() < end; );
    await setImmediate()
    expect(clock.now() - startedAt).toBeLessThan(11)
    await new Promise<void>((resolve) => clock.after(50, resolve))
    expect(clock.now() - startedAt).toBeGreaterThanOrEqual(50)
    clock.stop()
  })
})

describe('processes', () => {
  const script = (code: string) => spawnReady(process.execPath, ['-e', code], { SAID: 'hello' })

  test('waits for the ready line and gives the child a minimal environment', async () => {
    const child = await script(`
      console.log('plain'); console.log(JSON.stringify({ msg: 'ready', url: 'http://x', env: Object.keys(process.env).sort() }))
      setInterval(() => {}, 1000)`)
    expect(child.url).toBe('http://x')
    expect(child.lines()).toEqual([{ msg: 'ready', url: 'http://x', env: ['PATH', 'SAID'] }])
    expect(await child.stop()).toEqual({ code: null, signal: 'SIGTERM' })
  })

  test('tells what a child said that ended early', async () => {
    await expect(script('console.error("no such setting"); process.exit(3)')).rejects.toThrow(
      /"code":3.*no such setting/s,
    )
  })
})

describeWithRedisServer('redis', () => {
  test('is known at once when provided before', () => {
    const known = provide('redis-server')
    expect(known).toBeDefined()
    const marker = new URL('../../.cache/debian/redis-server.json', import.meta.url)
    const noted = statSync(marker).mtimeMs
    expect([provide('redis-server'), statSync(marker).mtimeMs]).toEqual([known, noted])
  })

  test('answers, freezes, dies and comes back on its port', async () => {
    const redis = await startRedis({ args: ['--appendonly', 'yes', '--appendfsync', 'always'] })
    await redis.client().set('key', 'value')
    redis.pause()
    // With a limit from here on alone: a busy machine may take longer to connect and to write.
    const hasty = redis.client({ commandTimeout: 200, maxRetriesPerRequest: null })
    await expect(hasty.get('key')).rejects.toThrow('timed out')
    redis.resume()
    await redis.restart()
    expect(await redis.client().get('key')).toBe('value')
    await redis.restart({ wipe: true })
    expect(await redis.client().get('key')).toBeNull()
    await redis.stop()
    await expect(redis.client({ maxRetriesPerRequest: 0 }).get('key')).rejects.toThrow()
  })
})

describeWithRedis('a database', () => {
  test('takes keys under its prefix', async () => {
    const database = await openRedis()
    const client = database.client()
    expect(await client.set(`${database.prefix}a`, '1', 'PX', 1000)).toBe('OK')
    await database.stop()
  })
})
