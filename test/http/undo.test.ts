import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import type { Response } from 'supertest'
import { ended, type Operation } from '../failure/writes.ts'
import { startGateway, type TestGateway } from '../support/gateway.ts'
import { asPage, openSession, sessionEnv } from './browser-session.ts'

let gateway: TestGateway
beforeEach(async () => {
  gateway = await startGateway({
    speed: 10,
    env: { ...sessionEnv, WRITE_SETTLE_SECONDS: '1', CHATHUB_BATCH_SIZE: '2' },
    clients: [
      { id: 'writer', scopes: ['operators:write', 'operators:read'] },
      { id: 'importer', scopes: ['operators:import', 'operators:read'] },
      { id: 'admin', scopes: ['admin', 'operators:write'], organizations: [24] },
      { id: 'elsewhere', scopes: ['admin', 'operators:write'], organizations: [6] },
    ],
    simulator: {
      organizations: [
        { id: 24, name: 'Sales', operators: ['One', 'Two', 'Three'].map((name) => ({ name })) },
      ],
    },
  })
})
afterEach(() => gateway.close())

const as = (client: string) => ({ key: gateway.keys[client] as string })
const operators = () => gateway.simulator.operators(24)
const statuses = () => operators().map(({ name, status }) => `${name} ${status}`)
const idOf = (name: string) => operators().find((one) => one.name === name)?.id as number
const setStatus = (names: string[], status: string) => {
  const body = { ids: names.map(idOf), status }
  return gateway.ask('POST', '/v1/organizations/24/operators:setStatus', { ...as('writer'), body })
}
const add = (names: string[], modes: object = {}) => {
  const body = { operators: names.map((name) => ({ name })), ...modes }
  return gateway.ask('POST', '/v1/organizations/24/operators', { ...as('writer'), body })
}
/** The operation of the newest record. */
const lastOperation = async (): Promise<string> =>
  (await gateway.ask('GET', '/v1/audit?limit=1')).body.items[0].operation
const undo = (id: string, client = 'writer', headers: Record<string, string> = {}): Promise<Response> =>
  gateway.ask('POST', `/v1/operations/${id}:undo`, { ...as(client), headers })
const undone = async (id: string, client = 'writer'): Promise<{ operation: Operation; rows: string[] }> => {
  const answer = await undo(id, client)
  expect([answer.status, answer.body.kind, answer.body.undoes]).toEqual([202, 'undo', id])
  const operation = await ended({ ...gateway, ...as(client) }, answer.headers['location'] as string)
  const { items } = (await gateway.ask('GET', `${answer.headers['location']}/rows`, as(client))).body
  return {
    operation,
    rows: items.map((row: Record<string, string>) => `${row['outcome']} ${row['reason'] ?? row['id']}`),
  }
}

