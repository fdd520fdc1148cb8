import { describe, expect, it } from '@jest/globals'
import { ask, listOf24, namesIn, toAdd, withSimulator } from './ask.ts'

const list = (url: string) => ask(url, 'GET', listOf24)
const add = (url: string, ...names: string[]) =>
  ask(url, 'POST', '/api/operator/synchronize', toAdd(...names))

describe('a fault affects', () => {
  it('a route, an organization, and a number of requests', () =>
    withSimulator({}, async (simulator, url) => {
      simulator.fault({ mode: 'status', status: 403, route: 'list', organization: 6 })
      simulator.fault({ mode: 'status', status: 500, route: 'status', organization: 24, times: 1 })
      const change = async () =>
        (await ask(url, 'POST', '/api/operator/status', { json: { id: 101, status: 1 } })).status
      expect((await list(url)).status).toBe(200)
      expect((await ask(url, 'GET', '/api/operator?organizationId=6')).status).toBe(403)
      expect([await change(), await change()]).toEqual([500, 200])
      simulator.clearFaults()
      expect((await ask(url, 'GET', '/api/operator?organizationId=6')).status).toBe(200)
    }))

  it('one request once for each kind', () =>
    withSimulator({}, async (simulator, url) => {
      simulator.fault({ mode: 'status', status: 500, times: 1 })
      simulator.fault({ mode: 'status', status: 502, times: 1 })
      expect([(await list(url)).status, (await list(url)).status]).toEqual([500, 502])
      simulator.fault({ mode: 'partial', first: 1 })
      simulator.fault({ mode: 'drop-response' })
      await expect(add(url, 'A', 'B')).rejects.toThrow()
      expect(namesIn(simulator).slice(3)).toEqual(['A'])
    }))

  it('requests at random, the same ones for the same seed', async () => {
    const story = async (seed: number) => {
      const statuses: number[] = []
      await withSimulator({ seed }, async (simulator, url) => {
        simulator.fault({ mode: 'status', status: 500, probability: 0.5 })
        for (let request = 0; request < 12; request++) statuses.push((await list(url)).status)
      })
      return statuses
    }
    const first = await story(42)
    expect(new Set(first)).toEqual(new Set([200, 500]))
    expect(await story(42)).toEqual(first)
  })
})
