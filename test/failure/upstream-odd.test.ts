import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import type { Fault } from '../../src/apps/simulator/simulator.ts'
import { type Faulty, startFaulty } from './faulty-chathub.ts'

// Answers that are unusual and still usable.

let gateway: Faulty
beforeAll(async () => {
  gateway = await startFaulty()
})
afterAll(() => gateway.close())
beforeEach(() => {
  gateway.simulator.clearFaults()
  gateway.simulator.clearArrivals()
  gateway.reports.length = 0
})

const noCache = { headers: { 'Cache-Control': 'no-cache' } }
/** The list as ChatHub gives it while the fault lasts. */
const readWith = (organization: number, fault: Fault) => {
  gateway.simulator.fault({ route: 'list', ...fault })
  return gateway.read(organization, noCache)
}
const john = { id: 101, name: 'John Smith', status: 0, organization: { id: 24, name: 'Customer Support' } }
const sarah = { ...john, id: 102, name: 'Sarah Johnson' }
const rest = [sarah, { ...sarah, id: 103, name: 'Mike Wilson' }]
const drifts = () =>
  gateway.reports.flatMap((report) => (report.name === 'contract-drift' ? [[report.what, report.rows]] : []))

describe('the body of an answer is read as JSON whatever its Content-Type says', () => {
  const body = JSON.stringify([john, ...rest])
  it.each<[string, Fault]>([
    ['text/plain', { mode: 'raw', body, contentType: 'text/plain' }],
    ['no Content-Type', { mode: 'raw', body, contentType: '' }],
    ['text/html', { mode: 'raw', body, contentType: 'text/html' }],
    ['another charset', { mode: 'raw', body, contentType: 'application/json; charset=utf-16' }],
    ['a byte order mark', { mode: 'raw', body: `\ufeff${body}` }],
  ])('%s', async (_name, fault) => {
    const { status, answer } = await readWith(24, fault)
    expect([status, answer.body.items.length]).toEqual([200, 3])
    expect(answer.headers['content-type']).toBe('application/json; charset=utf-8')
  })
})

describe('rows', () => {
  it('that repeat an id are one; the last one counts, and a difference is reported', async () => {
    const same = await readWith(24, { mode: 'rows', rows: [john, john, ...rest] })
    expect(same.answer.body.total).toBe(3)
    expect(drifts()).toEqual([])
    gateway.simulator.clearFaults()
    const differ = await readWith(24, { mode: 'rows', rows: [john, ...rest, { ...john, status: 1 }] })
    expect(
      differ.answer.body.items.map(({ id, status }: { id: number; status: string }) => [id, status]),
    ).toEqual([
      [101, 'inactive'],
      [102, 'active'],
      [103, 'active'],
    ])
    expect(drifts()).toEqual([['duplicate-id', 1]])
  })

  it('that are invalid are left out and reported; an undocumented status is kept', async () => {
    const seen = await readWith(24, {
      mode: 'rows',
      rows: [{ ...john, status: 7 }, ...rest, { ...john, name: null }],
    })
    expect(seen.answer.body.items[0]).toEqual({
      id: 101,
      name: 'John Smith',
      status: 'unknown',
      statusCode: 7,
    })
    expect(seen.answer.body.total).toBe(3)
    expect(drifts()).toEqual([['bad-row', 1]])
  })

  it('of another organization are never served, and are reported', async () => {
    const foreign = { ...john, id: 1, organization: { id: 6, name: 'Sales' } }
    const seen = await readWith(24, { mode: 'rows', rows: [john, ...rest, foreign] })
    expect(seen.answer.body.items.map(({ id }: { id: number }) => id)).toEqual([101, 102, 103])
    expect(drifts()).toEqual([['foreign-row', 1]])
  })
})

