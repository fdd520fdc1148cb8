import { describe, expect, it } from '@jest/globals'
import type { Fault, Simulator } from '../../../src/apps/simulator/simulator.ts'
import { until } from '../../support/until.ts'
import { ask, listOf24, namesIn, toAdd, withSimulator } from './ask.ts'

const list = (url: string) => ask(url, 'GET', listOf24)
const add = (url: string, ...names: string[]) =>
  ask(url, 'POST', '/api/operator/synchronize', toAdd(...names))
const struck = (fault: Fault, test: (url: string, simulator: Simulator) => Promise<void>) =>
  withSimulator({}, async (simulator, url) => {
    simulator.fault(fault)
    await test(url, simulator)
  })
describe('when it comes', () => {
  it('delay: nothing happens before; delay-answer: all has happened', () =>
    withSimulator({}, async (simulator, url) => {
      simulator.fault({ mode: 'delay', ms: 30, times: 1 })
      const late = add(url, 'A')
      await until(() => simulator.arrivals().length === 1)
      expect(namesIn(simulator)).toHaveLength(3)
      expect((await late).status).toBe(200)

      simulator.fault({ mode: 'delay-answer', ms: 30, times: 1 })
      let answered = false
      const slow = add(url, 'B').then(() => {
        answered = true
      })
      await until(() => namesIn(simulator).includes('B'))
      expect(answered).toBe(false)
      await slow
    }))

  it('hang: no answer until the client gives up', () =>
    struck({ mode: 'hang' }, async (url, simulator) => {
      const leaving = new AbortController()
      const hanging = ask(url, 'GET', listOf24, { signal: leaving.signal })
      await until(() => simulator.arrivals().length === 1)
      leaving.abort()
      await expect(hanging).rejects.toThrow()
      expect(simulator.arrivals()[0]!.status).toBe(0)
    }))

  it('stall-after and drip: some bytes, then silence or one at a time', () =>
    struck({ mode: 'stall-after', bytes: 5, times: 1 }, async (url, simulator) => {
      const stalled = await ask(url, 'GET', listOf24, { leaveAfter: 5 })
      expect(stalled).toMatchObject({ status: 200, body: '[{"id', broken: true })
      simulator.fault({ mode: 'drip', ms: 1 })
      expect(await ask(url, 'GET', '/api/operator?organizationId=999')).toMatchObject({ body: '[]' })
    }))

  it('endless: more than anybody wants, until the client leaves', () =>
    struck({ mode: 'endless' }, async (url) => {
      const { body } = await ask(url, 'GET', listOf24, { leaveAfter: 1_000_000 })
      expect(body.length).toBeGreaterThanOrEqual(1_000_000)
    }))
})

describe('how the connection ends', () => {
  it('reset: nothing applied', () =>
    struck({ mode: 'reset' }, async (url, simulator) => {
      await expect(add(url, 'A')).rejects.toMatchObject({ code: 'ECONNRESET' })
      expect(namesIn(simulator)).toHaveLength(3)
    }))

  it('drop-response: applied, the answer lost', () =>
    struck({ mode: 'drop-response' }, async (url, simulator) => {
      await expect(add(url, 'A')).rejects.toThrow()
      expect(namesIn(simulator)).toContain('A')
      expect(simulator.arrivals()[0]!.status).toBe(0)
    }))

  it('late-apply: the answer lost, the effect later', () =>
    struck({ mode: 'late-apply', ms: 30 }, async (url, simulator) => {
      await expect(add(url, 'A')).rejects.toThrow()
      expect(namesIn(simulator)).toHaveLength(3)
      await until(() => namesIn(simulator).includes('A'))
    }))

  it.each([true, false])('truncate: fewer bytes than announced (chunked: %s)', (chunked) =>
    struck({ mode: 'truncate', bytes: 7, chunked }, async (url) => {
      const reply = await list(url)
      expect(reply).toMatchObject({ status: 200, body: '[{"id":', broken: true })
      expect(reply.headers['transfer-encoding']).toBe(chunked ? 'chunked' : undefined)
    }),
  )

  it('raw-socket: any bytes instead of HTTP', () =>
    struck(
      { mode: 'raw-socket', bytes: 'SSH-2.0-nonsense\r\n', close: true, times: 1 },
      async (url, simulator) => {
        await expect(list(url)).rejects.toMatchObject({ code: 'HPE_INVALID_CONSTANT' })
        const bytes = { base64: btoa('HTTP/1.1 204 No Content\r\n\r\n') }
        simulator.fault({ mode: 'raw-socket', bytes })
        expect((await list(url)).status).toBe(204)
      },
    ))
})
