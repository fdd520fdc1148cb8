import { describe, expect, it } from '@jest/globals'
import type { Fault, Simulator } from '../../../src/apps/simulator/simulator.ts'
import { ask, listOf24, namesIn, toAdd, withSimulator } from './ask.ts'

const list = (url: string) => ask(url, 'GET', listOf24)
const add = (url: string, ...names: string[]) =>
  ask(url, 'POST', '/api/operator/synchronize', toAdd(...names))
const withFault = (fault: Fault, test: (url: string, simulator: Simulator) => Promise<void>) =>
  withSimulator({}, async (simulator, url) => {
    simulator.fault(fault)
    await test(url, simulator)
  })
describe('a fault of the content', () => {
  it('status sets any status, header and body, and applies nothing unless asked', () =>
    withFault(
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

  it('raw sends these bytes with any Content-Type', () =>
    withFault({ mode: 'raw', body: '\ufeff<html>', contentType: 'text/html', status: 502 }, async (url) => {
      const reply = await list(url)
      expect(reply).toMatchObject({
        status: 502,
        body: '\ufeff<html>',
        headers: { 'content-type': 'text/html' },
      })
    }))

  it('headers adds headers to the answer, also the Date', () =>
    withFault({ mode: 'headers', headers: { date: 'Thu, 01 Jan 1970 00:00:00 GMT' } }, async (url) => {
      const reply = await list(url)
      expect(reply.headers.date).toBe('Thu, 01 Jan 1970 00:00:00 GMT')
      expect(JSON.parse(reply.body)).toHaveLength(3)
    }))

  it('rows sends other rows, and shuffle another order', () =>
    withFault({ mode: 'rows', rows: [{ id: '101', status: 7 }], times: 1 }, async (url, simulator) => {
      expect((await list(url)).body).toBe('[{"id":"101","status":7}]')
      simulator.fault({ mode: 'shuffle' })
      const names = JSON.parse((await add(url, 'A', 'B', 'C', 'D')).body).map(
        (row: { name: string }) => row.name,
      )
      expect(names).not.toEqual(['A', 'B', 'C', 'D'])
      expect(names.toSorted()).toEqual(['A', 'B', 'C', 'D'])
    }))

  it('partial adds the first rows only', () =>
    withFault({ mode: 'partial', first: 2 }, async (url, simulator) => {
      expect(JSON.parse((await add(url, 'A', 'B', 'C')).body)).toHaveLength(2)
      expect(namesIn(simulator).slice(3)).toEqual(['A', 'B'])
    }))

  it('rate-limit answers 429 above a number of requests a second', () =>
    withSimulator({ monotonic: () => 0 }, async (simulator, url) => {
      simulator.fault({ mode: 'rate-limit', perSecond: 2, retryAfter: 'junk' })
      const replies = [await list(url), await list(url), await list(url)]
      expect(replies.map((reply) => reply.status)).toEqual([200, 200, 429])
      expect(replies[2]!.headers['retry-after']).toBe('junk')
    }))

  it('redirect sends a Location', () =>
    withFault({ mode: 'redirect', location: 'http://127.0.0.1:1/' }, async (url) => {
      expect(await list(url)).toMatchObject({ status: 302, headers: { location: 'http://127.0.0.1:1/' } })
    }))

  it('gzip compresses the answer, also to a decompression bomb', () =>
    withFault({ mode: 'gzip', bytes: 100_000 }, async (url) => {
      const response = await fetch(`${url}${listOf24}`, {
        headers: { authorization: 'Bearer ct_test-company' },
      })
      expect(response.headers.get('content-encoding')).toBe('gzip')
      expect(Number(response.headers.get('content-length'))).toBeLessThan(1000)
      expect(await response.text()).toHaveLength(100_000)
    }))

  it('broken-2xx and crash-5xx-after-apply apply the call and answer unusably', () =>
    withFault({ mode: 'broken-2xx', times: 1 }, async (url, simulator) => {
      const cut = await add(url, 'A')
      expect(cut.status).toBe(200)
      expect(() => JSON.parse(cut.body)).toThrow()
      simulator.fault({ mode: 'crash-5xx-after-apply' })
      expect((await add(url, 'B')).status).toBe(500)
      expect(namesIn(simulator).slice(3)).toEqual(['A', 'B'])
    }))
})
