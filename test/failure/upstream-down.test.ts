import { afterEach, describe, expect, it } from '@jest/globals'
import { type Faulty, median, msUntil, startFaulty, tell } from './faulty-chathub.ts'

let gateway: Faulty
afterEach(() => gateway.close())

const breakers = (): string[] =>
  gateway.reports.flatMap((report) => (report.name === 'breaker' ? [report.state] : []))
const department = (id: number) => ({ id, name: `Department ${id}`, operators: [{ name: `Somebody ${id}` }] })

describe('ChatHub that cannot be reached', () => {
  it('U1: every list that is remembered is served, at memory speed once the breaker is open', async () => {
    gateway = await startFaulty()
    const good = await gateway.read(24)
    await gateway.proxy.set('refuse')
    await gateway.proxy.set('cut')
    expect((await gateway.read(24)).how).toMatch(/^chathub-gateway; hit; ttl=\d+$/)
    gateway.clock.jump(90_000)
    expect((await gateway.read(24)).how).toBe('chathub-gateway; hit; ttl=-31')
    gateway.clock.jump(60_000)
    const first = await gateway.read(24)
    expect([first.status, first.how]).toEqual([200, 'chathub-gateway; fwd=stale; fwd-status=503'])
    expect(first.ms).toBeLessThan(2 * 800)
    // Five failures in a row, then nobody waits for a connection any more.
    await msUntil(async () => {
      await gateway.read(24)
      return breakers().includes('open')
    })
    const times: number[] = []
    for (let i = 0; i < 40; i++) {
      const seen = await gateway.read(24)
      expect([seen.status, seen.answer.text]).toEqual([200, good.answer.text])
      expect(seen.age).toBeGreaterThanOrEqual(150)
      times.push(seen.ms)
    }
    tell(`U1: ${median(times).toFixed(1)} ms in the middle, ${Math.max(...times).toFixed(1)} ms at most`)
    expect(median(times)).toBeLessThan(2 * 20)
    await gateway.proxy.set('pass')
    const ms = await msUntil(async () => Number((await gateway.read(24)).age) < 10)
    tell(`U1: recovered after ${ms.toFixed()} ms`)
    expect(ms).toBeLessThan(5000)
    expect(breakers().at(-1)).toBe('closed')
  })

  it('U2: a list that is not remembered is 503 soon, and at once when the breaker is open', async () => {
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
    const attempts = gateway.proxy.accepted
    expect(attempts).toBeLessThanOrEqual(1 + 5 + 1) // the first connection, five failures, one that was in reserve
    const times: number[] = []
    for (let i = 0; i < 20; i++) {
      const seen = await gateway.read((i % 8) + 1)
      expect([seen.status, seen.code]).toEqual([503, 'chathub.unavailable'])
      expect(seen.retryAfter).toBeLessThanOrEqual(2)
      times.push(seen.ms)
    }
    tell(`U2: ${median(times).toFixed(1)} ms in the middle while the breaker is open`)
    expect(median(times)).toBeLessThan(2 * 5)
    // Half-open: one trial for all who ask, not one each.
    await msUntil(async () => {
      await gateway.read(1)
      return breakers().includes('half-open')
    })
    await msUntil(() => breakers().at(-1) === 'open')
    expect(gateway.proxy.accepted - attempts).toBe(1)
    await gateway.proxy.set('pass')
    const ms = await msUntil(async () => (await gateway.read(8)).status === 200)
    tell(`U2: recovered after ${ms.toFixed()} ms`)
    expect(ms).toBeLessThan(5000)
  })

  it('U2: a ChatHub that swallows everything is 504, and the connections go', async () => {
    gateway = await startFaulty({ env: { CHATHUB_TIMEOUT_MS: '400' } })
    await gateway.read(24)
    await gateway.proxy.set('blackhole')
    const seen = await gateway.read(6)
    expect([seen.status, seen.code]).toEqual([504, 'chathub.timeout'])
    expect(seen.ms).toBeLessThan(2 * 400)
    await msUntil(() => gateway.proxy.connections === 0)
    await gateway.proxy.set('pass')
    expect(await msUntil(async () => (await gateway.read(6)).status === 200)).toBeLessThan(5000)
  })

  it('U3: one slow organization holds up no other', async () => {
    gateway = await startFaulty({ env: { CHATHUB_TIMEOUT_MS: '1000' } })
    await gateway.read(24)
    gateway.simulator.fault({ route: 'list', organization: 6, mode: 'hang' })
    const slow = gateway.read(6)
    const other = await gateway.read(42)
    expect(other.status).toBe(200)
    expect(other.ms).toBeLessThan(500)
    expect((await slow).status).toBe(504)
  })
})

describe('U9: ChatHub that fails now and then', () => {
  it('is asked at most a tenth more than readers need, and what is remembered has no errors', async () => {
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
    tell(`U9: ${ok} of ${statuses.length} cold reads well, ${gateway.listed()} requests, ${retries} retries`)
    expect(new Set([...statuses, 200, 503])).toEqual(new Set([200, 503]))
    // Three in reserve, one for each ten calls; refreshes of the remembered list come on top.
    expect(retries).toBeLessThanOrEqual(3 + 0.1 * (gateway.listed() + 12))
    expect(gateway.listed()).toBeLessThanOrEqual(1.1 * 99 + 3 + 12)
    expect(ok).toBeGreaterThan(70)
  })
})
