import { afterAll, afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { ended, namesIn, type Operation, statesOf, sumOf } from '../failure/writes.ts'
import { startGateway, type TestGateway } from '../support/gateway.ts'
import { createPacedClock } from '../support/paced-clock.ts'

// The clock of every gateway here. The settling time of 4 s passes within a fifth of a second.
const clock = createPacedClock({ speed: 20 })
afterAll(clock.stop)

let gateway: TestGateway
beforeEach(async () => {
  gateway = await startGateway({
    env: {
      WRITE_SETTLE_SECONDS: '4',
      WRITE_DEADLINE_MS: '3000',
      CHATHUB_TIMEOUT_MS: '1000',
      CHATHUB_BATCH_SIZE: '2',
    },
    clock,
    clients: [{ id: 'other', scopes: ['operators:read', 'operators:write'] }],
  })
})
afterEach(() => gateway.close())

const add = (names: string[], modes: object = {}) =>
  gateway.ask('POST', '/v1/organizations/24/operators', {
    headers: { 'Idempotency-Key': `add-${names[0]}` },
    body: { operators: names.map((name) => ({ name })), ...modes },
  })
const get = (path: string, client = 'all') =>
  gateway.ask('GET', path, { key: gateway.keys[client] as string })
const command = (path: string, client = 'all') =>
  gateway.ask('POST', path, { key: gateway.keys[client] as string })
const statusOf = (id: number) => gateway.simulator.operators().find((row) => row.id === id)?.status
const patch = (id: number, status: string) =>
  gateway.ask('PATCH', `/v1/organizations/24/operators/${id}`, { body: { status } })
const setStatus = (ids: number[], status: string) =>
  gateway.ask('POST', '/v1/organizations/24/operators:setStatus', { body: { ids, status } })
const outcomes = ({ body }: { body: { results: { outcome: string }[] } }) =>
  body.results.map(({ outcome }) => outcome)

describe('a write in doubt', () => {
  it('is an operation that ends without a further request, with an outcome for each row', async () => {
    gateway.simulator.fault({ mode: 'drop-response', route: 'synchronize', times: 1 })
    const answer = await add(['Anna', 'John Smith', 'Borys'])
    const path = answer.headers['location'] as string
    expect([answer.status, path]).toEqual([202, `/v1/operations/${answer.body.id}`])
    expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0)
    expect([answer.body.kind, answer.body.organization, answer.body.finishedAt]).toEqual(['add', 24, null])
    expect(sumOf(answer.body)).toBe(3)
    const operation = await ended(gateway, path)
    expect([operation.state, operation.created, operation.exists]).toEqual(['done', 2, 1])
    const rows = (await get(`${path}/rows`)).body
    expect(rows.items.map(({ name, outcome }: Record<string, string>) => `${name} ${outcome}`)).toEqual([
      'Anna created',
      'John Smith exists',
      'Borys created',
    ])
    expect((await get(`${path}/rows?outcome=exists,rejected`)).body.total).toBe(1)
    expect((await get(`${path}/rows?outcome=fine`)).status).toBe(400)
    expect(namesIn(gateway, 24).slice(3)).toEqual(['Anna', 'Borys'])
  })

  it('sends its states as events up to the final one, also when it had ended before', async () => {
    gateway.simulator.fault({ mode: 'drop-response', route: 'synchronize', times: 1 })
    const { body } = await add(['Anna', 'Borys', 'Clara'])
    const states = await statesOf(gateway, body.id)
    expect(states.at(-1)?.state).toBe('done')
    expect(states.slice(0, -1).every(({ state }) => state === 'running')).toBe(true)
    for (const operation of states) expect(sumOf(operation)).toBe(operation.total)
    expect(await statesOf(gateway, body.id)).toEqual([states.at(-1)])
  })

  it('ends its events when the gateway drains, so that the reader reconnects to another instance', async () => {
    gateway.simulator.fault({ mode: 'drop-response', route: 'synchronize', times: 1 })
    const { headers } = await add(['Anna'])
    const events = await fetch(`${gateway.url}${headers['location']}/events`, {
      headers: { 'X-API-Key': gateway.key },
    })
    expect(events.headers.get('content-security-policy')).toContain("default-src 'none'")
    gateway.gateway.drain()
    const text = await events.text()
    expect(text).toContain('"state":"running"')
    expect(text).not.toContain('"state":"done"')
  })

  it('that ChatHub leaves in doubt three times needs review, and can be retried', async () => {
    gateway.simulator.fault({ mode: 'status', status: 500, route: 'synchronize', times: 3 })
    const { headers } = await add(['Anna'])
    const path = headers['location'] as string
    const operation = await ended(gateway, path)
    expect([operation.state, operation.unknown, typeof operation.detail]).toEqual([
      'needsReview',
      1,
      'string',
    ])
    expect((await command(`${path}:retry`, 'other')).status).toBe(404)
    const again = await command(`${path}:retry`)
    expect([again.status, again.body.state, again.body.pending]).toEqual([202, 'running', 1])
    const final = await ended(gateway, path)
    expect([final.state, final.created, final.detail]).toEqual(['done', 1, null])
    expect(namesIn(gateway, 24).slice(3)).toEqual(['Anna'])
    const settled = await command(`${path}:retry`)
    expect([settled.status, settled.body.code]).toEqual([409, 'operation.settled'])
  })

  it('is cancelled before its next batch, and continues there when it is retried', async () => {
    const held = gateway.simulator.hold('synchronize', 24)
    gateway.simulator.fault({ mode: 'drop-response', route: 'synchronize', times: 1 })
    const asked = add(['Anna', 'Borys', 'Clara', 'Dmytro', 'Emma'])
    await held.arrived
    held.release()
    const path = (await asked).headers['location'] as string
    expect((await command(`${path}:cancel`, 'other')).status).toBe(404)
    expect((await command(`${path}:cancel`)).status).toBe(200)
    const operation = await ended(gateway, path)
    expect([operation.state, operation.created, operation.pending]).toEqual(['cancelled', 2, 3])
    expect((await command(`${path}:cancel`)).body.code).toBe('operation.settled')
    expect((await command(`${path}:retry`)).status).toBe(202)
    expect((await ended(gateway, path)).created).toBe(5)
    expect(namesIn(gateway, 24).slice(3)).toEqual(['Anna', 'Borys', 'Clara', 'Dmytro', 'Emma'])
  })

  it('is visible only to the client that made it', async () => {
    gateway.simulator.fault({ mode: 'drop-response', route: 'synchronize', times: 1 })
    const path = (await add(['Anna'])).headers['location'] as string
    for (const tail of ['', '/rows', '/events']) {
      const theirs = await get(path + tail, 'other')
      expect([tail, theirs.status, theirs.body.code]).toEqual([tail, 404, 'operation.unknown'])
    }
    for (const id of ['24-nobodyKnowsThis', 'x', '24', '24-..%2f..', '0-abcdefgh'])
      expect([id, (await get(`/v1/operations/${id}`)).status]).toEqual([id, 404])
    const method = await get(`${path}:cancel`)
    expect([method.status, method.headers['allow']]).toEqual([405, 'POST'])
    expect((await command(path)).headers['allow']).toBe('GET, HEAD')
    await ended(gateway, path)
  })

  it('on a drop-in path is waited for to the deadline, and then 504', async () => {
    gateway.simulator.fault({ mode: 'drop-response', route: 'synchronize', times: 1 })
    const ask = () =>
      gateway.ask('POST', '/api/operator/synchronize', {
        headers: { 'Idempotency-Key': 'drop-in' },
        body: [{ organizationId: 24, name: 'Anna' }],
      })
    const first = await ask()
    expect([first.status, first.body.code]).toEqual([504, 'write.in-doubt'])
    let again = await ask()
    while (again.status === 504) again = await ask()
    expect([again.status, again.body[0].name]).toEqual([200, 'Anna'])
    expect(namesIn(gateway, 24).slice(3)).toEqual(['Anna'])
  })
})

