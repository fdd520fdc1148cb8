import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals'
import { hashKey, makeKey } from '../../src/access/keys.ts'
import { createSimulator, type Simulator } from '../../src/apps/simulator/simulator.ts'
import { audience, claimsAt, issuer, makeSigningKey, sign, startJwks } from '../access/jwks.ts'
import { freePort } from '../support/free-port.ts'
import { startGatewayHost } from '../support/gateway-host.ts'
import { type OutboundProxy, startOutboundProxy } from '../support/outbound-proxy.ts'
import { stopEverything } from '../support/processes.ts'
import { until } from '../support/until.ts'
import { createAuthority } from './certificates.ts'

// The gateways run in another process, because Node reads the trusted authorities when it starts.

const key = makeKey('reader')
const scopes = ['operators:read', 'operators:write']
const clients = [{ id: 'reader', keyHash: hashKey(key), scopes, organizations: '*' }]
const authority = createAuthority()
let folder: string
let simulator: Simulator | undefined
let host: Awaited<ReturnType<typeof startGatewayHost>>
const proxies: OutboundProxy[] = []
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'proxy-'))
  await writeFile(join(folder, 'ca.pem'), authority.cert)
  host = await startGatewayHost({ NODE_EXTRA_CA_CERTS: join(folder, 'ca.pem') })
})
afterEach(async () => {
  for (const proxy of proxies.splice(0)) proxy.close()
  await simulator?.close()
})
afterAll(async () => {
  await stopEverything()
  await rm(folder, { recursive: true })
})

const startProxy = async (mode: string): Promise<OutboundProxy> => {
  const proxy = await startOutboundProxy(mode)
  proxies.push(proxy)
  return proxy
}
const withLogin = (proxy: OutboundProxy, login: string): string => proxy.url.replace('//', `//${login}@`)

const start = async (scheme: 'http' | 'https', env: Record<string, string>) => {
  simulator = await createSimulator({
    loginSpacingMs: 0,
    ...(scheme === 'https' && { tls: authority.server() }),
  })
  const gateway = await host.start({
    PORT: '0',
    CHATHUB_BASE_URL: simulator.url,
    CHATHUB_COMPANY_TOKEN: 'ct_demo-company-token',
    API_KEYS: JSON.stringify({ clients }),
    LOG_LEVEL: 'debug',
    ...env,
  })
  const ask = async (path: string, body?: object, credential = key) => {
    const answer = await fetch(`${gateway.url}${path}`, {
      method: body ? 'POST' : 'GET',
      headers: { 'X-API-Key': credential, 'Content-Type': 'application/json' },
      ...(body && { body: JSON.stringify(body) }),
    })
    const parsed = (await answer.json()) as { code?: string; detail?: string }
    return { status: answer.status, code: parsed.code, detail: parsed.detail }
  }
  return { gateway, ask, read: () => ask('/v1/organizations/24/operators') }
}
const authorityOf = (url: string): string => new URL(url).host

