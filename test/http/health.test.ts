import { afterEach, describe, expect, it } from '@jest/globals'
import request from 'supertest'
import { startGateway, type TestGateway } from '../support/gateway.ts'
import { createPacedClock } from '../support/paced-clock.ts'
import { until } from '../support/until.ts'

let gateway: TestGateway
const start = async (options: Parameters<typeof startGateway>[0] = {}) => {
  gateway = await startGateway(options)
  return gateway
}
afterEach(() => gateway.close())

describe('health', () => {
  it('needs no credential and asks nothing of ChatHub', async () => {
    const { ask, simulator } = await start()
    expect((await ask('GET', '/livez', { key: '' })).body).toEqual({ status: 'ok' })
    expect((await ask('GET', '/readyz', { key: '' })).body).toEqual({
      status: 'ok',
      chathub: 'unknown',
      checkedAt: null,
      redis: 'none',
      switches: [],
    })
    expect((await ask('HEAD', '/readyz', { key: '' })).status).toBe(200)
    expect(simulator.arrivals()).toEqual([])
  })

  it('stays ready while ChatHub is down or refuses the gateway, and shows it as a detail', async () => {
    const { ask, simulator } = await start({ simulator: { password: 'another' } })
    expect((await ask('GET', '/v1/organizations')).body.code).toBe('chathub.credentials')
    const refused = await ask('GET', '/readyz', { key: '' })
    expect([refused.status, refused.body.chathub]).toEqual([200, 'refused'])
    await gateway.close()

    const other = await start({ env: { CHATHUB_COMPANY_TOKEN: 'ct_demo-company-token' } })
    await simulator.close()
    other.simulator.fault({ mode: 'status', status: 500 })
    // Five failures in a row open the breaker.
    for (let tries = 0; tries < 6; tries++) await other.ask('GET', '/v1/organizations')
    const down = await other.ask('GET', '/readyz', { key: '' })
    expect([down.status, down.body]).toMatchObject([200, { status: 'ok', chathub: 'unavailable' }])
    expect((await other.ask('GET', '/livez', { key: '' })).status).toBe(200)
  })

  it('shows what a probe finds when nobody asks: a token that never worked, an outage, and that it is over', async () => {
    const clock = createPacedClock({ speed: 100 })
    const env = {
      CHATHUB_PROBE_SECONDS: '20',
      CHATHUB_COMPANY_TOKEN: 'ct_dead',
      CHATHUB_LOGIN: '',
      CHATHUB_PASSWORD: '',
    }
    const { ask, simulator } = await start({ clock, env })
    const chathub = async () => (await ask('GET', '/readyz', { key: '' })).body.chathub
    const token = async () => (await ask('GET', '/v1/upstream')).body.token.state
    await until(async () => (await chathub()) === 'refused')
    simulator.acceptToken('ct_dead')
    await until(async () => (await chathub()) === 'ok')
    expect(await token()).toBe('ready')
    simulator.fault({ mode: 'status', status: 500 })
    await until(async () => (await chathub()) === 'unavailable')
    simulator.clearFaults()
    await until(async () => (await chathub()) === 'ok')
    expect(simulator.arrivals().every(({ route }) => route === 'organizations')).toBe(true)
    clock.stop()
  })

  it('is not ready while the gateway drains, and every connection is closed', async () => {
    const { ask, gateway: own } = await start()
    own.drain()
    const { status, body, headers } = await ask('GET', '/readyz', { key: '' })
    expect([status, body.status, headers['connection']]).toEqual([503, 'draining', 'close'])
    const alive = await ask('GET', '/livez', { key: '' })
    expect([alive.status, alive.headers['connection']]).toEqual([200, 'close'])
    const work = await ask('GET', '/v1/organizations/24/operators')
    expect([work.status, work.headers['connection']]).toEqual([200, 'close'])
    const problem = await ask('GET', '/v1/nothing')
    expect([problem.status, problem.headers['connection']]).toEqual([404, 'close'])
  })
})