describe('a drop-in add to two organizations', () => {
  it('of which the second cannot be reached is in doubt: the same key adds no duplicate to the first', async () => {
    const ask = () =>
      gateway.ask('POST', '/api/operator/synchronize', {
        headers: { 'Idempotency-Key': 'two' },
        body: [
          { organizationId: 24, name: 'Anna' },
          { organizationId: 6, name: 'Anna' },
        ],
      })
    gateway.simulator.fault({ mode: 'status', status: 403, route: 'synchronize', organization: 6, times: 1 })
    expect((await ask()).body.code).toBe('write.in-doubt')
    const again = await ask()
    expect([again.status, again.headers['idempotency-replayed']]).toEqual([200, 'true'])
    expect([namesIn(gateway, 24).slice(3), namesIn(gateway, 6).slice(5)]).toEqual([['Anna'], ['Anna']])
  })
})

describe('changes of status', () => {
  it('that are opposite are carried out in order of arrival, although the first one is in doubt', async () => {
    gateway.simulator.fault({ mode: 'late-apply', ms: 100, destroy: false, route: 'status', times: 1 })
    const first = patch(101, 'inactive')
    const held = gateway.simulator.hold('status', 24)
    held.release()
    const answer = await first
    expect([answer.status, answer.body.kind]).toEqual([202, 'setStatus'])
    // Until that is settled the opposite one is not sent.
    let second = await patch(101, 'active')
    while (second.status === 503) second = await patch(101, 'active')
    expect([second.status, second.body.status]).toEqual([200, 'active'])
    const operation = await ended(gateway, answer.headers['location'] as string)
    expect([operation.state, operation.changed]).toEqual(['done', 1])
    expect(statusOf(101)).toBe(0)
  })

  it('in doubt are looked up, and sent again only when ChatHub does not show them', async () => {
    for (const [mode, calls] of [
      ['drop-response', 1],
      ['reset', 2],
    ] as const) {
      gateway.simulator.clearArrivals()
      gateway.simulator.fault({ mode, route: 'status', times: 1 })
      const answer = await patch(102, statusOf(102) === 1 ? 'active' : 'inactive')
      expect([mode, answer.status]).toEqual([mode, 202])
      expect((await ended(gateway, answer.headers['location'] as string)).changed).toBe(1)
      const sent = gateway.simulator.arrivals().filter(({ route }) => route === 'status')
      expect([mode, sent.length]).toEqual([mode, calls])
    }
    expect(statusOf(102)).toBe(0)
  })

  it('of many operators have one outcome each, in input order', async () => {
    const answer = await setStatus([101, 103, 999, 1, 101], 'inactive')
    expect(answer.status).toBe(200)
    expect(outcomes(answer)).toEqual(['changed', 'unchanged', 'rejected', 'rejected', 'unchanged'])
    expect(answer.body).toMatchObject({ changed: 1, unchanged: 2, rejected: 2, unknown: 0 })
    expect([statusOf(101), statusOf(1)]).toEqual([1, 0])
    const deleted = await setStatus([101, 102], 'deleted')
    expect(outcomes(deleted)).toEqual(['changed', 'changed'])
    const list = await get('/v1/organizations/24/operators?status=deleted')
    expect(list.body.total).toBe(2)
  })

  it('of many operators with one in doubt continue, and end with every outcome known', async () => {
    gateway.simulator.fault({ mode: 'drop-response', route: 'status', times: 1 })
    const answer = await setStatus([101, 102, 103], 'deleted')
    expect(answer.status).toBe(202)
    const operation: Operation = await ended(gateway, answer.headers['location'] as string)
    expect([operation.state, operation.changed]).toEqual(['done', 3])
    expect([101, 102, 103].map(statusOf)).toEqual([2, 2, 2])
  })

  it('that reactivate are part of an add, and are in doubt with it', async () => {
    const gone = gateway.simulator.addOperator(24, 'Gone', 2)
    gateway.simulator.fault({ mode: 'drop-response', route: 'status', times: 1 })
    const answer = await add(['Gone', 'gone', 'New'], { onDeleted: 'reactivate' })
    expect(answer.status).toBe(202)
    const operation = await ended(gateway, answer.headers['location'] as string)
    expect([operation.state, operation.reactivated, operation.exists, operation.created]).toEqual([
      'done',
      1,
      1,
      1,
    ])
    expect(statusOf(gone.id)).toBe(0)
  })
})
