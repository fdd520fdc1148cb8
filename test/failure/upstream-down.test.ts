import { afterEach, describe, expect, it } from '@jest/globals'
import { type Faulty, startFaulty, tell } from './faulty-chathub.ts'

let gateway: Faulty
afterEach(() => gateway.close())

const breakers = (): string[] =>
  gateway.reports.flatMap((report) => (report.name === 'breaker' ? [report.state] : []))
const attempts = (): number => gateway.reports.filter(({ name }) => name === 'upstream').length
const department = (id: number) => ({ id, name: `Department ${id}`, operators: [{ name: `Somebody ${id}` }] })

describe('ChatHub that cannot be reached', () => {
  it('leaves every cached list served, without asking ChatHub once the breaker is open', async () => {
    gateway = await startFaulty()
    const good = await gateway.read(24)
    await gateway.proxy.set('refuse')
    await gateway.proxy.set('cut')
    expect((await gateway.read(24)).how).toMatch(/^chathub-gateway; hit; ttl=\d+$/)
    gateway.clock.jump(90_000)
    expect((await gateway.read(24)).how).toMatch(/^chathub-gateway; hit; ttl=-3\d$/)
    gateway.clock.jump(60_000)
    const first = await gateway.read(24)
    expect([first.status, first.how]).toEqual([200, 'chathub-gateway; fwd=stale; fwd-status=503'])
    expect(first.ms).toBeLessThan(2 * 800)
    // Five failures in a row open the breaker; then no reader waits for a connection.
    await gateway.msUntil(async () => {
      await gateway.read(24)
      return breakers().includes('open')
    })
    const before = attempts()
    for (let i = 0; i < 40; i++) {
      const seen = await gateway.read(24)
      expect([seen.status, seen.answer.text]).toEqual([200, good.answer.text])
      expect(seen.age).toBeGreaterThanOrEqual(150)
    }
    // Each trial of the breaker is one attempt.
    const trials = breakers().filter((state) => state === 'half-open').length
    expect(attempts() - before).toBeLessThanOrEqual(trials)
    await gateway.proxy.set('pass')
    const ms = await gateway.msUntil(async () => Number((await gateway.read(24)).age) < 10)
    tell(`recovered after ${ms.toFixed()} ms`)
    expect(ms).toBeLessThan(5000)
    expect(breakers().at(-1)).toBe('closed')
  })

  it('makes a list that is not cached 503, without asking ChatHub once the breaker is open', async () => {
    gateway = await startFaulty({ simulator: { organizations: [1, 2, 3, 4, 5, 6, 7, 8].map(department) } })
    await gateway.see('GET', '/v1/organizations')
    await gateway.proxy.set('reset')
    await gateway.proxy.set('cut')
    for (let org = 1; !breakers().includes('open'); org = (org % 8) + 1) {
      const seen = await gateway.read(org)
      expect([seen.status, seen.code, seen.how]).toEqual([503, 'chathub.unavailable', undefined])
      expect(seen.retryAfter).toBeGreaterThanOrEqual(1)
      expect(seen.ms).toBeLessThan(2 * 1200)
    }
    const accepted = gateway.proxy.accepted
    expect(accepted).toBeLessThanOrEqual(1 + 5 + 1) // the first connection, five failures, one idle connection
    for (let i = 0; i < 20; i++) {
      const seen = await gateway.read((i % 8) + 1)
      expect([seen.status, seen.code]).toEqual([503, 'chathub.unavailable'])
      expect(seen.retryAfter).toBeLessThanOrEqual(2)
    }
    // Half-open: one trial for all callers, and not one for each.
    await gateway.msUntil(async () => {
      await gateway.read(1)
      return breakers().includes('half-open')
    })
    await gateway.msUntil(() => breakers().at(-1) === 'open')
    const trials = breakers().filter((state) => state === 'half-open').length
    expect(gateway.proxy.accepted - accepted).toBe(trials)
    await gateway.proxy.set('pass')
    const ms = await gateway.msUntil(async () => (await gateway.read(8)).status === 200)
    tell(`recovered after ${ms.toFixed()} ms`)
    expect(ms).toBeLessThan(5000)
  })

  it('but accepts connections and never answers is 504, and its connections are closed', async () => {
    gateway = await startFaulty({ env: { CHATHUB_TIMEOUT_MS: '400' } })
    await gateway.read(24)
    await gateway.proxy.set('blackhole')
    const seen = await gateway.read(6)
    expect([seen.status, seen.code]).toEqual([504, 'chathub.timeout'])
    expect(seen.ms).toBeLessThan(2 * 400)
    await gateway.msUntil(() => gateway.proxy.connections === 0)
    await gateway.proxy.set('pass')
    expect(await gateway.msUntil(async () => (await gateway.read(6)).status === 200)).toBeLessThan(5000)
  })

  it('for one organization does not delay another', async () => {
    gateway = await startFaulty({ env: { CHATHUB_TIMEOUT_MS: '1000' } })
    await gateway.read(24)
    gateway.simulator.fault({ route: 'list', organization: 6, mode: 'hang' })
    const ended: number[] = []
    const read = async (organization: number): Promise<number> => {
      const { status } = await gateway.read(organization)
      ended.push(organization)
      return status
    }
    expect(await Promise.all([read(6), read(42)])).toEqual([504, 200])
    expect(ended).toEqual([42, 6])
  })
})

describe('ChatHub that fails now and then', () => {
  it('is asked at most a tenth more than readers need, and cached lists have no errors', async () => {
    const organizations = Array.from({ length: 100 }, (_, i) => department(i + 1))
    gateway = await startFaulty({ simulator: { organizations, seed: 7 } })
    await gateway.read(1)
    gateway.simulator.clearArrivals()
    gateway.simulator.fault({ route: 'list', mode: 'status', status: 500, probability: 0.2 })
    const statuses: number[] = []
    for (let org = 2; org <= 100; org++) {
      const seen = await gateway.read(org)
      statuses.push(seen.status)
      if (org % 10 === 0) {
        gateway.clock.jump(7_000)
        expect((await gateway.read(1)).status).toBe(200)
      }
    }
    const ok = statuses.filter((status) => status === 200).length
    const retries = gateway.reports.filter(({ name }) => name === 'retry').length
    tell(`${ok} of ${statuses.length} cold reads succeeded, ${gateway.listed()} requests, ${retries} retries`)
    expect(new Set([...statuses, 200, 503])).toEqual(new Set([200, 503]))
    // Three are saved at the start and one for each ten calls; refreshes of the cached list come on top.
    expect(retries).toBeLessThanOrEqual(3 + 0.1 * (gateway.listed() + 12))
    expect(gateway.listed()).toBeLessThanOrEqual(1.1 * 99 + 3 + 12)
    expect(ok).toBeGreaterThan(70)
  })
})
