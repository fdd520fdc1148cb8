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

describe('an organization that a client may not touch any more', () => {
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
  ])('is not told by the kept answer to %s', async (_what, path, body, code) => {
    const first = await post(before, path, body)
    expect(first.status).toBeLessThan(300)
    const refused = await post(after, path, body)
    expect([refused.status, refused.body.code, replayed(refused)]).toEqual([404, code, undefined])
    const again = await post(before, path, body)
    expect([again.status, replayed(again)]).toEqual([first.status, 'true'])
    if (path !== `${operators}/101/tokens`) expect(again.body).toEqual(first.body)
  })

  it('is not told by its operations either', async () => {
    gateway.simulator.fault({ mode: 'status', status: 400, route: 'synchronize', times: 1 })
    const { headers } = await gateway.ask('POST', '/v1/organizations/24/imports', {
      key: before,
      headers: { 'Content-Type': 'text/csv' },
      body: 'name\nClara',
    })
    const path = headers.location as string
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

describe('input is refused before scope, and scope before organization', () => {
  const foreign = '/v1/organizations/42'
  const csv = (query: string, body: string) =>
    gateway.ask('POST', `${foreign}/imports${query}`, {
      key: reader,
      headers: { 'Content-Type': 'text/csv' },
      body,
    })
  it('for imports', async () => {
    for (const [query, body, status, code] of [
      ['?onDuplicate=fail', 'name\nAnna', 400, 'request.invalid'],
      ['?onDuplicate=allow', 'name\nAnna', 400, 'idempotency.required'],
      ['', 'nobody\nAnna', 422, 'request.invalid-body'],
      ['', 'name\nAnna', 403, 'scope.missing'],
    ] as const) {
      const answer = await csv(query, body)
      expect([query, answer.status, answer.body.code]).toEqual([query, status, code])
    }
  })

  it('for adds that allow duplicates', async () => {
    const body = { operators: [{ name: 'Anna' }], onDuplicate: 'allow' }
    const { status, body: problem } = await post(reader, `${foreign}/operators`, body, false)
    expect([status, problem.code]).toEqual([400, 'idempotency.required'])
  })

  it('for onboarding, which needs two scopes', async () => {
    const few = makeKey('few')
    const writer = { ...entry(few, [24], ['operators:write']), id: 'few' }
    const other = await startGateway({ env: { API_KEYS: JSON.stringify({ clients: [writer] }) } })
    const onboard = (operators: object[]) =>
      other.ask('POST', `${foreign}/operators:onboard`, { key: few, body: { operators } })
    expect((await onboard([{ name: 'Anna' }])).body.code).toBe('scope.missing')
    const many = Array.from({ length: 101 }, (_, i) => ({ name: `Agent ${i}` }))
    expect((await onboard(many)).status).toBe(422)
    await other.close()
  })
})
