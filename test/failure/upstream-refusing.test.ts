import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from '@jest/globals'
import { type Faulty, startFaulty, tell } from './faulty-chathub.ts'

let gateway: Faulty
afterEach(() => gateway.close())

const upstream = async () => (await gateway.see('GET', '/v1/upstream')).answer.body
const arrivals = (route: string) =>
  gateway.simulator.arrivals().filter((arrival) => arrival.route === route).length
const tokenAlone = { CHATHUB_LOGIN: '', CHATHUB_PASSWORD: '' }

describe('ChatHub that refuses the company token', () => {
  it('gets one login for all waiting calls and one repetition of each, and no caller notices', async () => {
    gateway = await startFaulty()
    await gateway.read(24)
    gateway.simulator.revokeToken()
    gateway.simulator.clearArrivals()
    const seen = await Promise.all([6, 42].map((org) => gateway.read(org)))
    expect(seen.map(({ status }) => status)).toEqual([200, 200])
    expect([arrivals('login'), arrivals('list')]).toEqual([1, 4])
  })

  it('when there is no login, leaves cached lists served and makes others 502, never 401, until it accepts the token again', async () => {
    gateway = await startFaulty({ env: { ...tokenAlone, CHATHUB_COMPANY_TOKEN: 'ct_demo-company-token' } })
    await gateway.read(24)
    gateway.simulator.revokeToken('ct_demo-company-token')
    gateway.simulator.clearArrivals()
    const cold = await gateway.read(6)
    expect([cold.status, cold.code]).toEqual([502, 'chathub.credentials'])
    expect(cold.retryAfter).toBeGreaterThanOrEqual(1)
    expect(cold.answer.headers['www-authenticate']).toBeUndefined()
    // Nothing is sent while the token is known to be refused.
    expect((await gateway.read(42)).code).toBe('chathub.credentials')
    expect(gateway.listed()).toBe(1)
    gateway.clock.jump(150_000)
    const old = await gateway.read(24)
    expect([old.status, old.how]).toEqual([200, 'chathub-gateway; fwd=stale; fwd-status=502'])
    expect((await upstream()).token).toMatchObject({ state: 'refused', source: 'token' })
    expect((await gateway.ask('GET', '/readyz', { key: '' })).status).toBe(200)
    gateway.simulator.acceptToken('ct_demo-company-token')
    const ms = await gateway.msUntil(async () => (await gateway.read(6)).status === 200)
    tell(`recovered after ${ms.toFixed()} ms`)
    expect(ms).toBeLessThan(5000)
    expect(gateway.reports.filter(({ name }) => name === 'breaker')).toEqual([])
  })
})

it('a refused organization is 502, and ChatHub is not asked for it again for five seconds', async () => {
  gateway = await startFaulty()
  await gateway.read(24)
  gateway.simulator.clearArrivals()
  gateway.simulator.fault({ route: 'list', organization: 6, mode: 'status', status: 403 })
  for (let i = 0; i < 10; i++) {
    const seen = await gateway.read(6)
    expect([seen.status, seen.code]).toEqual([502, 'chathub.forbidden'])
  }
  expect(gateway.listed(6)).toBe(1)
  expect((await gateway.read(42)).status).toBe(200)
  expect((await upstream()).breaker).toMatchObject({ state: 'closed' })
  gateway.simulator.clearFaults()
  gateway.clock.jump(5000)
  expect((await gateway.read(6)).status).toBe(200)
})

