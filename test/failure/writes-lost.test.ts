import { afterEach, describe, expect, it } from '@jest/globals'
import { startGateway, type TestGateway } from '../support/gateway.ts'
import { isLong, newSeed } from '../support/long.ts'
import { until } from '../support/until.ts'
import {
  countNames,
  departments,
  ended,
  insist,
  longTimeout,
  namesIn,
  type Operation,
  type Result,
} from './writes.ts'

// 1,000 names in all; the long form sends each by itself, else five at a time.
const namesEach = isLong ? 1 : 5
const organizations = departments(20)

let gateway: TestGateway
afterEach(() => gateway?.close())

const post = (organization: number, names: string[], key: string) =>
  gateway.ask('POST', `/v1/organizations/${organization}/operators`, {
    headers: { 'Idempotency-Key': key },
    body: { operators: names.map((name) => ({ name })) },
  })

const rowsOf = async (operation: Operation): Promise<Result[]> =>
  (await gateway.ask('GET', `/v1/operations/${operation.id}/rows`)).body.items

describe('a thousand adds', () => {
  it(
    'with a tenth of the answers lost and 5 % errors: no name is lost or added twice, and each outcome becomes known',
    async () => {
      const seed = newSeed('lost answers')
      gateway = await startGateway({
        speed: 10,
        env: { WRITE_SETTLE_SECONDS: '1', CHATHUB_REQUESTS_PER_SECOND: '2000' },
        simulator: { seed, organizations },
      })
      const faults = [
        { mode: 'drop-response', probability: 0.1 },
        { mode: 'crash-5xx-after-apply', status: 502, probability: 0.028 },
        { mode: 'status', status: 500, probability: 0.029 },
      ] as const
      for (const fault of faults) gateway.simulator.fault({ route: 'synchronize', ...fault })
      const posts = organizations.flatMap(({ id }) =>
        Array.from({ length: 50 / namesEach }, (__, n) => ({
          organization: id,
          names: Array.from({ length: namesEach }, (_, i) => `Agent ${id}-${n}-${i}`),
        })),
      )
      let known = 0
      const results = await Promise.all(
        posts.map(async ({ organization, names }, i) => {
          const answer = await insist(
            () => post(organization, names, `lost-${i}`),
            ({ headers }) => headers['retry-after'],
          )
          if (answer.status !== 202) {
            known += names.length
            return answer.body.results as Result[]
          }
          const operation = await ended(gateway, answer.headers['location'] as string)
          if (operation.state === 'done') known += names.length
          return rowsOf(operation)
        }),
      )
      const table = new Map(gateway.simulator.operators().map(({ id, name }) => [id, name]))
      for (const [i, rows] of results.entries())
        for (const [n, { outcome, id }] of rows.entries())
          expect([outcome, table.get(id as number)]).toEqual(['created', posts[i]?.names[n]])
      const counts = countNames(gateway.simulator.operators().map(({ name }) => name))
      expect(counts.size).toBe(1000)
      expect([...counts].filter(([, count]) => count !== 1)).toEqual([])
      expect(known / 1000).toBeGreaterThanOrEqual(0.999)
    },
    longTimeout,
  )
})

describe('a request that ChatHub applies after it was given up', () => {
  it(
    'is never hidden: there is one row, or an operation that needs review',
    async () => {
      const settle = isLong ? 10 : 1
      const late = [0, 0.3, 0.9, 1.5, 3, 5.5]
      const own = departments(late.length)
      gateway = await startGateway({
        speed: 10,
        // Nobody waits for a slot, so that it is known who is asked before the late one is applied.
        env: { WRITE_SETTLE_SECONDS: `${settle}`, CHATHUB_REQUESTS_PER_SECOND: '100' },
        simulator: { organizations: own },
      })
      for (const [i, { id }] of own.entries()) {
        const ms = (late[i] as number) * settle * 1000
        gateway.simulator.fault({ mode: 'late-apply', ms, route: 'synchronize', organization: id, times: 1 })
      }
      const ends: Promise<string>[] = []
      for (const [i, { id }] of own.entries()) {
        const { arrivals } = gateway.simulator
        const answering = post(id, ['Late One', 'Late Two'], `late-${i}`)
        ends.push(
          answering.then(async ({ headers: { location } }) =>
            location ? (await ended(gateway, location)).state : 'done',
          ),
        )
        const isLost = () => arrivals().some((one) => one.route === 'synchronize' && one.organization === id)
        await until(isLost)
        // A good answer between them: so many lost in a row would open the breaker, and nobody be asked for a while.
        await gateway.ask('GET', '/v1/organizations', { headers: { 'Cache-Control': 'no-cache' } })
      }
      const told = await Promise.all(ends)
      // The last application lies before the last look, so the table is as it stays.
      const rows = own.map(({ id }) => Math.max(...countNames(namesIn(gateway, id)).values()))
      expect(told).toEqual(rows.map((count) => (count === 1 ? 'done' : 'needsReview')))
      expect(rows.slice(0, 3)).toEqual([1, 1, 1])
      expect(rows.slice(3)).toEqual([2, 2, 2])
    },
    longTimeout,
  )

  it('does not affect another request for the same name, which waits until the first one is reconciled', async () => {
    gateway = await startGateway({
      speed: 10,
      env: { WRITE_SETTLE_SECONDS: '1' },
      simulator: { organizations: departments(1) },
    })
    gateway.simulator.fault({ mode: 'late-apply', ms: 300, route: 'synchronize', times: 1 })
    const answers = await Promise.all([
      post(500, ['Same Name'], 'first'),
      post(500, ['same name'], 'second'),
      post(500, ['Other Name', 'SAME NAME'], 'third'),
    ])
    expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 201, 201])
    expect(namesIn(gateway, 500).toSorted()).toEqual(['Other Name', 'Same Name'])
    const ids = answers.map(({ body }) => body.results.at(-1).id)
    expect(new Set(ids).size).toBe(1)
  })
})