describe('an undo', () => {
  it('gives each operator the status that it had before, also where these differ', async () => {
    await setStatus(['Two'], 'inactive')
    await setStatus(['One', 'Two', 'Three'], 'deleted')
    const { operation } = await undone(await lastOperation())
    expect([operation.state, operation.changed, operation.total]).toEqual(['done', 3, 3])
    expect(statuses()).toEqual(['One 0', 'Two 1', 'Three 0'])
  })

  it('takes the operation that the answer names, whatever was written since', async () => {
    const { body } = await setStatus(['One', 'Two'], 'inactive')
    const added = await add(['Anna'])
    await setStatus(['Three'], 'inactive')
    await undone(body.operation)
    expect(statuses()).toEqual(['One 0', 'Two 0', 'Three 1', 'Anna 0'])
    await undone(added.body.operation)
    expect(statuses()).toEqual(['One 0', 'Two 0', 'Three 1', 'Anna 2'])
    const nothing = [
      await setStatus(['One'], 'active'),
      await add(['One']),
      await add(['New'], { dryRun: true }),
    ]
    expect(nothing.map((answer) => answer.body.operation)).toEqual([undefined, undefined, undefined])
  })

  it('takes back more than a thousand changes of one call, of all that a filter found', async () => {
    for (let at = 0; at < 1200; at++) gateway.simulator.addOperator(24, `Person ${at}`, at % 12 === 0 ? 1 : 0)
    const before = statuses()
    const list = await gateway.ask(
      'GET',
      '/v1/organizations/24/operators?status=active&fields=id',
      as('writer'),
    )
    const ids = list.body.items.map(({ id }: { id: number }) => id)
    expect(ids).toHaveLength(1103)
    const answer = await gateway.ask('POST', '/v1/organizations/24/operators:setStatus', {
      ...as('writer'),
      body: { ids, status: 'inactive' },
    })
    const isWaited = answer.status === 202
    const { changed } = isWaited
      ? await ended({ ...gateway, ...as('writer') }, answer.headers['location'] as string)
      : answer.body
    expect([changed, operators().filter(({ status }) => status === 0).length]).toEqual([1103, 0])
    const { operation } = await undone(isWaited ? answer.body.id : answer.body.operation)
    expect([operation.state, operation.changed, operation.total]).toEqual(['done', 1103, 1103])
    expect(statuses()).toEqual(before)
  })

  it('of an add gives the new operators the status deleted, and leaves those that were there', async () => {
    await add(['Anna', 'One', 'Borys'])
    const { operation } = await undone(await lastOperation())
    expect([operation.total, operation.changed]).toEqual([2, 2])
    expect(statuses()).toEqual(['One 0', 'Two 0', 'Three 0', 'Anna 2', 'Borys 2'])
  })

  it('of a reactivation deletes again', async () => {
    await setStatus(['One'], 'deleted')
    await add(['One'], { onDeleted: 'reactivate' })
    expect(statuses()[0]).toBe('One 0')
    await undone(await lastOperation())
    expect(statuses()[0]).toBe('One 2')
  })

  it('of an undo sets the first change again', async () => {
    await add(['Anna'])
    await undone(await lastOperation())
    expect(statuses()[3]).toBe('Anna 2')
    await undone(await lastOperation())
    expect(statuses()[3]).toBe('Anna 0')
  })

  it('leaves alone what was changed or renamed since or is gone, and names it', async () => {
    await setStatus(['One', 'Two', 'Three'], 'inactive')
    const id = await lastOperation()
    await setStatus(['One'], 'deleted')
    gateway.simulator.changeOperator(idOf('Two'), { name: 'Second' })
    const { operation, rows } = await undone(id)
    expect(rows).toEqual(['rejected undo.changed', 'rejected undo.renamed', `changed ${idOf('Three')}`])
    expect([operation.state, operation.rejected]).toEqual(['done', 2])
    expect(statuses()).toEqual(['One 2', 'Second 1', 'Three 0'])
  })

  it('happens once: the same key gets the same operation, another request 409', async () => {
    await setStatus(['One'], 'inactive')
    const id = await lastOperation()
    const headers = { 'Idempotency-Key': 'undo-it' }
    const [first, again] = [await undo(id, 'writer', headers), await undo(id, 'writer', headers)]
    expect([first.status, again.status, again.body.id]).toEqual([202, 202, first.body.id])
    await ended({ ...gateway, ...as('writer') }, first.headers['location'] as string)
    const other = await undo(id)
    expect([other.status, other.body.code]).toEqual([409, 'operation.undone'])
    const both = await Promise.all([undo(first.body.id), undo(first.body.id)])
    expect(both.map(({ status }) => status).toSorted()).toEqual([202, 409])
  })

  it('is refused while the operation runs, and where nothing was changed', async () => {
    const held = gateway.simulator.hold('synchronize', 24)
    const csv = { ...as('importer'), body: 'name\nAnna\nBorys', headers: { 'Content-Type': 'text/csv' } }
    const started = await gateway.ask('POST', '/v1/organizations/24/imports', csv)
    await held.arrived
    const early = await undo(started.body.id, 'importer')
    expect([early.status, early.body.code]).toEqual([409, 'operation.running'])
    held.release()
    await ended({ ...gateway, ...as('importer') }, started.headers['location'] as string)
    const same = await gateway.ask('POST', '/v1/organizations/24/imports', csv)
    await ended({ ...gateway, ...as('importer') }, same.headers['location'] as string)
    const nothing = await undo(same.body.id, 'importer')
    expect([nothing.status, nothing.body.code]).toEqual([409, 'operation.settled'])
    await undone(started.body.id, 'importer')
    expect(statuses().slice(3)).toEqual(['Anna 2', 'Borys 2'])
  })

  it('needs the scope of the write, and the client or admin of the organization', async () => {
    await setStatus(['One'], 'inactive')
    const id = await lastOperation()
    for (const client of ['importer', 'elsewhere'])
      expect([client, (await undo(id, client)).status]).toEqual([client, 404])
    const scopes = ['operators:read'] as const
    const person = await openSession(gateway, { scopes: [...scopes], organizations: [24] })
    const asked = await gateway.ask('POST', `/v1/operations/${id}:undo`, asPage(person))
    expect(asked.status).toBe(404)
    expect((await undo(id, 'admin')).status).toBe(202)
    const [record] = (await gateway.ask('GET', '/v1/audit?client=admin&limit=1')).body.items
    expect(record).toMatchObject({
      client: 'admin',
      kind: expect.stringMatching(/statusChanged|undoRequested/),
    })
  })

  it('goes on when its answers are lost, and sets back each operator once', async () => {
    await setStatus(['One', 'Two', 'Three'], 'inactive')
    const id = await lastOperation()
    gateway.simulator.fault({ mode: 'drop-response', route: 'status', times: 2 })
    const { operation } = await undone(id)
    expect([operation.state, operation.changed]).toEqual(['done', 3])
    expect(statuses()).toEqual(['One 0', 'Two 0', 'Three 0'])
    const { items } = (await gateway.ask('GET', `/v1/audit?operation=${operation.id}`)).body
    expect(items.map(({ from, to }: Record<string, string>) => `${from} ${to}`)).toEqual(
      Array.from({ length: 3 }, () => 'inactive active'),
    )
  })
})

