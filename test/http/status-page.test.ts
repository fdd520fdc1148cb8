import { readFileSync } from 'node:fs'
import { afterEach, describe, expect, it } from '@jest/globals'
import request from 'supertest'
import { examples } from '../../src/contract/examples.ts'
import type { Switches } from '../../src/contract/switches.ts'
import type { Upstream } from '../../src/contract/system.ts'
import { type StatusInput, statusParts } from '../../src/http/pages/status-parts.ts'
import { startGateway, type TestGateway } from '../support/gateway.ts'

const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')
const off = { on: false, since: null, by: null, reason: null }
const calm: StatusInput = {
  upstream: examples['Upstream'] as Upstream,
  switches: { ...(examples['Switches'] as Switches), readOnly: off },
  belowFloor: [],
}
type Change = { upstream?: object; switches?: object; belowFloor?: number[] }
const partsOf = ({ upstream, switches, belowFloor = [] }: Change) =>
  statusParts({
    upstream: { ...calm.upstream, ...upstream },
    switches: { ...calm.switches, ...switches },
    belowFloor,
  })

describe('the parts of the status page', () => {
  const since = '2026-11-29T08:00:00.000Z'
  it('are well while nothing is wrong', () => {
    expect(partsOf({}).filter(({ level }) => level !== 'ok')).toEqual([])
  })

  it('tell since when the circuit breaker is open, and no time of one that is closed', () => {
    const sinceOf = (state: string) =>
      partsOf({ upstream: { breaker: { state, since } } }).find(({ name }) => name === 'Circuit breaker')
        ?.since
    expect([sinceOf('closed'), sinceOf('open'), sinceOf('half-open')]).toEqual([null, since, since])
  })

  it.each<[string, Change, string, string]>([
    [
      'ChatHub down',
      { upstream: { chathub: { state: 'unavailable', since, checkedAt: since } } },
      'ChatHub',
      'fault',
    ],
    [
      'the token refused',
      {
        upstream: {
          token: {
            state: 'refused',
            source: 'login',
            ageSeconds: null,
            detail: 'ChatHub refuses it; next try in 4 s',
          },
        },
      },
      'Company token',
      'fault',
    ],
    ['an open breaker', { upstream: { breaker: { state: 'open' } } }, 'Circuit breaker', 'fault'],
    ['Redis away', { upstream: { redis: { state: 'away', detail: null } } }, 'Redis', 'fault'],
    [
      'a pause',
      {
        upstream: { budget: { requestsPerSecond: 5, allowedNow: 5, usedInLastSecond: 0, pausedForMs: 4100 } },
      },
      'Request budget',
      'attention',
    ],
    [
      'a slower rate',
      { upstream: { budget: { requestsPerSecond: 5, allowedNow: 2, usedInLastSecond: 0, pausedForMs: 0 } } },
      'Request budget',
      'attention',
    ],
    [
      'a full budget',
      { upstream: { budget: { requestsPerSecond: 5, allowedNow: 5, usedInLastSecond: 5, pausedForMs: 0 } } },
      'Request budget',
      'attention',
    ],
    ['stale lists', { upstream: { reads: { ...calm.upstream.reads, stale: 0.6 } } }, 'Lists', 'attention'],
    [
      'full storage',
      { upstream: { storage: { state: 'full', usedBytes: 9, maxBytes: 10 } } },
      'Storage of writes',
      'attention',
    ],
    ['nobody active', { belowFloor: [24] }, 'Active accounts', 'attention'],
    [
      'a switch',
      { switches: { readOnly: { on: true, since, by: 'crm', reason: null } } },
      'Switch',
      'attention',
    ],
  ])('%s comes first, with what to do', (_, change, name, level) => {
    const [first] = partsOf(change)
    expect(first).toMatchObject({ name, level, advice: expect.stringMatching(/\.$/) })
  })

  it('lead to sections of the runbooks', () => {
    const source = read('src/http/pages/status-parts.ts')
    const runbooks = read('docs/runbooks.md')
    const named = [...source.matchAll(/runbook: '(\w+)'/g)].map(([, name]) => name as string)
    expect(named.length).toBeGreaterThan(8)
    for (const name of named) expect(runbooks).toContain(`\n## ${name}\n`)
  })
})

describe('the status page', () => {
  let gateway: TestGateway
  afterEach(() => gateway.close())
  const page = () => request(gateway.gateway.opsServer).get('/')

  it('is on the listener for operations, needs no key, and has neither scripts nor links to other servers', async () => {
    gateway = await startGateway()
    const { status, text, headers } = await page()
    expect([status, headers['content-type']]).toEqual([200, 'text/html; charset=utf-8'])
    expect(text).toContain('<h1>All is well</h1>')
    expect(text).not.toMatch(/<script|https?:\/\/| on\w+=/)
    expect(headers['content-security-policy']).toMatch(
      /^default-src 'none'; img-src data:; style-src 'sha256-[^']+'; form-action 'none'/,
    )
    expect((await gateway.ask('GET', '/', { key: '' })).text).not.toContain('All is well')
  })

  it('tells faults and switches, and shows the words of an administrator as text', async () => {
    gateway = await startGateway({ env: { CHATHUB_COMPANY_TOKEN: 'ct_demo-company-token' } })
    gateway.simulator.fault({ mode: 'status', status: 500 })
    for (let tries = 0; tries < 6; tries++) await gateway.ask('GET', '/v1/organizations')
    await gateway.ask('PATCH', '/v1/switches', {
      body: { readOnly: true, reason: '<script>alert(1)</script>' },
    })
    const { text } = await page()
    expect(text).toMatch(/<h1>\d parts need attention<\/h1>/)
    expect(text).toContain('It does not answer.')
    expect(text).toContain('Runbook: ChatHubDown.')
    expect(text).toContain('&lt;script&gt;alert(1)&lt;/script&gt;')
    expect(text).not.toContain('<script')
    // Words without spaces do not make the page scroll sideways.
    expect(text).toMatch(/dd\{[^}]*overflow-wrap:anywhere/)
  })
})
