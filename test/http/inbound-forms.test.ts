import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { inboundForms } from '../compatibility/inbound.ts'
import { startGateway, type TestGateway } from '../support/gateway.ts'
import { raw } from './raw.ts'
import { sendRaw } from './raw-bytes.ts'

let gateway: TestGateway
beforeAll(async () => {
  gateway = await startGateway({
    env: {
      CORS_ORIGINS: 'https://crm.example.com',
      CORS_HEADERS: 'X-Trace, x-tenant',
      IGNORE_BASIC_AUTH: 'true',
    },
  })
})
afterAll(() => gateway.close())

describe('a request in the form', () => {
  it.each(inboundForms.map((form) => [`${form.form}: ${form.example}`, form] as const))(
    '%s',
    async (_name, form) => {
      const { host } = new URL(gateway.url)
      const body = Buffer.from(form.body ?? '')
      const isChunked = form.headers?.['Transfer-Encoding'] !== undefined
      const headers: Record<string, string> = {
        Host: host,
        'X-API-Key': gateway.key,
        Connection: 'close',
        ...(form.body !== undefined && !isChunked && { 'Content-Length': String(body.length) }),
        ...form.headers,
      }
      const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
      const target = form.target.replace('{host}', host)
      const answer = await sendRaw(gateway, [
        `${form.method} ${target} HTTP/1.1\r\n${lines.join('')}\r\n`,
        isChunked ? '0\r\n\r\n' : body,
      ])
      expect([answer.statuses, answer.text]).toEqual([
        [form.status],
        expect.stringContaining(form.contains ?? ''),
      ])
      expect(answer.text).not.toContain('user:password')
    },
  )
})

describe('Authorization: Basic of a proxy in front', () => {
  const basic = 'Basic b2ZmaWNlOnNlY3JldA=='

  it('is ignored beside a valid key when the setting says so', async () => {
    const { status } = await raw(gateway, '/v1/me', { headers: { Authorization: basic } })
    expect(status).toBe(200)
  })

  it('is no credential by itself', async () => {
    const headers = { Authorization: basic, 'X-API-Key': '' }
    expect((await raw(gateway, '/v1/me', { headers })).status).toBe(401)
  })

  it('leaves a conflict of two gateway credentials what it is', async () => {
    const headers = { Authorization: 'Bearer cgw_other_key' }
    expect((await raw(gateway, '/v1/me', { headers })).status).toBe(400)
  })

  it('is refused without the setting', async () => {
    const strict = await startGateway()
    const { status } = await raw(strict, '/v1/me', { headers: { Authorization: basic } })
    await strict.close()
    expect(status).toBe(401)
  })
})

describe('the preflight of a page', () => {
  it.each(['traceparent', 'tracestate', 'baggage', 'sentry-trace', 'X-Trace', 'x-tenant'])(
    'may announce the header %s',
    async (header) => {
      const { status, headers } = await raw(gateway, '/v1/organizations/24/operators', {
        method: 'OPTIONS',
        headers: {
          Origin: 'https://crm.example.com',
          'Access-Control-Request-Method': 'GET',
          'Access-Control-Request-Headers': header,
        },
      })
      expect([status, headers['access-control-allow-headers']?.split(', ')]).toEqual([
        204,
        expect.arrayContaining([header]),
      ])
    },
  )
})