describe('random writes that are undone, the newest first', () => {
  it('leave every operator as it was, and those that were added deleted', async () => {
    const step = fc.record({
      what: fc.constantFrom('add', 'revive', 'active', 'inactive', 'deleted'),
      who: fc.uniqueArray(fc.nat(6), { minLength: 1, maxLength: 4 }),
    })
    const [steps] = fc.sample(fc.array(step, { minLength: 6, maxLength: 10 }), 1) as [
      { what: string; who: number[] }[],
    ]
    process.stderr.write(`Writes: ${JSON.stringify(steps)}\n`)
    const all = ['One', 'Two', 'Three', 'Four', 'Five', 'Six', 'Seven']
    const before = statuses()
    for (const { what, who } of steps) {
      const names = who.map((i) => all[i] as string)
      if (what === 'add') await add(names)
      else if (what === 'revive') await add(names, { onDeleted: 'reactivate' })
      else await setStatus(names.filter(idOf), what)
    }
    const { items } = (await gateway.ask('GET', '/v1/operations', as('writer'))).body
    for (const { id } of items as Operation[]) {
      const answer = await undo(id)
      expect([id, answer.status]).toEqual([id, 202])
      const operation = await ended({ ...gateway, ...as('writer') }, answer.headers['location'] as string)
      expect([id, operation.state, operation.rejected]).toEqual([id, 'done', 0])
    }
    expect(statuses().slice(0, 3)).toEqual(before)
    expect(
      statuses()
        .slice(3)
        .every((text) => text.endsWith(' 2')),
    ).toBe(true)
  })
})

describe('the operations of a person', () => {
  it('are seen by other sessions of that person, by admin, and by nobody else', async () => {
    const grant = (subject: string) => ({
      scopes: ['operators:write' as const],
      organizations: [24],
      subject,
    })
    const csv = asPage(await openSession(gateway, { ...grant('Ms Petit'), scopes: ['operators:import'] }), {
      'Content-Type': 'text/csv',
    })
    const started = await gateway.ask('POST', '/v1/organizations/24/imports', { ...csv, body: 'name\nAnna' })
    expect([started.status, started.body.subject]).toEqual([202, 'Ms Petit'])
    const path = `/v1/operations/${started.body.id}`
    const seen = async (subject: string, key?: string) =>
      (await gateway.ask('GET', path, asPage(await openSession(gateway, grant(subject), key)))).status
    expect([await seen('Ms Petit'), await seen('Mr Noir')]).toEqual([200, 404])
    expect([(await gateway.ask('GET', path, as('admin'))).status]).toEqual([200])
    for (const client of ['writer', 'elsewhere'])
      expect([client, (await gateway.ask('GET', path, as(client))).status]).toEqual([client, 404])
  })
})
