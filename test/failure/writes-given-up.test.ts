import { createServer } from 'node:http'
import { afterAll, afterEach, describe, expect, it } from '@jest/globals'
import { startGateway, type TestGateway } from '../support/gateway.ts'
import { createPacedClock } from '../support/paced-clock.ts'
import { until } from '../support/until.ts'
import { ended, longTimeout, namesIn, type Operation } from './writes.ts'

// Ten minutes without ChatHub pass in six seconds, or in more where the machine is busy.
const clock = createPacedClock({ speed: 100 })
let gateway: TestGateway
afterEach(() => gateway.close())
afterAll(clock.stop)

describe('a write that was in doubt when ChatHub went away for ten minutes', () => {
  it(
    'is looked for before a retry sends it again',
    async () => {
      const times = { CHATHUB_TIMEOUT_MS: '60000', WRITE_DEADLINE_MS: '120000', READ_DEADLINE_MS: '120000' }
      gateway = await startGateway({
        clock,
        env: { ...times, WRITE_SETTLE_SECONDS: '10' },
      })
      const { ask, simulator } = gateway
      simulator.fault({ mode: 'drop-response', route: 'synchronize', times: 1 })
      const held = simulator.hold('synchronize', 24)
      const adding = ask('POST', '/v1/organizations/24/operators', {
        headers: { 'Idempotency-Key': 'a' },
        body: { operators: [{ name: 'Anna' }], onDuplicate: 'allow' },
      })
      await held.arrived
      simulator.fault({ mode: 'status', status: 503 })
      held.release()
      const path = (await adding).headers['location'] as string
      const givenUp = await ended(gateway, path)
      expect([givenUp.state, givenUp.unknown, givenUp.detail]).toEqual([
        'needsReview',
        1,
        'ChatHub could not be reached for ten minutes.',
      ])
      simulator.clearFaults()
      let again: Operation
      // The breaker lets the first calls through only after a while.
      do {
        expect((await ask('POST', `${path}:retry`)).status).toBe(202)
        again = await ended(gateway, path)
      } while (again.state !== 'done')
      expect(again.created).toBe(1)
      expect(namesIn(gateway, 24).filter((name) => name === 'Anna')).toHaveLength(1)
    },
    longTimeout,
  )
})

describe('a write through ChatHub’s own path whose answer came too late', () => {
  it('is answered when it is repeated, also if ChatHub has created the operator twice meanwhile', async () => {
    gateway = await startGateway({ clock, env: { WRITE_SETTLE_SECONDS: '1', CHATHUB_TIMEOUT_MS: '20000' } })
    const { ask, simulator } = gateway
    const add = () =>
      ask('POST', '/api/operator/synchronize', {
        headers: { 'Idempotency-Key': 'a' },
        body: [{ organizationId: 24, name: 'Anna' }],
      })
    const stateOf = async () => (await ask('GET', '/v1/operations')).body.items[0].state
    simulator.fault({ mode: 'hang', route: 'synchronize', times: 1 })
    const late = await add()
    expect([late.status, late.body.code]).toEqual([504, 'write.in-doubt'])
    await until(async () => (await stateOf()) === 'done')
    const [{ id } = { id: 0 }] = simulator.operators(24).filter(({ name }) => name === 'Anna')
    simulator.addOperator(24, 'Anna')
    await ask('GET', '/v1/organizations/24/operators', { headers: { 'Cache-Control': 'no-cache' } })
    await until(async () => (await stateOf()) === 'needsReview')
    const repeated = await add()
    expect([repeated.status, repeated.body]).toEqual([200, [{ id, name: 'Anna', status: 0 }]])
  })
})

describe('a ChatHub that spells a name otherwise', () => {
  it('does not get it again: the operation needs review, and cannot be retried', async () => {
    const people: { id: number; name: string; status: number }[] = []
    const chathub = createServer((req, res) => {
      let text = ''
      req
        .on('data', (bytes) => {
          text += bytes
        })
        .on('end', () => {
          res.setHeader('Content-Type', 'application/json')
          if (req.url === '/api/company/organization') return res.end('[{"id":24,"name":"Sales"}]')
          if (req.url?.startsWith('/api/operator?')) return res.end(JSON.stringify(people))
          if (req.url !== '/api/operator/synchronize') return res.end(JSON.stringify('x'.repeat(20)))
          const made = (JSON.parse(text) as { name: string }[]).map(({ name }, i) => ({
            id: people.length + i + 1,
            name: name.replace("'", '&#39;'),
            status: 0,
          }))
          people.push(...made)
          return res.end(JSON.stringify(made))
        })
    })
    await new Promise<void>((resolve) => chathub.listen(0, '127.0.0.1', resolve))
    const { port } = chathub.address() as { port: number }
    gateway = await startGateway({
      env: { WRITE_SETTLE_SECONDS: '1', CHATHUB_BASE_URL: `http://127.0.0.1:${port}` },
    })
    const answer = await gateway.ask('POST', '/v1/organizations/24/operators', {
      body: { operators: [{ name: "O'Brien" }, { name: 'Anna' }] },
    })
    const { state, created, unknown } = answer.body
    expect([answer.status, state, created, unknown]).toEqual([202, 'needsReview', 1, 1])
    const rows = await gateway.ask('GET', `${answer.headers['location']}/rows?outcome=unknown`)
    expect(rows.body.items[0].reason).toBe('spelled-otherwise')
    expect((await gateway.ask('POST', `${answer.headers['location']}:retry`)).body.code).toBe(
      'operation.settled',
    )
    expect(people.map(({ name }) => name)).toEqual(['O&#39;Brien', 'Anna'])
    // ChatHub's own path has no operations. Its error names the one that says what is known.
    const body = [{ organizationId: 24, name: "O'Neil" }]
    const dropIn = await gateway.ask('POST', '/api/operator/synchronize', { body })
    const [operation] = (await gateway.ask('GET', '/v1/operations')).body.items
    expect([dropIn.status, dropIn.body.code, dropIn.body.detail, operation.unknown]).toEqual([
      504,
      'write.in-doubt',
      `What is known of this write: GET /v1/operations/${operation.id}`,
      1,
    ])
    chathub.closeAllConnections()
    chathub.close()
  })
})