describe('ChatHub that answers 429', () => {
  // A date counts from the Date header.
  const [date, inTenSeconds] = ['Thu, 01 Jan 2026 00:00:00 GMT', 'Thu, 01 Jan 2026 00:00:10 GMT']
  it.each<[string, string | undefined, number, number]>([
    ['with seconds', '7', 6000, 7000],
    ['with a date', inTenSeconds, 9000, 10_000],
    ['with a negative number', '-1', 4000, 5000],
    ['with 30 years', '1000000000', 3_599_000, 3_600_000],
    ['with two minutes', '120', 119_000, 120_000],
    ['with a word', 'soon', 4000, 5000],
    ['with zero', '0', 0, 1000],
    ['without Retry-After', undefined, 4000, 5000],
  ])(
    '%s gets no request before the pause ends, and cached lists are served',
    async (_name, value, atLeast, atMost) => {
      gateway = await startFaulty()
      await gateway.read(24)
      gateway.simulator.clearArrivals()
      gateway.simulator.fault({
        mode: 'status',
        status: 429,
        times: 1,
        ...(value !== undefined && { headers: { date, 'retry-after': value } }),
      })
      const first = await gateway.read(6)
      expect([first.status, first.code]).toEqual([503, 'chathub.throttled'])
      const { pausedForMs } = (await upstream()).budget
      expect(pausedForMs).toBeGreaterThan(atLeast - 1000)
      expect(pausedForMs).toBeLessThanOrEqual(atMost)
      // A call whose deadline comes before the end of the pause is refused at once, with a Retry-After that holds.
      if (atLeast > 5000) {
        const second = await gateway.read(42)
        expect([second.status, second.code]).toEqual([503, 'queue.full'])
        expect(second.retryAfter).toBeGreaterThanOrEqual(Math.floor(pausedForMs / 1000))
        expect(second.ms).toBeLessThan(500)
      }
      expect(gateway.listed()).toBe(1)
      gateway.clock.jump(60_000)
      if (atMost > 60_000) {
        expect([(await gateway.read(6)).code, gateway.listed()]).toEqual(['queue.full', 1])
        return
      }
      expect((await gateway.read(24)).how).toMatch(/^chathub-gateway; hit; ttl=-\d+$/)
      expect((await gateway.read(6)).status).toBe(200)
    },
  )
})

it('a 429 reduces the rate to two thirds, and each minute gives back a tenth', async () => {
  gateway = await startFaulty({ env: { CHATHUB_REQUESTS_PER_SECOND: '12' } })
  const rate = async () => (await upstream()).budget.allowedNow
  await gateway.read(24)
  expect(await rate()).toBe(12)
  gateway.simulator.fault({ mode: 'rate-limit', perSecond: 0, retryAfter: 1 })
  expect((await gateway.read(6)).status).toBe(503)
  gateway.simulator.clearFaults()
  expect(await rate()).toBe(8)
  gateway.clock.jump(30_000)
  expect(await rate()).toBe(8)
  const later: number[] = []
  for (let minute = 1; minute <= 5; minute++) {
    gateway.clock.jump(60_000)
    later.push(await rate())
  }
  expect(later).toEqual([9, 10, 11, 12, 12])
})

it('a token rotated with an overlap is noticed by no caller, and the old one is not used again', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'rotation-'))
  const path = join(folder, 'token')
  await writeFile(path, 'ct_demo-company-token\n')
  gateway = await startFaulty({ env: { ...tokenAlone, CHATHUB_COMPANY_TOKEN_FILE: path } })
  const statuses: number[] = []
  let going = true
  const reading = (async () => {
    for (let i = 0; going; i++)
      statuses.push(
        (await gateway.read([24, 6, 42][i % 3] as number, { headers: { 'Cache-Control': 'no-cache' } }))
          .status,
      )
  })()
  await gateway.msUntil(() => statuses.length > 5)
  const next = `ct_next-${'x'.repeat(24)}`
  gateway.simulator.acceptToken(next)
  await writeFile(path, next)
  const noticed = await gateway.msUntil(() =>
    gateway.reports.some((report) => report.name === 'secret-file' && report.result === 'changed'),
  )
  // One call may still be in flight with the old token.
  const hold = gateway.simulator.hold('list')
  await hold.arrived
  gateway.simulator.revokeToken('ct_demo-company-token')
  hold.release()
  const before = statuses.length
  await gateway.msUntil(() => statuses.length > before + 10)
  going = false
  await reading
  tell(`noticed after ${noticed.toFixed()} ms, ${statuses.length} reads`)
  expect(new Set(statuses)).toEqual(new Set([200]))
  expect(noticed).toBeLessThan(5000)
  // A call with the revoked token would have been answered 401.
  expect(gateway.simulator.arrivals().filter(({ status }) => status === 401)).toEqual([])
  await rm(folder, { recursive: true })
})
