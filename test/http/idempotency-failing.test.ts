import { afterEach, describe, expect, it } from '@jest/globals'
import { countNames, ended, namesIn } from '../failure/writes.ts'
import { startGateway, type TestGateway } from '../support/gateway.ts'
import { createPacedClock } from '../support/paced-clock.ts'

let gateway: TestGateway
afterEach(() => gateway.close())

const env = { WRITE_SETTLE_SECONDS: '1' }
const headers = { 'Idempotency-Key': 'k' }
const timesEach = () => [...countNames(namesIn(gateway, 24)).values()]

describe('an Idempotency-Key', () => {
  it('stays in force when a repetition fails: what the first request wrote is not written again', async () => {
    const clock = createPacedClock()
    gateway = await startGateway({
      clock,
      env: { ...env, ORGANIZATIONS_FRESH_SECONDS: '1', CACHE_STALE_SECONDS: '60' },
    })
    const start = () =>
      gateway.ask('POST', '/v1/organizations/24/imports?onDuplicate=allow', {
        headers: { ...headers, 'Content-Type': 'text/csv' },
        body: 'name\nAnna\nBorys\n',
      })
    const first = await start()
    await ended(gateway, first.headers['location'] as string)
    clock.jump(3_600_000)
    gateway.simulator.fault({ mode: 'status', status: 503 })
    expect((await start()).status).toBe(503)
    gateway.simulator.clearFaults()
    clock.jump(60_000)
    const third = await start()
    expect([third.status, third.body.id]).toEqual([202, first.body.id])
    await ended(gateway, third.headers['location'] as string)
    expect(Math.max(...timesEach())).toBe(1)
  })

  for (const [what, batch, body, refused] of [
    ['one organization of several', '100', [24, 6], { organization: 6 }],
    ['one batch of several', '1', [24, 24], {}],
  ] as const)
    it(`of a drop-in add whose second part, ${what}, was refused keeps what the first part added`, async () => {
      gateway = await startGateway({ env: { ...env, CHATHUB_BATCH_SIZE: batch } })
      const rows = body.map((organizationId, i) => ({ organizationId, name: `New ${i}` }))
      const add = () => gateway.ask('POST', '/api/operator/synchronize', { headers, body: rows })
      const held = gateway.simulator.hold('synchronize', 24)
      const first = add()
      await held.arrived
      held.release()
      gateway.simulator.fault({ mode: 'status', status: 400, route: 'synchronize', ...refused, times: 1 })
      expect((await first).body.code).toBe('write.in-doubt')
      await add()
      await add()
      expect(namesIn(gateway, 24).filter((name) => name === 'New 0')).toHaveLength(1)
    })
})
