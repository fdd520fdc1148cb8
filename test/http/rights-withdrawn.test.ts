import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { hashKey, makeKey } from '../../src/access/keys.ts'
import { type Scope, scopes } from '../../src/contract/scopes.ts'
import { ended } from '../failure/writes.ts'
import { startGateway, type TestGateway } from '../support/gateway.ts'

let gateway: TestGateway
// One client, whose newer key may touch less.
const [before, after, reader] = [makeKey('crm'), makeKey('crm'), makeKey('crm')]
const entry = (key: string, organizations: number[], mine: readonly Scope[] = scopes) => ({
  id: 'crm',
  keyHash: hashKey(key),
  scopes: mine,
  organizations,
})
beforeAll(async () => {
  const clients = [entry(before, [24, 6]), entry(after, [6]), entry(reader, [24], ['operators:read'])]
  gateway = await startGateway({
    env: { API_KEYS: JSON.stringify({ clients }), WRITE_SETTLE_SECONDS: '1', CHATHUB_TIMEOUT_MS: '500' },
  })
})
afterAll(() => gateway.close())
let uses = 0
beforeEach(() => {
  uses++
})

const post = (key: string, path: string, body?: unknown, idempotent = true) =>
  gateway.ask('POST', path, {
    key,
    ...(idempotent && { headers: { 'Idempotency-Key': `use-${uses}` } }),
    ...(body !== undefined && { body }),
  })
const replayed = ({ headers }: { headers: Record<string, string> }) => headers['idempotency-replayed']

describe('an organization that a client may no longer access', () => {
  const operators = '/v1/organizations/24/operators'
  it.each([
    ['an add', operators, { operators: [{ name: 'Anna' }] }, 'organization.unknown'],
    ['a bulk change', `${operators}:setStatus`, { ids: [101], status: 'active' }, 'organization.unknown'],
    ['a token', `${operators}/101/tokens`, {}, 'organization.unknown'],
    ['a purge', '/v1/cache:purge', { organization: 24 }, 'organization.unknown'],
    [
      'a drop-in add',
      '/api/operator/synchronize',
      [{ organizationId: 24, name: 'B' }],
      'organization.unknown',
    ],
    ['a drop-in change', '/api/operator/status', { id: 101, status: 0 }, 'operator.unknown'],
  ])('is not revealed by the stored answer to %s', async (_what, path, body, code) => {
    const first = await post(before, path, body)
    expect(first.status).toBeLessThan(300)
    const refused = await post(after, path, body)
    expect([refused.status, refused.body.code, replayed(refused)]).toEqual([404, code, undefined])
    const again = await post(before, path, body)
    expect([again.status, replayed(again)]).toEqual([first.status, 'true'])
    if (path !== `${operators}/101/tokens`) expect(again.body).toEqual(first.body)
  })

  it('is not revealed by its operations either', async () => {
    gateway.simulator.fault({ mode: 'status', status: 400, route: 'synchronize', times: 1 })
    const { headers } = await gateway.ask('POST', '/v1/organizations/24/imports', {
      key: before,
      headers: { 'Content-Type': 'text/csv' },
      body: 'name\nClara',
    })
    const path = headers['location'] as string
    await ended({ url: gateway.url, key: before }, path)
    expect((await gateway.ask('GET', path, { key: before })).status).toBe(200)
    for (const [method, verb] of [
      ['GET', ''],
      ['GET', '/rows'],
      ['GET', '/events'],
      ['POST', ':cancel'],
      ['POST', ':retry'],
    ] as const) {
      const { status, body } = await gateway.ask(method, path + verb, { key: after })
      expect([verb, status, body.code]).toEqual([verb, 404, 'operation.unknown'])
    }
    const { status, body } = await gateway.ask('POST', `${path}:retry`, { key: reader })
    expect([status, body.code]).toEqual([403, 'scope.missing'])
  })
})
