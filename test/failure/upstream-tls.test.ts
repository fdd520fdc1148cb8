import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals'
import { hashKey, makeKey } from '../../src/access/keys.ts'
import { createSimulator, type Simulator, type SimulatorOptions } from '../../src/apps/simulator/simulator.ts'
import { startGatewayHost } from '../support/gateway-host.ts'
import { stopEverything } from '../support/processes.ts'
import { createAuthority } from './certificates.ts'

// The gateways run in another process, because Node reads the trusted authorities when it starts.

const key = makeKey('reader')
const clients = [{ id: 'reader', keyHash: hashKey(key), scopes: ['operators:read'], organizations: '*' }]
const authority = createAuthority()
let folder: string
let simulator: Simulator
let host: Awaited<ReturnType<typeof startGatewayHost>>
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'authority-'))
  await writeFile(join(folder, 'ca.pem'), authority.cert)
  host = await startHost()
})
afterEach(() => simulator.close())
afterAll(async () => {
  await stopEverything()
  await rm(folder, { recursive: true })
})

const startHost = (env: Record<string, string> = {}) =>
  startGatewayHost({ NODE_EXTRA_CA_CERTS: join(folder, 'ca.pem'), ...env })

const read = async (tls: SimulatorOptions['tls'], at = host) => {
  simulator = await createSimulator({ loginSpacingMs: 0, ...(tls && { tls }) })
  const gateway = await at.start({
    PORT: '0',
    CHATHUB_BASE_URL: simulator.url,
    CHATHUB_COMPANY_TOKEN: 'ct_demo-company-token',
    API_KEYS: JSON.stringify({ clients }),
  })
  const answer = await fetch(`${gateway.url}/v1/organizations/24/operators`, {
    headers: { 'X-API-Key': key },
  })
  const body = (await answer.json()) as { code?: string }
  return {
    status: answer.status,
    code: body.code,
    retryAfter: answer.headers.get('retry-after'),
    gateway,
  }
}

describe('a ChatHub', () => {
  it('with a trusted certificate is asked', async () => {
    expect((await read(authority.server())).status).toBe(200)
  })

  it.each<[string, SimulatorOptions['tls'] & object]>([
    ['with an expired certificate', authority.server({ days: -1 })],
    ['with a certificate of another address', authority.server({ address: '127.0.0.2' })],
    ['with a certificate of an unknown authority', authority.server({ selfSigned: true })],
    [
      'with TLS 1.1 only',
      {
        ...authority.server(),
        maxVersion: 'TLSv1.1',
        minVersion: 'TLSv1',
        ciphers: 'DEFAULT@SECLEVEL=0',
      } as never,
    ],
  ])('%s is 503, and the token is not sent', async (_name, tls) => {
    const seen = await read(tls)
    expect([seen.status, seen.code]).toEqual([503, 'chathub.unavailable'])
    expect(Number(seen.retryAfter)).toBeGreaterThanOrEqual(1)
    expect(simulator.arrivals()).toEqual([])
  })

  it('with an unknown certificate is not asked even if NODE_TLS_REJECT_UNAUTHORIZED is 0', async () => {
    const lenient = await startHost({ NODE_TLS_REJECT_UNAUTHORIZED: '0' })
    const seen = await read(authority.server({ selfSigned: true }), lenient)
    expect([seen.status, simulator.arrivals()]).toEqual([503, []])
  })
})
