import { describe, expect, it } from '@jest/globals'
import { readCommandLine } from '../../../src/apps/simulator/command-line.ts'
import { createSimulator, type Operator } from '../../../src/apps/simulator/simulator.ts'
import { until } from '../../support/until.ts'
import { ask, listOf24, namesIn, toAdd, withSimulator } from './ask.ts'

const list = (url: string) => ask(url, 'GET', listOf24)

describe('the log of arrivals', () => {
  it('has the time, request, organization and status of each', () =>
    withSimulator({}, async (simulator, url) => {
      await list(url)
      await ask(url, 'POST', '/api/operator/status', { json: { id: 1, status: 1 } })
      await ask(url, 'GET', '/nowhere?token=secret', { token: 'ct_wrong' })
      const [first, second, third] = simulator.arrivals()
      expect(first).toEqual({
        at: expect.any(Number),
        method: 'GET',
        path: '/api/operator',
        route: 'list',
        organization: 24,
        status: 200,
        loopLagMs: expect.any(Number),
      })
      expect(second).toMatchObject({ route: 'status', organization: 6, status: 200 })
      expect(third).toMatchObject({ route: 'other', path: '/nowhere', status: 404 })
      expect(second!.at).toBeGreaterThan(first!.at)
      simulator.clearArrivals()
      expect(simulator.arrivals()).toEqual([])
    }))

  it('gives the busiest second, also of one route', () =>
    withSimulator({ monotonic: () => 0 }, async (simulator, url) => {
      await Promise.all([list(url), list(url), ask(url, 'GET', '/api/company/organization')])
      expect(simulator.busiestSecond({ maxLagMs: 10_000 })).toEqual({ count: 3, kept: 3, discarded: 0 })
      expect(simulator.busiestSecond({ maxLagMs: 10_000, route: 'list' }).count).toBe(2)
    }))

  it('discards a second in which the simulator was blocked', () =>
    withSimulator({}, async (simulator, url) => {
      await list(url)
      const stallEnd = performance.now() + 60
      while (performance.now() < stallEnd);
      await list(url)
      // The second window may begin later than the stall, if this machine is slow.
      const { count, kept, discarded } = simulator.busiestSecond()
      expect(discarded).toBeGreaterThanOrEqual(1)
      expect(kept + discarded).toBe(2)
      expect(count).toBe(kept)
    }))
})

describe('a hold', () => {
  it('stops a read when its answer is decided', () =>
    withSimulator({}, async (simulator, url) => {
      const hold = simulator.hold('list', 24)
      const reading = list(url)
      await hold.arrived
      simulator.addOperator(24, 'Too Late')
      expect((await list(url)).body).toContain('Too Late')
      hold.release()
      expect((await reading).body).not.toContain('Too Late')
    }))

  it('stops a write before it is applied, or after', () =>
    withSimulator({}, async (simulator, url) => {
      const add = (name: string) => ask(url, 'POST', '/api/operator/synchronize', toAdd(name))
      const before = simulator.hold('synchronize')
      const first = add('A')
      await before.arrived
      expect(namesIn(simulator)).not.toContain('A')
      before.release()
      await first
      expect(namesIn(simulator)).toContain('A')

      const after = simulator.hold('any', 24, { after: 'apply' })
      const second = add('B')
      await after.arrived
      expect(namesIn(simulator)).toContain('B')
      after.release()
      expect((await second).status).toBe(200)
    }))
})

describe('the dashboard', () => {
  it('changes people and organizations at once', () =>
    withSimulator(
      { organizations: [{ id: 1, name: 'One', operators: [{ name: 'Ann' }] }] },
      async (simulator) => {
        expect(simulator.operators(1)).toEqual([{ id: 1, name: 'Ann', status: 0, organizationId: 1 }])
        simulator.addOrganization(2, 'Two')
        expect(simulator.addOperator(2, 'Bob', 1)).toEqual({
          id: 2,
          name: 'Bob',
          status: 1,
          organizationId: 2,
        })
        expect(simulator.changeOperator(2, { name: 'Rob' })).toBe(true)
        simulator.setOperators(1, [{ id: 9, name: 'Cy' }, { name: 'Di' }])
        expect(simulator.operators().map(({ id, name }) => `${id} ${name}`)).toEqual([
          '9 Cy',
          '10 Di',
          '2 Rob',
        ])
        simulator.removeOrganization(2)
        expect(simulator.organizations()).toEqual([{ id: 1, name: 'One' }])
        expect(() => simulator.addOperator(2, 'Nobody')).toThrow('No organization 2')
      },
    ))
})

