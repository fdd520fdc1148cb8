import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { ended } from '../failure/writes.ts'
import { startGateway, type TestGateway } from '../support/gateway.ts'

let gateway: TestGateway
beforeEach(async () => {
  gateway = await startGateway({
    env: {
      WRITE_SETTLE_SECONDS: '1',
      CHATHUB_BATCH_SIZE: '1',
      SESSION_SECRET: 'a secret of the test, long enough for everybody',
      CORS_ORIGINS: 'https://crm.example.com',
    },
  })
})
afterEach(() => gateway.close())

const post = (path: string, { body, key }: { body?: unknown; key?: string } = {}) =>
  gateway.ask('POST', path, {
    ...(key !== undefined && { headers: { 'Idempotency-Key': key } }),
    ...(body !== undefined && { body }),
  })
const startImport = async (rows: number): Promise<string> => {
  const csv = `name\n${Array.from({ length: rows }, (_, i) => `Agent ${i}`).join('\n')}`
  const { headers } = await gateway.ask('POST', '/v1/organizations/24/imports', {
    headers: { 'Content-Type': 'text/csv' },
    body: csv,
  })
  return headers['location'] as string
}
const replayed = ({ headers }: { headers: Record<string, string> }) => headers['idempotency-replayed']

describe('a command on an operation', () => {
  it('to retry an operation that still runs is refused with operation.running', async () => {
    const hold = gateway.simulator.hold('synchronize', 24)
    const path = await startImport(2)
    await hold.arrived
    const { status, body } = await post(`${path}:retry`)
    expect([status, body.code]).toEqual([409, 'operation.running'])
    expect(body.detail).toContain('still running')
    hold.release()
    expect((await ended(gateway, path)).state).toBe('done')
  })

  it('is done once per Idempotency-Key', async () => {
    const hold = gateway.simulator.hold('synchronize', 24)
    const path = await startImport(3)
    await hold.arrived
    const cancels = [await post(`${path}:cancel`, { key: 'c' }), await post(`${path}:cancel`, { key: 'c' })]
    expect(cancels.map(({ status }) => status)).toEqual([200, 200])
    expect(cancels.map(replayed)).toEqual([undefined, 'true'])
    hold.release()
    expect((await ended(gateway, path)).state).toBe('cancelled')
    const second = gateway.simulator.hold('synchronize', 24)
    const retries = [await post(`${path}:retry`, { key: 'r' }), await post(`${path}:retry`, { key: 'r' })]
    await second.arrived
    second.release()
    expect((await ended(gateway, path)).state).toBe('done')
    retries.push(await post(`${path}:retry`, { key: 'r' }))
    expect(retries.map(({ status }) => status)).toEqual([202, 202, 202])
    expect(retries.map(replayed)).toEqual([undefined, 'true', 'true'])
  })

  it('accepts an empty object as its body, and nothing else', async () => {
    const path = await startImport(1)
    await ended(gateway, path)
    expect((await post(`${path}:cancel`, { body: {} })).body.code).toBe('operation.settled')
    expect((await post(`${path}:cancel`, { body: { now: true } })).status).toBe(422)
  })
})

describe('a body without required fields', () => {
  it('can be omitted', async () => {
    expect((await post('/v1/cache:purge')).status).toBe(204)
    expect((await post('/v1/organizations/24/operators/101/tokens')).status).toBe(201)
    const { status } = await post('/v1/organizations/24/operators')
    expect(status).toBe(400)
  })
})

describe('an Idempotency-Key', () => {
  it('of a session gives a new ticket each time: no ticket is stored', async () => {
    const body = { organizations: [24], scopes: ['operators:read'], origin: 'https://crm.example.com' }
    const tickets = [
      await post('/v1/sessions', { key: 's', body }),
      await post('/v1/sessions', { key: 's', body }),
    ]
    expect(tickets.map(({ status }) => status)).toEqual([201, 201])
    expect(tickets.map(replayed)).toEqual([undefined, 'true'])
    expect(tickets[0]?.body.ticket).not.toBe(tickets[1]?.body.ticket)
  })

  it('of a dry run stores no answer: each answer describes the current state', async () => {
    const body = { operators: [{ name: 'Anna' }], dryRun: true }
    const ask = () => post('/v1/organizations/24/operators', { key: 'd', body })
    expect((await ask()).body.created).toBe(1)
    await post('/v1/organizations/24/operators', { body: { operators: [{ name: 'Anna' }] } })
    expect((await ask()).body.exists).toBe(1)
  })
})

describe('onboarding', () => {
  it('names why an operator got no token, and the token can be issued afterwards', async () => {
    gateway.simulator.fault({ mode: 'status', status: 500, route: 'operator-token', times: 2 })
    const { status, body } = await post('/v1/organizations/24/operators:onboard', {
      body: { operators: [{ name: 'Anna' }] },
    })
    const [row] = body.results
    expect([status, row.token, row.tokenError]).toEqual([201, null, 'chathub.unavailable'])
    expect((await post(`/v1/organizations/24/operators/${row.id}/tokens`)).status).toBe(201)
  })
})
