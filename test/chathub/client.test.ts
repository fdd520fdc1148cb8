import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { type ChatHub, createChatHub } from '../../src/chathub/client.ts'
import type { CallContext } from '../../src/chathub/exchange.ts'
import type { Report } from '../../src/report.ts'
import { createClock, type HandClock } from '../support/clock.ts'
import { type AtSimulator, atSimulator, companyToken, failureOf } from './at-simulator.ts'

let at: AtSimulator
let clock: HandClock
let chathub: ChatHub
let reports: Report[]
let context: CallContext
beforeEach(async () => {
  clock = createClock()
  await clock.advance(500)
  at = await atSimulator({ clock })
  reports = []
  context = at.read().context
  const { exchange } = at
  chathub = createChatHub(
    (call) => exchange({ ...call, token: companyToken }),
    (told) => reports.push(told),
  )
})
afterEach(() => at.close())

describe('the client of ChatHub', () => {
  it('lists organizations', async () => {
    const { rows, askedAt } = await chathub.organizations(context)
    expect(rows).toEqual(at.simulator.organizations().map(({ id, name }) => ({ id, name })))
    expect(askedAt).toBe(500)
  })

  it('lists operators in the words of the contract, with the name of their organization', async () => {
    expect(await chathub.operators(24, context)).toMatchObject({
      organizationName: 'Customer Support',
      rows: [
        { id: 101, name: 'John Smith', status: 'active' },
        { id: 102, name: 'Sarah Johnson', status: 'active' },
        { id: 103, name: 'Mike Wilson', status: 'inactive' },
      ],
    })
  })

  it('gives the same array of rows for the same bytes, with the time of the new request', async () => {
    const before = await chathub.operators(24, context)
    await clock.advance(100)
    const same = await chathub.operators(24, context, before)
    expect(same.rows).toBe(before.rows)
    expect(same.askedAt).toBe(600)
    await chathub.setStatus(103, 2, context)
    const changed = await chathub.operators(24, context, same)
    expect(changed.rows).toEqual([...before.rows.slice(0, 2), { ...before.rows[2], status: 'deleted' }])
    expect(await chathub.operators(6, context, changed)).toMatchObject({ organizationName: 'Sales' })
  })

  it('adds rows and returns the operators that ChatHub created', async () => {
    const rows = [
      { organizationId: 24, name: 'Олена' },
      { organizationId: 6, name: 'Тарас' },
    ]
    const added = await chathub.synchronize(rows, context)
    expect(added.map(({ name, status }) => [name, status])).toEqual([
      ['Олена', 'active'],
      ['Тарас', 'active'],
    ])
    expect(at.simulator.operators(6).at(-1)).toMatchObject({ id: added[1]?.id, name: 'Тарас' })
  })

  it('changes a status, although the answer is empty', async () => {
    await chathub.setStatus(101, 2, context)
    expect(at.simulator.operators(24)[0]?.status).toBe(2)
  })

  it('issues and validates operator tokens', async () => {
    const until = new Date(Math.ceil(Date.now() / 1000) * 1000 + 3_600_000)
    const token = await chathub.operatorToken(101, until, context)
    expect(at.simulator.issuedTokens()).toEqual([token])
    const verdict = { isValid: true, operatorId: 101, clientId: 1, expiresAt: until.toISOString() }
    expect(await chathub.validate(token, context)).toEqual(verdict)
    expect(await chathub.validate('op_other-token', context)).toMatchObject({ isValid: false })
  })

  it('makes a read that ChatHub rejects an invalid response, since the caller made no mistake', async () => {
    at.simulator.fault({ mode: 'status', status: 400 })
    expect(await failureOf(chathub.operators(24, context))).toMatchObject({
      code: 'chathub.invalid-response',
    })
    expect(await failureOf(chathub.organizations(context))).toMatchObject({
      code: 'chathub.invalid-response',
    })
    expect(await failureOf(chathub.setStatus(101, 1, context))).toMatchObject({ code: 'chathub.rejected' })
  })

  it('leaves a write in doubt when its answer is invalid, but not a read', async () => {
    at.simulator.fault({ mode: 'broken-2xx' })
    const rows = [{ organizationId: 24, name: 'Олена' }]
    expect(await failureOf(chathub.synchronize(rows, context))).toMatchObject({
      code: 'chathub.invalid-response',
      inDoubt: true,
    })
    expect(at.simulator.operators(24).at(-1)?.name).toBe('Олена')
    expect(await failureOf(chathub.operators(24, context))).toMatchObject({
      code: 'chathub.invalid-response',
      inDoubt: false,
    })
  })

  it('reports each difference from the contract, without the name of a person', async () => {
    const good = Array.from({ length: 20 }, (_, i) => ({ id: i + 1, name: `Olena ${i}`, status: 0 }))
    const foreign = { id: 99, name: 'Olena', status: 0, organization: { id: 7, name: 'X' } }
    at.simulator.fault({ mode: 'rows', rows: [...good, { name: 'Olena' }, foreign], times: 2 })
    const first = await chathub.operators(24, context)
    expect(first.rows).toHaveLength(20)
    const drifted = reports.splice(0)
    await chathub.operators(24, context, first)
    expect(reports).toEqual(drifted)
    at.simulator.fault({ mode: 'raw', body: '{"name":"Olena"', times: 1 })
    await failureOf(chathub.operators(24, context))
    expect(reports).toEqual([
      { name: 'contract-drift', operation: 'operators', organization: 24, what: 'bad-row', rows: 1 },
      { name: 'contract-drift', operation: 'operators', organization: 24, what: 'foreign-row', rows: 1 },
      { name: 'contract-drift', operation: 'operators', what: expect.stringMatching(/^not JSON/), rows: 0 },
    ])
    expect(JSON.stringify(reports)).not.toContain('Olena')
  })

  it('tells a field that is not documented once, and remembers twenty', async () => {
    const rows = [{ id: 1, name: 'Olena', status: 0, lastSeen: 'Olena' }]
    at.simulator.fault({ mode: 'rows', rows, times: 2 })
    await chathub.operators(24, context)
    await chathub.operators(6, context)
    expect(reports).toEqual([
      {
        name: 'contract-drift',
        operation: 'operators',
        what: 'unknown-field',
        rows: 1,
        field: 'lastSeen',
        type: 'string',
      },
    ])
    for (const start of [0, 10, 20]) {
      const many = Object.fromEntries(Array.from({ length: 10 }, (_, index) => [`field${start + index}`, 1]))
      at.simulator.fault({ mode: 'rows', rows: [{ ...rows[0], ...many }], times: 1 })
      await chathub.operators(24, context)
    }
    expect(chathub.unknownFields()).toHaveLength(20)
    expect(chathub.unknownFields()[0]).toEqual({ operation: 'operators', field: 'lastSeen', type: 'string' })
  })
})