describe('the control plane', () => {
  it('controls everything without a token and is not counted', () =>
    withSimulator({}, async (simulator, url) => {
      const sim = async (method: string, path: string, json?: unknown) => {
        const reply = await ask(url, method, `/__sim/${path}`, { token: '', ...(json ? { json } : {}) })
        return reply.body === '' ? reply.status : JSON.parse(reply.body)
      }
      expect(await sim('POST', 'faults', [{ mode: 'status', status: 500 }])).toBe(204)
      expect((await list(url)).status).toBe(500)
      expect(await sim('DELETE', 'faults')).toBe(204)
      expect(await sim('POST', 'faults', { mode: 'other' })).toEqual({ error: 'Unknown mode other' })
      expect(await sim('POST', 'faults', { mode: 'hang', route: 'x' })).toEqual({ error: 'Unknown route x' })

      expect(await sim('GET', 'arrivals')).toMatchObject([{ route: 'list', status: 500 }])
      expect(await sim('GET', 'busiest-second')).toEqual({
        count: expect.any(Number),
        kept: expect.any(Number),
        discarded: expect.any(Number),
      })
      expect(await sim('DELETE', 'arrivals')).toBe(204)
      expect(simulator.arrivals()).toEqual([])

      expect(await sim('PUT', 'operators/24', [{ id: 7, name: 'Eve' }])).toBe(204)
      const rows = (await sim('GET', 'operators?organizationId=24')) as Operator[]
      expect(rows).toEqual([{ id: 7, name: 'Eve', status: 0, organizationId: 24 }])
      expect(await sim('PUT', 'operators/999', [{ name: 'Eve' }])).toEqual({ error: 'No organization 999' })

      expect(await sim('GET', 'tokens')).toEqual([])
      expect(await sim('POST', 'revoke', {})).toBe(204)
      expect((await list(url)).status).toBe(401)
      expect(await sim('GET', 'nothing')).toEqual({ error: 'No command GET /__sim/nothing' })
    }))
})

describe('the process', () => {
  it('reads the command line and the environment', () => {
    const args = '--port 4010 --seed 42 --operators 500 --organizations 20 --latency 80 --token-shape object'
    const env = { CHATHUB_LOGIN: 'l', CHATHUB_PASSWORD: 'p', CHATHUB_COMPANY_TOKEN: 't' }
    const options = readCommandLine(args.split(' '), env)
    expect(options).toMatchObject({ port: 4010, seed: 42, latencyMs: 80, tokenShape: 'object' })
    expect(options).toMatchObject({ login: 'l', password: 'p', companyToken: 't' })
    if (options === 'help') throw new Error('no help was asked for')
    expect(options.organizations).toHaveLength(20)
    expect(options.organizations!.flatMap((one) => one.operators)).toHaveLength(500)
    expect(readCommandLine(args.split(' '), env)).toEqual(options)
    expect(readCommandLine(['--help'], {})).toBe('help')
    expect(() => readCommandLine(['--port', 'x'], {})).toThrow('--port must be a whole number')
    expect(() => readCommandLine(['--token-shape', 'x'], {})).toThrow('--token-shape')
  })

  it('closes while requests are held, hanging or delayed', async () => {
    const simulator = await createSimulator({ latencyMs: 60_000, companyToken: 'ct_test-company' })
    const waiting = list(simulator.url)
    const refused = expect(waiting).rejects.toThrow()
    await until(() => simulator.arrivals().length === 1)
    await simulator.close()
    await simulator.close()
    await refused
  })
})
