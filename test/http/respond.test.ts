import { brotliDecompressSync, gunzipSync } from 'node:zlib'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { startGateway, type TestGateway } from '../support/gateway.ts'
import { createPacedClock } from '../support/paced-clock.ts'
import { type Raw, raw as rawRequest } from './raw.ts'

const clock = createPacedClock()
let gateway: TestGateway
beforeAll(async () => {
  gateway = await startGateway({ clock })
})
afterAll(() => gateway.close())

const path = '/v1/organizations/24/operators'
const get = (url = path, headers: Record<string, string> = {}) => gateway.ask('GET', url, { headers })
const noCache = { 'Cache-Control': 'no-cache' }

const raw = (url: string, accept: string) =>
  rawRequest(gateway, url, { headers: { 'Accept-Encoding': accept } })
/** Compressed forms are made in the background: asks until there is one. */
const rawCompressed = async (url: string, accept: string): Promise<Raw> => {
  for (let tries = 0; tries < 200; tries++) {
    const answer = await raw(url, accept)
    if (answer.headers['content-encoding']) return answer
  }
  throw new Error(`${url} never came compressed`)
}

describe('freshness', () => {
  beforeEach(async () => {
    gateway.simulator.clearFaults()
    await get(path, noCache)
  })

  it('is sent with every list: its age, its cache status, and who may store it', async () => {
    await gateway.ask('POST', '/v1/cache:purge', { body: { organization: 24 } })
    const loaded = (await get()).headers
    expect([loaded['age'], loaded['cache-status']]).toEqual(['0', 'chathub-gateway; fwd=uri-miss; stored'])
    clock.jump(19_000)
    for (const url of [path, `${path}?status=active`, `${path}/101`, '/v1/organizations/24/statistics']) {
      const { headers } = await get(url)
      expect([url, headers['age']]).toEqual([url, '19'])
      expect(headers['cache-status']).toMatch(/^chathub-gateway; hit; ttl=4[01]$/)
      expect(headers['cache-control']).toBe('private, max-age=0, must-revalidate')
      expect(headers['vary']).toBe('Accept, Accept-Encoding, Authorization, X-API-Key, Cookie, Origin')
    }
  })

  it('of a stale list is negative while the list is refreshed once in the background', async () => {
    gateway.simulator.clearArrivals()
    clock.jump(71_000)
    const hold = gateway.simulator.hold('list', 24)
    const answers = await Promise.all([get(), get(), get(`${path}?limit=1`)])
    for (const { headers } of answers) {
      expect(headers['age']).toBe('71')
      expect(headers['cache-status']).toMatch(/^chathub-gateway; hit; ttl=-1[12]$/)
    }
    await hold.arrived
    hold.release()
    expect(gateway.simulator.arrivals().filter(({ route }) => route === 'list')).toHaveLength(1)
  })

  it('of an old copy names ChatHub’s failure', async () => {
    clock.jump(200_000)
    gateway.simulator.fault({ mode: 'status', status: 500, route: 'list' })
    const { status, headers } = await get()
    expect([status, headers['age'], headers['cache-status']]).toEqual([
      200,
      '200',
      'chathub-gateway; fwd=stale; fwd-status=503',
    ])
    gateway.simulator.clearFaults()
  })

  it('of requests that waited for one load shows `collapsed`', async () => {
    await gateway.ask('POST', '/v1/cache:purge', { body: { organization: 24 } })
    const hold = gateway.simulator.hold('list', 24)
    const [one, two] = [get(), get()]
    await hold.arrived
    hold.release()
    const said = [(await one).headers['cache-status'], (await two).headers['cache-status']]
    expect(said.toSorted()).toEqual([
      'chathub-gateway; fwd=uri-miss; stored',
      'chathub-gateway; fwd=uri-miss; stored; collapsed',
    ])
  })

  it('can be demanded: no-cache asks ChatHub, except together with a validator', async () => {
    gateway.simulator.clearArrivals()
    const { headers } = await get(path, noCache)
    expect([headers['age'], headers['cache-status']]).toEqual(['0', 'chathub-gateway; fwd=uri-miss; stored'])
    const again = await get(path, { 'If-None-Match': headers['etag'] as string, ...noCache })
    expect(again.status).toBe(304)
    expect(gateway.simulator.arrivals().filter(({ route }) => route === 'list')).toHaveLength(1)
    gateway.simulator.fault({ mode: 'status', status: 500, route: 'list' })
    expect((await get(path, { 'Cache-Control': 'max-age=0, NO-CACHE' })).status).toBe(503)
    expect((await get(path, { 'Cache-Control': 'max-age=0' })).status).toBe(200)
    gateway.simulator.clearFaults()
  })
})

