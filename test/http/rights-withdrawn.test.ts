import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { hashKey, makeKey } from '../../src/access/keys.ts'
import { type Scope, scopes } from '../../src/contract/scopes.ts'
import { ended } from '../failure/writes.ts'
import { startGateway, type TestGateway } from '../support/gateway.ts'
import { createPacedClock } from '../support/paced-clock.ts'
import { until } from '../support/until.ts'

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
    env: { API_KEYS: JSON.stringify({ clients }), WRITE_SETTLE_SECONDS: '1' },
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

describe('a right that is withdrawn while a request waits', () => {
  const folder = mkdtempSync(join(tmpdir(), 'withdrawn-'))
  const clock = createPacedClock({ speed: 10 })
  const key = makeKey('crm')
  const granted = entry(key, [24, 6])
  let own: TestGateway
  const changes = () => own.reports.filter(({ name }) => name === 'secret-file').length
  const write = (...clients: object[]): void => {
    const all = { clients: [entry(makeKey('other'), [24]), ...clients] }
    writeFileSync(join(folder, 'keys.json'), JSON.stringify(all))
  }
  /** Writes the file of keys and waits until the gateway has read it. */
  const grant = async (...clients: object[]): Promise<void> => {
    const read = changes()
    write(...clients)
    await until(() => changes() > read)
  }
  beforeAll(async () => {
    write(granted)
    own = await startGateway({ clock, env: { API_KEYS: '', API_KEYS_FILE: join(folder, 'keys.json') } })
  })
  afterAll(async () => {
    await own.close()
    clock.stop()
    rmSync(folder, { recursive: true })
  })
  const sent = () =>
    own.simulator
      .arrivals()
      .filter(({ route }) => ['synchronize', 'status', 'operator-token'].includes(route))

  const operators = '/v1/organizations/24/operators'
  const expiresAt = new Date(Date.now() + 3_600_000).toISOString()
  const people = { operators: [{ name: 'Anna' }] }
  const writes: [string, string, string, unknown, string][] = [
    ['an add', 'POST', operators, people, 'organization.unknown'],
    [
      'a bulk change',
      'POST',
      `${operators}:setStatus`,
      { ids: [101], status: 'inactive' },
      'organization.unknown',
    ],
    ['an onboarding', 'POST', `${operators}:onboard`, people, 'organization.unknown'],
    ['a change', 'PATCH', `${operators}/101`, { status: 'inactive' }, 'organization.unknown'],
    ['a token', 'POST', `${operators}/101/tokens`, {}, 'organization.unknown'],
    [
      'a drop-in add',
      'POST',
      '/api/operator/synchronize',
      [{ organizationId: 24, name: 'B' }],
      'organization.unknown',
    ],
    ['a drop-in change', 'POST', '/api/operator/status', { id: 101, status: 1 }, 'operator.unknown'],
    ['a drop-in token', 'POST', '/api/operator/get-token', { id: 101, expiresAt }, 'operator.unknown'],
  ]
  /** Sends the request, lets it wait for the list, and withdraws the right meanwhile. */
  const withdraw = async (method: string, path: string, body: unknown, ...left: object[]) => {
    await own.ask('POST', '/v1/cache:purge', { key, body: { organization: 24 } })
    own.simulator.clearArrivals()
    const hold = own.simulator.hold('list', 24)
    const answer = own.ask(method, path, { key, body })
    await hold.arrived
    await grant(...left)
    hold.release()
    const { status, body: problem } = await answer
    await grant(granted)
    return [status, problem.code]
  }

  it.each(writes)('keeps %s from being sent: the organization', async (_what, method, path, body, code) => {
    expect(await withdraw(method, path, body, entry(key, [6]))).toEqual([404, code])
    expect(sent()).toEqual([])
  })

  it('keeps an add from being sent: its scope, its key, and a key that became that of another client', async () => {
    const reading = entry(key, [24, 6], ['operators:read'])
    expect(await withdraw('POST', operators, people, reading)).toEqual([403, 'scope.missing'])
    expect(await withdraw('POST', operators, people)).toEqual([401, 'credential.invalid'])
    const another = { ...granted, id: 'another' }
    expect(await withdraw('POST', operators, people, another)).toEqual([401, 'credential.invalid'])
    expect(sent()).toEqual([])
  })

  it('is noticed when a slow body has arrived', async () => {
    const socket = connect(Number(new URL(own.url).port), '127.0.0.1')
    const body = '{"organization":24}'
    socket.write(
      `POST /v1/cache:purge HTTP/1.1\r\nHost: x\r\nX-API-Key: ${key}\r\nContent-Type: application/json\r\nExpect: 100-continue\r\nContent-Length: ${body.length}\r\n\r\n`,
    )
    let text = ''
    socket.setEncoding('latin1').on('data', (more) => {
      text += more
    })
    await until(() => text.includes(' 100 '))
    await grant()
    clock.jump(1000)
    socket.write(body)
    await until(() => text.includes('credential.invalid'))
    socket.destroy()
    await grant(granted)
  })
})