describe('metrics', () => {
  it('need the scope metrics:read and have the Prometheus format', async () => {
    const { ask, keys } = await start({ clients: [{ id: 'blind', scopes: ['admin'] }] })
    await ask('GET', '/v1/organizations/24/operators')
    await ask('GET', '/v1/organizations/24/operators')
    expect((await ask('GET', '/metrics', { key: '' })).status).toBe(401)
    expect((await ask('GET', '/metrics', { key: keys['blind'] as string })).status).toBe(403)
    // Reads from memory are counted within a second.
    const hit = 'gw_cache_events_total{resource="operators",event="hit"} 1'
    const isCounted = async () => (await ask('GET', '/metrics')).text.includes(hit)
    await until(isCounted)
    const { status, text, headers } = await ask('GET', '/metrics')
    expect([status, headers['content-type']]).toEqual([200, 'text/plain; version=0.0.4; charset=utf-8'])
    expect(text).toContain(
      'http_server_request_duration_seconds_count{http_request_method="GET",http_route="/v1/organizations/{org}/operators",http_response_status_code="200"} 2',
    )
    expect(text).toContain('gw_cache_events_total{resource="operators",event="hit"} 1')
    expect(text).toContain('gw_list_reads_total{served="fresh"} 1')
    expect(text).toMatch(/gw_list_reads_total\{served="waited"\} [12]$/m)
    expect(text).toMatch(/^gw_list_read_age_seconds_total \d/m)
    expect(text).toMatch(/^gw_list_read_age_p95_seconds \d/m)
    const { body } = await ask('GET', '/v1/upstream')
    expect(body.reads).toMatchObject({ meanAgeSeconds: expect.any(Number), stale: 0, revalidated: 0 })
    expect(body.reads.fresh + body.reads.waited).toBeCloseTo(1)
    expect(text).toContain('gw_upstream_requests_total{route="operators",outcome="ok"} 1')
    expect(text).toContain('gw_chathub_up 1')
    expect(text).toContain('gw_operators{organization="24",status="active"} 2')
    expect(text).toContain('gw_coverage_low{organization="24"} 0')
    expect(body.unknownFields).toEqual([])
  })

  it('are returned for the Accept header of Prometheus', async () => {
    const { ask } = await start()
    const accept = 'application/openmetrics-text;version=1.0.0;q=0.9,text/plain;version=0.0.4;q=0.5,*/*;q=0.1'
    expect((await ask('GET', '/metrics', { headers: { Accept: accept } })).status).toBe(200)
  })

  it('count unknown paths and methods under one name each, however many there are', async () => {
    const { ask } = await start()
    for (const path of ['/a', '/b', '/c/d']) await ask('GET', path)
    await ask('PUT', '/v1/me')
    await ask('propfind', '/v1/me')
    const { text } = await ask('GET', '/metrics')
    expect(text).toContain(
      'http_server_request_duration_seconds_count{http_request_method="GET",http_route="unknown",http_response_status_code="404"} 3',
    )
    expect(text).toContain(
      'http_server_request_duration_seconds_count{http_request_method="_OTHER",http_route="/v1/me",http_response_status_code="405"} 1',
    )
    expect(text).not.toContain('PROPFIND')
  })

  it('and health need no key on the listener for operations, which has nothing else', async () => {
    const { gateway: own } = await start()
    const ops = (path: string) => request(own.opsServer).get(path)
    expect((await ops('/metrics')).text).toContain('gw_upstream_budget_rate')
    expect((await ops('/livez')).status).toBe(200)
    expect((await ops('/readyz')).body.status).toBe('ok')
    for (const path of ['/v1/me', '/v1/organizations', '/api/operator?organizationId=24', '/openapi.json'])
      expect([path, (await ops(path)).status]).toEqual([path, 404])
  })
})