describe('an ETag', () => {
  it('is strong, and changes exactly when the content changes', async () => {
    const first = (await get(path, noCache)).headers['etag']
    expect(first).toMatch(/^"[\x21\x23-\x7e]+"$/)
    expect((await get(path, noCache)).headers['etag']).toBe(first)
    gateway.simulator.changeOperator(101, { name: 'John Smythe' })
    expect((await get(path, noCache)).headers['etag']).not.toBe(first)
    gateway.simulator.changeOperator(101, { name: 'John Smith' })
    expect((await get(path, noCache)).headers['etag']).toBe(first)
  })

  it('is compared weakly, in lists, and with the tag of any coding of the same content', async () => {
    for (const url of [path, `${path}?q=john`, '/v1/organizations', '/v1/statistics', '/v1/operators']) {
      const { etag } = (await get(url)).headers as { etag: string }
      const opaque = etag.slice(1, -1)
      for (const condition of [
        etag,
        `W/${etag}`,
        `"other", ${etag}`,
        `W/"other",W/${etag} , "x"`,
        '*',
        `"${opaque}-br"`,
        `"${opaque}-gzip"`,
      ]) {
        const { status, headers, text } = await get(url, { 'If-None-Match': condition })
        expect([url, condition, status, text]).toEqual([url, condition, 304, ''])
        expect(headers).toMatchObject({ etag, 'cache-control': 'private, max-age=0, must-revalidate' })
        expect(headers['vary']).toContain('Accept-Encoding')
      }
      for (const condition of ['"other"', opaque, `"${opaque}-zstd"`, 'W/"*"', `"${opaque.slice(1)}"`])
        expect([condition, (await get(url, { 'If-None-Match': condition })).status]).toEqual([condition, 200])
    }
  })

  it('may contain a comma', async () => {
    const { status } = await get(path, { 'If-None-Match': '"a,b", "c"' })
    expect(status).toBe(200)
  })
})

describe('a compressed form', () => {
  const big = '/v1/organizations/6/operators'
  beforeAll(async () => {
    gateway.simulator.setOperators(
      6,
      Array.from({ length: 200 }, (_, index) => ({ name: `Ірина Коваль ${index}` })),
    )
    await get(big, noCache)
  })

  it('has its own tag and the same content', async () => {
    const plain = await raw(big, 'identity')
    const tag = (plain.headers['etag'] as string).slice(1, -1)
    const gzip = await rawCompressed(big, 'gzip')
    const br = await rawCompressed(big, 'br')
    expect([gzip.headers['etag'], br.headers['etag']]).toEqual([`"${tag}-gzip"`, `"${tag}-br"`])
    expect(gunzipSync(gzip.body).equals(plain.body)).toBe(true)
    expect(brotliDecompressSync(br.body).equals(plain.body)).toBe(true)
    expect(Number(gzip.headers['content-length'])).toBe(gzip.body.length)
    expect(gzip.body.length).toBeLessThan(plain.body.length / 2)
    for (const { headers } of [plain, gzip, br]) expect(headers['vary']).toContain('Accept-Encoding')
  })

  it('is the best that Accept-Encoding allows', async () => {
    await rawCompressed(big, 'gzip')
    await rawCompressed(big, 'br')
    for (const [accept, coding] of [
      ['gzip, deflate, br, zstd', 'br'],
      ['br;q=0.5, gzip', 'gzip'],
      ['br;q=0, *', 'gzip'],
      ['GZIP', 'gzip'],
      ['*', 'br'],
      ['identity', undefined],
      ['gzip;q=0', undefined],
      ['deflate', undefined],
      ['gzip;q=0.5, identity;q=1', undefined],
      ['br;q=0.2, gzip;q=0.9, identity;q=0.5', 'gzip'],
      ['gzip;q=0, br;q=0.000, *;q=0', undefined],
    ] as const)
      expect([accept, (await raw(big, accept)).headers['content-encoding']]).toEqual([accept, coding])
  })

  it('is not made for small bodies', async () => {
    for (let tries = 0; tries < 5; tries++)
      expect((await raw(path, 'gzip, br')).headers).not.toHaveProperty('content-encoding')
  })
})

describe('HEAD', () => {
  it('returns the headers of GET without a body', async () => {
    for (const url of [
      path,
      '/v1/organizations',
      '/v1/me',
      '/api/operator?organizationId=24',
      '/v1/nothing',
    ]) {
      const [full, head] = [await get(url), await gateway.ask('HEAD', url)]
      expect([url, head.status]).toEqual([url, full.status])
      for (const name of ['content-type', 'content-length', 'etag', 'cache-control', 'vary'])
        if (!(url === '/v1/nothing' && name === 'content-length'))
          expect([url, name, head.headers[name]]).toEqual([url, name, full.headers[name]])
    }
    const { etag } = (await get()).headers as { etag: string }
    expect((await gateway.ask('HEAD', path, { headers: { 'If-None-Match': etag } })).status).toBe(304)
  })
})

describe('every answer', () => {
  it('has the security headers for browsers, and does not name its software', async () => {
    for (const answer of [
      await get(),
      await get('/v1/nothing'),
      await get('/v1/me'),
      await get(path, { 'If-None-Match': '*' }),
      await gateway.ask('POST', '/v1/cache:purge', { body: { organization: 24 } }),
      await gateway.ask('GET', '/metrics', { key: '' }),
    ]) {
      expect(answer.headers).toMatchObject({
        'x-content-type-options': 'nosniff',
        'content-security-policy': "default-src 'none'; frame-ancestors 'none'; base-uri 'none'",
        'referrer-policy': 'no-referrer',
        'cross-origin-resource-policy': 'same-origin',
        'strict-transport-security': 'max-age=31536000',
      })
      for (const name of ['x-powered-by', 'server', 'access-control-allow-origin', 'set-cookie'])
        expect(answer.headers).not.toHaveProperty(name)
    }
  })

  it('about one caller has Cache-Control: no-store', async () => {
    for (const url of ['/v1/me', '/v1/upstream', '/livez', '/v1/organizations/24/diagnosis', '/v1/nothing'])
      expect([url, (await get(url)).headers['cache-control']]).toEqual([url, 'no-store'])
  })
})
