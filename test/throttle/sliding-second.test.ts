import { afterEach, describe, expect, it } from '@jest/globals'
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
      const wanted = 5 * n
      let flooding = true
      const flood = async (organization: number): Promise<void> => {
        while (flooding) {
          const headers = { 'Cache-Control': 'no-cache' }
          await ask('GET', `/v1/organizations/${organization}/operators`, { headers }).catch(() => {
            flooding = false // the end of the test cuts those that still wait
          })
          if (simulator.arrivals().length >= wanted) return
        }
      }
      await Promise.race(organizations.map(({ id }) => flood(id)))
      const arrivals = simulator.arrivals()
      const busiest = simulator.busiestSecond()
      expect(busiest.count).toBeLessThanOrEqual(n)
      expect(busiest.kept).toBeGreaterThanOrEqual(n / 2)
      const first = arrivals[0]?.at as number
      const last = arrivals.at(-1)?.at as number
      // N come at once, the next N one window later: the last N count for the window that they begin.
      const seconds = (last - first) / 1000 + 1
      expect(arrivals.length / seconds).toBeGreaterThanOrEqual(0.9 * n)
      expect(arrivals.some(({ status }) => status === 429)).toBe(false)
    },
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