describe('ChatHub behind a proxy', () => {
  it.each(['HTTPS_PROXY', 'https_proxy', 'HTTP_PROXY'])(
    'is reached over TLS by CONNECT (%s)',
    async (name) => {
      const proxy = await startProxy('open')
      const { gateway, ask, read } = await start('https', { [name]: proxy.url })
      expect((await read()).status).toBe(200)
      const added = await ask('/v1/organizations/24/operators', { operators: [{ name: 'Olena' }] })
      expect(added.status).toBe(201)
      const target = authorityOf(simulator?.url as string)
      expect(new Set(proxy.seen.map(({ method, url }) => `${method} ${url}`))).toEqual(
        new Set([`CONNECT ${target}`]),
      )
      // The proxy sees neither token nor path, so TLS ends at ChatHub.
      expect(proxy.seen.flatMap(({ headers }) => headers)).not.toContain('authorization')
      const msg = 'requests to ChatHub go through a proxy'
      await until(() => gateway.lines().some((line) => line['msg'] === msg && line['proxy'] === proxy.url))
    },
  )

  it('that speaks http is reached by forwarded requests', async () => {
    const proxy = await startProxy('open')
    const { read } = await start('http', { HTTP_PROXY: proxy.url })
    expect((await read()).status).toBe(200)
    expect(proxy.seen[0]).toMatchObject({
      method: 'GET',
      url: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+\/api\/operator\?organizationId=24$/),
    })
  })

  it.each(['127.0.0.1', '127.0.0.0/8', 'localhost, 127.0.0.1'])(
    'is reached directly with NO_PROXY=%s, and HTTPS_PROXY alone leaves http: alone',
    async (entry) => {
      const proxy = await startProxy('open')
      const { read } = await start('https', { HTTPS_PROXY: proxy.url, NO_PROXY: entry })
      expect([(await read()).status, proxy.seen]).toEqual([200, []])
    },
  )

  it.each([
    ['https', 'user:s3cret@word', 'user:s3cret%40word'],
    ['http', 'user:s3cret', 'user:s3cret'],
    ['https', 's3cret:', 's3cret'],
  ] as const)(
    'gets the proxy’s credentials over %s: %s, and the log has none',
    async (scheme, mode, login) => {
      const proxy = await startProxy(mode)
      const { gateway, read } = await start(scheme, { HTTP_PROXY: withLogin(proxy, login) })
      expect((await read()).status).toBe(200)
      expect(proxy.seen[0]).toMatchObject({ hasCredentials: true })
      await until(() => gateway.output().includes(proxy.url))
      expect(gateway.output()).not.toMatch(/s3cret|Basic/)
    },
  )
})

describe('a proxy that', () => {
  it.each([
    ['wants credentials', 'https', 'user:s3cret', 'proxy.refused', /refused/],
    ['wants credentials', 'http', 'user:s3cret', 'proxy.refused', /refused/],
    ['forbids the target', 'https', '403', 'proxy.refused', /refused/],
    ['is overloaded', 'https', '503', 'proxy.refused', /refused/],
    ['never answers', 'https', 'hang', 'proxy.timeout', /in time/],
    ['resets connections', 'https', 'reset', 'proxy.unreachable', /cannot be reached/],
  ] as const)('%s (%s, %s) is 503, and the log says %s', async (_name, scheme, mode, outcome, sentence) => {
    const proxy = await startProxy(mode)
    const { gateway, read } = await start(scheme, {
      HTTP_PROXY: withLogin(proxy, 'user:s3crEt'),
      ...(mode === 'hang' && { CHATHUB_TIMEOUT_MS: '1500' }),
    })
    expect(await read()).toMatchObject({
      status: 503,
      code: 'chathub.unavailable',
      detail: expect.stringMatching(sentence),
    })
    const isLogged = () =>
      gateway.lines().some((line) => line['outcome'] === outcome && /proxy/.test(String(line['because'])))
    await until(isLogged)
    expect(simulator?.arrivals()).toEqual([])
    expect(gateway.output()).not.toMatch(/s3cret/i)
  })

  it('is not there is named, and a write through it is not in doubt', async () => {
    const { gateway, ask } = await start('https', { HTTPS_PROXY: `http://127.0.0.1:${await freePort()}` })
    const answer = await ask('/v1/organizations/24/operators', { operators: [{ name: 'Olena' }] })
    expect(answer).toMatchObject({ status: 503, code: 'chathub.unavailable' })
    await until(() => gateway.output().includes('proxy.unreachable'))
  })

  it('stands in front of the key set forwards its requests too', async () => {
    const proxy = await startProxy('open')
    const signer = await makeSigningKey('ES256')
    const jwks = await startJwks([signer.publicJwk])
    const { ask, gateway } = await start('https', {
      HTTP_PROXY: proxy.url,
      JWT_JWKS_URL: jwks.url.href,
      JWT_ISSUER: issuer,
      JWT_AUDIENCE: audience,
    })
    const token = await sign(signer, claimsAt(Date.now()))
    expect((await ask('/v1/me', undefined, token)).status).toBe(200)
    expect(proxy.seen.map(({ method, url }) => [method, url])).toEqual([['GET', jwks.url.href]])
    await until(() => gateway.output().includes('requests to the key set go through a proxy'))
    await jwks.close()
  })
})
