import { describe, expect, it } from '@jest/globals'
import type { Fault, Simulator } from '../../../src/apps/simulator/simulator.ts'
import { until } from '../../support/until.ts'
import { ask, listOf24, namesIn, toAdd, withSimulator } from './ask.ts'

const list = (url: string) => ask(url, 'GET', listOf24)
const add = (url: string, ...names: string[]) =>
  ask(url, 'POST', '/api/operator/synchronize', toAdd(...names))
const withFault = (fault: Fault, test: (url: string, simulator: Simulator) => Promise<void>) =>
  withSimulator({}, async (simulator, url) => {
    simulator.fault(fault)
    await test(url, simulator)
  })
describe('a fault of time', () => {
  it.each(['delay', 'delay-answer'] as const)('%s lets the call take effect and answers it', (mode) =>
    withFault({ mode, ms: 1 }, async (url, simulator) => {
      expect((await add(url, 'A')).status).toBe(200)
      expect(namesIn(simulator)).toContain('A')
    }),
  )

  it.each([
    ['delay', false],
    ['delay-answer', true],
  ] as const)('%s waits when the call has taken effect: %s', (mode, applied) =>
    withFault({ mode, ms: 600_000 }, async (url, simulator) => {
      const outcome = add(url, 'A').then(
        () => 'answered',
        () => 'cut',
      )
      const isApplied = () => namesIn(simulator).includes('A')
      await until(() => simulator.arrivals().length === 1 && isApplied() === applied)
      await simulator.close()
      expect([await outcome, isApplied()]).toEqual(['cut', applied])
    }),
  )

  it('hang gives no answer until the client leaves', () =>
    withFault({ mode: 'hang' }, async (url, simulator) => {
      const leaving = new AbortController()
      const hanging = ask(url, 'GET', listOf24, { signal: leaving.signal })
      await until(() => simulator.arrivals().length === 1)
      leaving.abort()
      await expect(hanging).rejects.toThrow()
      expect(simulator.arrivals()[0]!.status).toBe(0)
    }))

  it('stall-after sends some bytes and then nothing; drip sends one at a time', () =>
    withFault({ mode: 'stall-after', bytes: 5, times: 1 }, async (url, simulator) => {
      const stalled = await ask(url, 'GET', listOf24, { leaveAfter: 5 })
      expect(stalled).toMatchObject({ status: 200, body: '[{"id', broken: true })
      simulator.fault({ mode: 'drip', ms: 1 })
      expect(await ask(url, 'GET', '/api/operator?organizationId=999')).toMatchObject({ body: '[]' })
    }))

  it('endless sends a body until the client leaves', () =>
    withFault({ mode: 'endless' }, async (url) => {
      const { body } = await ask(url, 'GET', listOf24, { leaveAfter: 1_000_000 })
      expect(body.length).toBeGreaterThanOrEqual(1_000_000)
    }))
})

describe('a fault of the connection', () => {
  it('reset applies nothing', () =>
    withFault({ mode: 'reset' }, async (url, simulator) => {
      await expect(add(url, 'A')).rejects.toMatchObject({ code: 'ECONNRESET' })
      expect(namesIn(simulator)).toHaveLength(3)
    }))

  it('drop-response applies the call and loses the answer', () =>
    withFault({ mode: 'drop-response' }, async (url, simulator) => {
      await expect(add(url, 'A')).rejects.toThrow()
      expect(namesIn(simulator)).toContain('A')
      expect(simulator.arrivals()[0]!.status).toBe(0)
    }))

  it('late-apply loses the answer and applies the call later', () =>
    withFault({ mode: 'late-apply', ms: 600_000, times: 1 }, async (url, simulator) => {
      await expect(add(url, 'A')).rejects.toThrow()
      expect(namesIn(simulator)).toHaveLength(3)
      simulator.fault({ mode: 'late-apply', ms: 1 })
      await expect(add(url, 'B')).rejects.toThrow()
      await until(() => namesIn(simulator).includes('B'))
      expect(namesIn(simulator)).not.toContain('A')
    }))

  it('late-apply with a status answers so at once', () =>
    withFault(
      { mode: 'late-apply', ms: 1, status: 500, body: '<html>', times: 1 },
      async (url, simulator) => {
        expect(await add(url, 'A')).toMatchObject({ status: 500, body: '<html>' })
        await until(() => namesIn(simulator).includes('A'))
      },
    ))

  it.each([true, false])('truncate sends fewer bytes than announced (chunked: %s)', (chunked) =>
    withFault({ mode: 'truncate', bytes: 7, chunked }, async (url) => {
      const reply = await list(url)
      expect(reply).toMatchObject({ status: 200, body: '[{"id":', broken: true })
      expect(reply.headers['transfer-encoding']).toBe(chunked ? 'chunked' : undefined)
    }),
  )

  it('raw-socket sends any bytes instead of HTTP', () =>
    withFault(
      { mode: 'raw-socket', bytes: 'SSH-2.0-test\r\n', close: true, times: 1 },
      async (url, simulator) => {
        await expect(list(url)).rejects.toMatchObject({ code: 'HPE_INVALID_CONSTANT' })
        const bytes = { base64: btoa('HTTP/1.1 204 No Content\r\n\r\n') }
        simulator.fault({ mode: 'raw-socket', bytes })
        expect((await list(url)).status).toBe(204)
      },
    ))
})
