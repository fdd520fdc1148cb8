import { afterEach, describe, expect, it } from '@jest/globals'
import { busiestSecond } from '../budget/busiest-second.ts'
import { type Faulty, type Seen, startFaulty, tell } from './faulty-chathub.ts'

// Long outages and greedy clients, with the whole gateway.

let gateway: Faulty
afterEach(() => gateway.close())

const ageIn = (seen: Seen): number => Number(seen.age)

describe('ten minutes without ChatHub', () => {
  const known = [
    '/v1/organizations',
    '/v1/organizations/24',
    '/v1/organizations/24/operators',
    '/v1/organizations/6/operators?status=active&sort=name',
    '/v1/organizations/42/operators/22',
    '/v1/organizations/24/statistics',
    '/api/operator?organizationId=6',
    '/api/company/organization',
    '/v1/operators/101',
    '/v1/operators?q=a',
    '/v1/statistics',
  ]

  const expectTrueAge = (path: string, seen: Seen, loadedAt: number): void => {
    const age = gateway.clock.now() / 1000 - loadedAt
    expect([path, Math.abs(ageIn(seen) - age) < 2]).toEqual([path, true])
    expect(seen.how).toMatch(/^chathub-gateway; (hit; ttl=-?\d+|fwd=stale; fwd-status=503)$/)
    // Only a copy within its fresh time is called fresh.
    if (/ttl=\d/.test(seen.how as string))
      expect(ageIn(seen)).toBeLessThan(path.includes('/operators') ? 60 : 300)
  }

  it.each<['refuse' | 'reset']>([['refuse'], ['reset']])(
    'cause no 5xx on cached resources, and every answer has its true age (%s)',
    async (mode) => {
      gateway = await startFaulty()
      const bodies = new Map<string, string>()
      const loadedAt = new Map<string, number>()
      for (const path of known) {
        const seen = await gateway.see('GET', path)
        bodies.set(path, seen.answer.text)
        if (seen.age !== undefined) loadedAt.set(path, gateway.clock.now() / 1000 - seen.age)
      }
      await gateway.proxy.set(mode)
      await gateway.proxy.set('cut')
      let answers = 0
      let longest = 0
      for (let second = 0; second < 600; second += 20) {
        gateway.clock.jump(20_000)
        for (const path of known) {
          const seen = await gateway.see('GET', path)
          answers++
          longest = Math.max(longest, seen.ms)
          expect([path, seen.status, seen.answer.text]).toEqual([path, 200, bodies.get(path)])
          if (loadedAt.has(path)) expectTrueAge(path, seen, loadedAt.get(path) as number)
        }
      }
      tell(`${answers} answers without ChatHub (${mode}), the longest took ${longest.toFixed()} ms`)
      // CACHE_WAIT_MS, once for the list and once for the name of its organization.
      expect(longest).toBeLessThan(2 * 800)
      await gateway.proxy.set('pass')
      const ms = await gateway.msUntil(async () => ageIn(await gateway.read(24)) < 10)
      expect(ms).toBeLessThan(5000)
    },
  )

  it('make a list 503 when its copy is older than CACHE_STALE_SECONDS', async () => {
    gateway = await startFaulty({ env: { CACHE_STALE_SECONDS: '600' } })
    await gateway.read(24)
    await gateway.proxy.set('refuse')
    await gateway.proxy.set('cut')
    gateway.clock.jump(599_000)
    expect((await gateway.read(24)).status).toBe(200)
    gateway.clock.jump(1_000)
    const seen = await gateway.read(24)
    expect([seen.status, seen.code]).toEqual([503, 'chathub.unavailable'])
  })

  it('are visible to a caller that refuses an old copy', async () => {
    gateway = await startFaulty()
    const { answer } = await gateway.read(24)
    await gateway.proxy.set('refuse')
    await gateway.proxy.set('cut')
    const noCache = { 'Cache-Control': 'no-cache' }
    const seen = await gateway.read(24, { headers: noCache })
    expect([seen.status, seen.code]).toEqual([503, 'chathub.unavailable'])
    // Beside If-None-Match, no-cache asks for revalidation only.
    const headers = { ...noCache, 'If-None-Match': answer.headers['etag'] as string }
    expect((await gateway.read(24, { headers })).status).toBe(304)
  })
})

describe('a client that always refuses old copies', () => {
  const department = (id: number) => ({
    id,
    name: `Department ${id}`,
    operators: [{ name: `Somebody ${id}` }],
  })
  const organizations = Array.from({ length: 60 }, (_, i) => department(i + 1))
  const start = async () => {
    gateway = await startFaulty({
      env: { CHATHUB_REQUESTS_PER_SECOND: '5' },
      simulator: { organizations },
      clients: [{ id: 'greedy' }, { id: 'modest' }],
    })
    await gateway.see('GET', '/v1/organizations')
  }
  const greedy = (organization: number) =>
    gateway.read(organization, {
      key: gateway.keys['greedy'] as string,
      headers: { 'Cache-Control': 'no-cache' },
    })
  const modest = (organization: number) =>
    gateway.read(organization, { key: gateway.keys['modest'] as string })

  it('causes at most one running and one waiting load of each list', async () => {
    await start()
    const hold = gateway.simulator.hold('list', 1)
    let arrived = 0
    gateway.gateway.server.on('request', () => arrived++)
    const first = greedy(1)
    await hold.arrived
    const others = Array.from({ length: 50 }, () => greedy(1))
    const settled = Promise.all([first, ...others])
    await gateway.msUntil(() => arrived === 51)
    hold.release()
    expect(new Set((await settled).map(({ status }) => status))).toEqual(new Set([200]))
    expect(gateway.listed(1)).toBe(2)
  })

  it('does not keep another client from a new list, nor from a cached one', async () => {
    await start()
    await modest(60)
    gateway.clock.jump(70_000)
    gateway.simulator.clearArrivals()
    let going = true
    const refused: number[] = []
    const flood = async (organization: number): Promise<void> => {
      while (going) {
        const { status } = await greedy(organization)
        if (status !== 200) refused.push(status)
      }
    }
    // The end of the test cuts the calls that still wait.
    for (let organization = 1; organization <= 50; organization++) flood(organization).catch(() => {})
    await gateway.msUntil(
      async () => (await gateway.see('GET', '/v1/upstream')).answer.body.queue.waiting.people > 10,
    )
    const seen: Seen[] = []
    for (const organization of [51, 52, 53, 54, 55]) seen.push(await modest(organization))
    const known = await modest(60)
    going = false
    const times = seen.map(({ ms }) => ms)
    tell(
      `cold reads beside the flood: ${times.map((ms) => ms.toFixed()).join(', ')} ms; known ${known.ms.toFixed()} ms`,
    )
    expect(seen.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200])
    expect(Math.max(...times)).toBeLessThan(5000)
    expect([known.status, known.how]).toEqual([200, expect.stringContaining('hit')])
    expect(new Set(refused.filter((status) => status !== 503 && status !== 504))).toEqual(new Set())
    const arrivals = gateway.simulator.arrivals()
    expect(arrivals.length).toBeGreaterThan(5)
    expect(busiestSecond(arrivals)).toBeLessThanOrEqual(5)
  })
})
