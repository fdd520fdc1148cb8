import { afterEach, describe, expect, it } from '@jest/globals'
import { useOf } from '../budget/demand.ts'
import { startGateway, type TestGateway } from '../support/gateway.ts'

const organizations = Array.from({ length: 40 }, (_, i) => ({
  id: i + 1,
  name: `Department ${i + 1}`,
  operators: [{ name: 'Olena' }, { name: 'Taras', status: 1 }],
}))
let started: TestGateway | undefined
const start = async (options: Parameters<typeof startGateway>[0]): Promise<TestGateway> => {
  started = await startGateway(options)
  return started
}
afterEach(async () => {
  await started?.close()
  started = undefined
})

describe('the whole way to ChatHub under a flood of cold reads of 40 organizations', () => {
  it.each([5, 50])(
    'lets at most %i requests arrive in any second, and uses nine tenths of them',
    async (n) => {
      const { ask, simulator } = await start({
        env: { CHATHUB_REQUESTS_PER_SECOND: `${n}`, READ_DEADLINE_MS: '60000' },
        simulator: { organizations },
      })
      // The flood goes on until enough was seen in peace and nine tenths were used; a vain wait ends at the time limit.
      const enough = (): boolean =>
        simulator.arrivals().length >= 5 * n &&
        simulator.busiestSecond().kept >= n / 2 &&
        useOf(simulator.arrivals().slice(-3 * n), n) >= 90
      let flooding = true
      const flood = async (organization: number): Promise<void> => {
        while (flooding) {
          const headers = { 'Cache-Control': 'no-cache' }
          await ask('GET', `/v1/organizations/${organization}/operators`, { headers }).catch(() => {
            flooding = false // the end of the test cuts those that still wait
          })
          if (enough()) return
        }
      }
      await Promise.race(organizations.map(({ id }) => flood(id)))
      const arrivals = simulator.arrivals()
      expect(simulator.busiestSecond().count).toBeLessThanOrEqual(n)
      expect(arrivals.some(({ status }) => status === 429)).toBe(false)
    },
    60_000,
  )

  it('counts logins and replays like every other request', async () => {
    const { ask, simulator } = await start({
      env: { CHATHUB_REQUESTS_PER_SECOND: '5', READ_DEADLINE_MS: '30000' },
      simulator: { organizations },
    })
    await ask('GET', '/v1/organizations/1/operators')
    simulator.revokeToken()
    const answers = await Promise.all(
      [2, 3, 4, 5, 6].map((id) => ask('GET', `/v1/organizations/${id}/operators`)),
    )
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200])
    const routes = simulator.arrivals().map(({ route }) => route)
    expect(routes.filter((route) => route === 'login')).toHaveLength(2)
    expect(routes.filter((route) => route === 'list').length).toBeGreaterThanOrEqual(7)
    expect(simulator.busiestSecond().count).toBeLessThanOrEqual(5)
  })
})