describe('a list that becomes empty, or loses more than half of its operators at once', () => {
  const shrinks = () => gateway.reports.filter(({ name }) => name === 'list-shrank')
  const whole = async () => {
    gateway.simulator.clearFaults()
    await gateway.read(24, noCache)
    gateway.simulator.clearArrivals()
    gateway.reports.length = 0
  }

  /** Reads the list while nobody else loads it: one that shrank is soon loaded again in the background. */
  const readAlone = async (fault: Fault, asked: number): ReturnType<typeof readWith> => {
    for (let tries = 1; ; tries++) {
      await whole()
      const seen = await readWith(24, fault)
      if (gateway.listed(24) === asked || tries === 5) return seen
    }
  }

  it.each<[string, unknown[]]>([
    ['zero', []],
    ['one of three', [john]],
  ])('is asked for again, and a single such answer is not accepted: %s', async (_name, rows) => {
    const seen = await readAlone({ mode: 'rows', rows, times: 1 }, 2)
    expect([seen.status, seen.answer.body.total, gateway.listed(24)]).toEqual([200, 3, 2])
    expect(shrinks()).toEqual([
      { name: 'list-shrank', organization: 24, before: 3, after: 3, confirmed: false },
    ])
  })

  it.each<[string, unknown[]]>([
    ['zero', []],
    ['one of three', [john]],
  ])('is accepted when the second answer agrees, and reported: %s', async (_name, rows) => {
    const seen = await readAlone({ mode: 'rows', rows }, 2)
    expect([seen.status, seen.answer.body.total, gateway.listed(24)]).toEqual([200, rows.length, 2])
    expect(shrinks()).toEqual([
      { name: 'list-shrank', organization: 24, before: 3, after: rows.length, confirmed: true },
    ])
  })

  it('is not replaced when the second answer is a failure', async () => {
    await whole()
    gateway.simulator.fault({ route: 'list', mode: 'rows', rows: [], times: 1 })
    // The first answer is already chosen, so the fault concerns the second one.
    const hold = gateway.simulator.hold('list', 24)
    const reading = gateway.read(24, noCache)
    await hold.arrived
    gateway.simulator.fault({ route: 'list', mode: 'status', status: 500 })
    hold.release()
    const seen = await reading
    expect([seen.status, seen.code, shrinks()]).toEqual([503, 'chathub.unavailable', []])
    expect((await gateway.read(24)).answer.body.total).toBe(3)
  })

  it('is accepted at once when it loses half or less', async () => {
    const seen = await readAlone({ mode: 'rows', rows: [john, sarah] }, 1)
    expect([seen.answer.body.total, gateway.listed(24)]).toEqual([2, 1])
    gateway.simulator.clearFaults()
    const one = await readWith(24, { mode: 'rows', rows: [john] })
    expect([one.answer.body.total, gateway.listed(24), shrinks()]).toEqual([1, 2, []])
  })
})

describe('the gateway', () => {
  it('never takes bytes after an answer for the next answer', async () => {
    await gateway.read(42)
    const poison = JSON.stringify([{ id: 666, name: 'Mallory', status: 0 }])
    const response = (body: string) => `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`
    gateway.simulator.fault({
      route: 'list',
      organization: 6,
      mode: 'raw-socket',
      bytes: response('[{"id":1,"name":"A","status":0}]') + response(poison),
      times: 1,
    })
    const first = await gateway.read(6, noCache)
    const after = [
      await gateway.read(42, noCache),
      await gateway.read(24, noCache),
      await gateway.read(6, noCache),
    ]
    for (const seen of [first, ...after]) expect(seen.answer.text).not.toContain('Mallory')
    expect(after.map(({ status }) => status)).toEqual([200, 200, 200])
    expect(after[0]?.answer.body.total).toBe(5)
  })

  it('does not decode content codings that it did not ask for', async () => {
    const bomb = gzipSync(Buffer.alloc(1024 * 1024, ' '))
    for (const coding of ['gzip', 'br', 'gzip, '.repeat(100).slice(0, -2), 'x-unknown']) {
      gateway.simulator.clearFaults()
      const seen = await readWith(24, { mode: 'raw', body: bomb, headers: { 'content-encoding': coding } })
      expect([seen.status, seen.code]).toEqual([502, 'chathub.invalid-response'])
    }
  })

  it('ignores the Date and caching headers of ChatHub', async () => {
    const headers = { date: 'Mon, 01 Jan 2035 00:00:00 GMT', age: '99999', 'cache-control': 'max-age=99999' }
    const seen = await readWith(24, { mode: 'headers', headers })
    expect([seen.status, seen.age, seen.answer.headers['cache-control']]).toEqual([
      200,
      0,
      'private, max-age=0, must-revalidate',
    ])
    gateway.clock.jump(30_000)
    const later = await gateway.read(24)
    expect(later.age).toBeGreaterThanOrEqual(30)
    expect(later.how).toMatch(/^chathub-gateway; hit; ttl=2\d$/)
    gateway.clock.jump(40_000)
    expect((await gateway.read(24)).how).toMatch(/^chathub-gateway; hit; ttl=-1\d$/)
  })
})
