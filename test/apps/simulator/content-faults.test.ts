import { describe, expect, it } from '@jest/globals'
import type { Fault, Simulator } from '../../../src/apps/simulator/simulator.ts'
import { ask, listOf24, namesIn, toAdd, withSimulator } from './ask.ts'

const list = (url: string) => ask(url, 'GET', listOf24)
const add = (url: string, ...names: string[]) =>
  ask(url, 'POST', '/api/operator/synchronize', toAdd(...names))
const struck = (fault: Fault, test: (url: string, simulator: Simulator) => Promise<void>) =>
  withSimulator({}, async (simulator, url) => {
    simulator.fault(fault)
    await test(url, simulator)
  })
describe('what is answered', () => {
  it('status: any status, header and body; nothing applied unless asked', () =>
    struck(
      { mode: 'status', status: 503, headers: { 'retry-after': '7' }, times: 1 },
      async (url, simulator) => {
        expect(await add(url, 'A')).toMatchObject({ status: 503, headers: { 'retry-after': '7' } })
        expect(namesIn(simulator)).toHaveLength(3)
        simulator.fault({ mode: 'status', status: 502, body: { message: 'no' }, apply: true, times: 1 })
        expect(await add(url, 'A')).toMatchObject({ status: 502, body: '{"message":"no"}' })
        expect(namesIn(simulator)).toContain('A')
        expect((await list(url)).status).toBe(200)
      },
    ))

  it('raw: these bytes, whatever the label', () =>
    struck({ mode: 'raw', body: '\ufeff<html>', contentType: 'text/html', status: 502 }, async (url) => {
      const reply = await list(url)
      expect(reply).toMatchObject({
        status: 502,
        body: '\ufeff<html>',
        headers: { 'content-type': 'text/html' },
      })
    }))

  it('headers: added to the true answer, the Date too', () =>
    struck({ mode: 'headers', headers: { date: 'Thu, 01 Jan 1970 00:00:00 GMT' } }, async (url) => {
      const reply = await list(url)
      expect(reply.headers.date).toBe('Thu, 01 Jan 1970 00:00:00 GMT')
      expect(JSON.parse(reply.body)).toHaveLength(3)
    }))

  it('rows and shuffle: other rows, another order', () =>
    struck({ mode: 'rows', rows: [{ id: '101', status: 7 }], times: 1 }, async (url, simulator) => {
      expect((await list(url)).body).toBe('[{"id":"101","status":7}]')
      simulator.fault({ mode: 'shuffle' })
      const names = JSON.parse((await add(url, 'A', 'B', 'C', 'D')).body).map(
        (row: { name: string }) => row.name,
      )
      expect(names).not.toEqual(['A', 'B', 'C', 'D'])
      expect(names.toSorted()).toEqual(['A', 'B', 'C', 'D'])
    }))

  it('partial: the first rows only', () =>
    struck({ mode: 'partial', first: 2 }, async (url, simulator) => {
      expect(JSON.parse((await add(url, 'A', 'B', 'C')).body)).toHaveLength(2)
      expect(namesIn(simulator).slice(3)).toEqual(['A', 'B'])
    }))

  it('rate-limit: 429 above so many a second', () =>
    struck({ mode: 'rate-limit', perSecond: 2, retryAfter: 'junk' }, async (url) => {
      const replies = [await list(url), await list(url), await list(url)]
      expect(replies.map((reply) => reply.status)).toEqual([200, 200, 429])
      expect(replies[2]!.headers['retry-after']).toBe('junk')
    }))

  it('redirect', () =>
    struck({ mode: 'redirect', location: 'http://127.0.0.1:1/' }, async (url) => {
      expect(await list(url)).toMatchObject({ status: 302, headers: { location: 'http://127.0.0.1:1/' } })
    }))

  it('gzip, also as a bomb', () =>
    struck({ mode: 'gzip', bytes: 100_000 }, async (url) => {
      const response = await fetch(`${url}${listOf24}`, {
        headers: { authorization: 'Bearer ct_test-company' },
      })
      expect(response.headers.get('content-encoding')).toBe('gzip')
      expect(Number(response.headers.get('content-length'))).toBeLessThan(1000)
      expect(await response.text()).toHaveLength(100_000)
    }))

  it('broken-2xx and crash-5xx-after-apply: applied, and no use to the caller', () =>
    struck({ mode: 'broken-2xx', times: 1 }, async (url, simulator) => {
      const cut = await add(url, 'A')
      expect(cut.status).toBe(200)
      expect(() => JSON.parse(cut.body)).toThrow()
      simulator.fault({ mode: 'crash-5xx-after-apply' })
      expect((await add(url, 'B')).status).toBe(500)
      expect(namesIn(simulator).slice(3)).toEqual(['A', 'B'])
    }))
})
