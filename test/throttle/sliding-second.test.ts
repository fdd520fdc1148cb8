import { afterEach, describe, expect, it } from '@jest/globals'
import { busiestSecond } from '../budget/busiest-second.ts'
import { type Faulty, startFaulty } from '../failure/faulty-chathub.ts'

const organizations = Array.from({ length: 40 }, (_, i) => ({
  id: i + 1,
  name: `Department ${i + 1}`,
  operators: [{ name: 'Olena' }, { name: 'Taras', status: 1 }],
}))
let gateway: Faulty
const start = async (env: Record<string, string>): Promise<void> => {
  gateway = await startFaulty({ env, simulator: { organizations } })
}
afterEach(() => gateway.close())

describe('the whole way to ChatHub', () => {
  it.each([5, 50])('lets at most %i requests arrive in any second during a flood of reads', async (n) => {
    await start({ CHATHUB_REQUESTS_PER_SECOND: `${n}`, READ_DEADLINE_MS: '60000' })
    const enough = (): boolean => gateway.simulator.arrivals().length >= 4 * n
    const flood = async (organization: number): Promise<void> => {
      while (!enough()) await gateway.read(organization, { headers: { 'Cache-Control': 'no-cache' } })
    }
    await Promise.all(organizations.slice(0, 3 * n).map(({ id }) => flood(id)))
    const arrivals = gateway.simulator.arrivals()
    expect(arrivals.length).toBeGreaterThanOrEqual(4 * n)
    expect(busiestSecond(arrivals)).toBeLessThanOrEqual(n)
    expect(arrivals.filter(({ status }) => status === 429)).toEqual([])
  })

  it('counts logins and repeated calls like every other request', async () => {
    await start({ CHATHUB_REQUESTS_PER_SECOND: '5', READ_DEADLINE_MS: '30000' })
    await gateway.read(1)
    gateway.simulator.revokeToken()
    const answers = await Promise.all([2, 3, 4, 5, 6].map((id) => gateway.read(id)))
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200])
    const arrivals = gateway.simulator.arrivals()
    expect(arrivals.filter(({ route }) => route === 'login')).toHaveLength(2)
    expect(arrivals.filter(({ route }) => route === 'list').length).toBeGreaterThanOrEqual(7)
    expect(busiestSecond(arrivals)).toBeLessThanOrEqual(5)
  })
})
