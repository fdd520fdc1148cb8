import { afterEach, describe, expect, it } from '@jest/globals'
import { departments, ended } from '../failure/writes.ts'
import { startGateway, type TestGateway } from '../support/gateway.ts'
import { createPacedClock } from '../support/paced-clock.ts'

let gateway: TestGateway
afterEach(() => gateway.close())

describe('a bulk change of status', () => {
  it('lets other writes run after ten calls, not after a hundred', async () => {
    gateway = await startGateway({
      env: { CHATHUB_REQUESTS_PER_SECOND: '100' },
      simulator: { organizations: departments(1, 61) },
    })
    const ids = gateway.simulator.operators(500).map(({ id }) => id)
    const path = '/v1/organizations/500/operators'
    const held = gateway.simulator.hold('status', 500)
    const bulk = gateway.ask('POST', `${path}:setStatus`, {
      body: { ids: ids.slice(0, 60), status: 'inactive' },
    })
    await held.arrived
    const one = gateway.ask('PATCH', `${path}/${ids[60]}`, { body: { status: 'deleted' } })
    held.release()
    expect((await one).status).toBe(200)
    const changed = gateway.simulator.operators(500).filter(({ status }) => status === 1)
    expect(changed.length).toBeLessThan(40)
    expect((await bulk).body.changed).toBe(60)
  })
})

describe('an import', () => {
  it('sees operators that were added in ChatHub’s dashboard while it ran', async () => {
    const clock = createPacedClock()
    gateway = await startGateway({ clock, env: { CHATHUB_BATCH_SIZE: '1' } })
    const held = gateway.simulator.hold('synchronize', 24)
    const { headers } = await gateway.ask('POST', '/v1/organizations/24/imports', {
      headers: { 'Content-Type': 'text/csv' },
      body: 'name\nAnna\nBorys\n',
    })
    await held.arrived
    gateway.simulator.addOperator(24, 'Borys')
    clock.jump(6000)
    held.release()
    const { state, created, exists } = await ended(gateway, headers['location'] as string)
    expect([state, created, exists]).toEqual(['done', 1, 1])
  })
})
