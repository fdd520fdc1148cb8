import { afterAll, beforeAll, expect, it } from '@jest/globals'
import { startGateway, type TestGateway } from '../support/gateway.ts'

let gateway: TestGateway
beforeAll(async () => {
  gateway = await startGateway()
})
afterAll(() => gateway.close())

const synchronize = (body: unknown) => gateway.ask('POST', '/api/operator/synchronize', { body })

it('a drop-in add returns the status that ChatHub gave', async () => {
  const rows = [
    { id: 901, name: 'Anna', status: 1 },
    { id: 902, name: 'Borys', status: 7 },
  ]
  gateway.simulator.fault({ mode: 'rows', rows, route: 'synchronize', times: 1 })
  const { status, body } = await synchronize(rows.map(({ name }) => ({ organizationId: 24, name })))
  expect([status, body]).toEqual([200, rows])
})

it('a drop-in add without operators is refused', async () => {
  const { status, body } = await synchronize([])
  expect([status, body.code]).toEqual([400, 'request.invalid'])
})
