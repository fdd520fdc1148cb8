import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type { Fault } from '../../src/apps/simulator/simulator.ts'
import { failures } from '../../src/errors.ts'
import { startGateway, type TestGateway } from '../support/gateway.ts'
import { raw } from './raw.ts'

let gateway: TestGateway
beforeAll(async () => {
  gateway = await startGateway()
})
afterAll(() => gateway.close())

const operators = '/v1/organizations/24/operators'
const json = { 'Content-Type': 'application/json' }
const send = (body: string, headers: Record<string, string> = json) =>
  gateway.ask('POST', operators, { body, headers })
/** The same without a length, and in bytes that need not be text. */
const stream = async (body: Buffer | string, headers: Record<string, string> = json) => {
  const answer = await raw(gateway, operators, { method: 'POST', headers, body })
  return { status: answer.status, ...JSON.parse(answer.body.toString()) }
}
const fails = async (mode: Fault, path = operators) => {
  gateway.simulator.fault(mode)
  const answer = await gateway.ask('GET', path, { headers: { 'Cache-Control': 'no-cache' } })
  gateway.simulator.clearFaults()
  return answer
}

describe('a problem document', () => {
  it('names the fault, its place and the request id', async () => {
    const { body, headers } = await gateway.ask('GET', `${operators}?limit=0`, {
      headers: { 'X-Request-Id': 'mine-1234' },
    })
    expect(body).toEqual({
      type: '/docs/problems/request.invalid',
      title: failures['request.invalid'].title,
      status: 400,
      detail: failures['request.invalid'].detail,
      instance: 'urn:uuid:mine-1234',
      code: 'request.invalid',
      requestId: 'mine-1234',
      errors: [{ pointer: '/query/limit', code: 'integer', detail: 'Wanted: an integer from 1 to 1000.' }],
    })
    expect(headers).toMatchObject({
      'content-type': 'application/problem+json; charset=utf-8',
      'cache-control': 'no-store',
      'x-request-id': 'mine-1234',
    })
  })

  it('never repeats the input or the answer of ChatHub', async () => {
    const secret = 'hunter2-hunter2'
    for (const answer of [
      await gateway.ask('GET', `/v1/${secret}`),
      await gateway.ask('GET', `${operators}?limit=${secret}&status=${secret}&cursor=${secret}`),
      await gateway.ask('GET', `/v1/organizations/${secret}`),
      await gateway.ask('POST', operators, {
        body: { operators: [{ name: `\u0000${secret}` }], onDuplicate: secret },
      }),
      await send(`{"operators": ${secret}`),
      await fails({ mode: 'status', status: 500, body: { message: secret, stack: `at ${secret}` } }),
      await fails({ mode: 'raw', body: `<h1>${secret}</h1>` }),
    ]) {
      expect(answer.status).toBeGreaterThanOrEqual(400)
      expect(answer.text).not.toContain(secret)
      expect(answer.text).not.toMatch(/\bat .*\.[jt]s|node_modules/)
    }
  })

  it('distinguishes ChatHub’s failures, and none of them is 401 or 403', async () => {
    for (const [mode, status, code] of [
      [{ mode: 'status', status: 403 }, 502, 'chathub.forbidden'],
      [{ mode: 'status', status: 400 }, 502, 'chathub.invalid-response'],
      [{ mode: 'status', status: 404 }, 502, 'chathub.invalid-response'],
      [{ mode: 'raw', body: '{"error":1}' }, 502, 'chathub.invalid-response'],
      [{ mode: 'redirect', location: 'http://example.com/' }, 502, 'chathub.invalid-response'],
      [{ mode: 'gzip', bytes: 9_000_000 }, 502, 'chathub.invalid-response'],
      [{ mode: 'truncate', bytes: 10 }, 503, 'chathub.unavailable'],
      [{ mode: 'reset' }, 503, 'chathub.unavailable'],
    ] as const) {
      const organization = 300 + Math.floor(Math.random() * 1e6)
      gateway.simulator.addOrganization(organization, 'Struck')
      const list = await gateway.ask('GET', '/v1/organizations', { headers: { 'Cache-Control': 'no-cache' } })
      expect(list.status).toBe(200)
      const answer = await fails({ ...mode, organization }, `/v1/organizations/${organization}/operators`)
      expect([mode, answer.status, answer.body.code]).toEqual([mode, status, code])
      gateway.simulator.removeOrganization(organization)
    }
  })
})

describe('a request id', () => {
  it('is that of the caller when it is valid, and otherwise new for each request', async () => {
    const idOf = async (given?: string, path = '/v1/me') => {
      const headers: Record<string, string> = given === undefined ? {} : { 'X-Request-Id': given }
      return (await gateway.ask('GET', path, { headers })).headers['x-request-id']
    }
    for (const good of ['abcdefgh', 'A-Z_0123456789', 'x'.repeat(64)]) expect(await idOf(good)).toBe(good)
    for (const bad of ['short', 'x'.repeat(65), 'with space', 'quote"quote', 'ümlaut-id', '../../etc/passwd'])
      expect(await idOf(bad)).toMatch(/^[0-9a-f-]{36}$/)
    expect(await idOf()).not.toBe(await idOf())
    expect(await idOf('on-a-404', '/nothing')).toBe('on-a-404')
  })

  it('is in the log line of its request, with route and status but without the query', async () => {
    await gateway.ask('GET', `${operators}?name=Sarah`, { headers: { 'X-Request-Id': 'find-me-again' } })
    const line = gateway
      .logged()
      .split('\n')
      .find((text) => text.includes('find-me-again')) as string
    expect(JSON.parse(line)).toMatchObject({
      requestId: 'find-me-again',
      client: 'all',
      method: 'GET',
      route: '/v1/organizations/{org}/operators',
      status: 200,
    })
    expect(line).not.toContain('Sarah')
  })
})

describe('a body', () => {
  it('that is not strict JSON is malformed', async () => {
    const deep = `${'['.repeat(17)}${']'.repeat(17)}`
    for (const [body, code] of [
      ['', 'empty'],
      ['{"operators":', 'syntax'],
      ['{"operators":[]} x', 'syntax'],
      ["{'operators':[]}", 'syntax'],
      ['{"operators":[],"operators":[]}', 'duplicate-key'],
      ['{"operators":[{"name":"a","n\\u0061me":"b"}]}', 'duplicate-key'],
      ['{"__proto__":{"dryRun":true}}', 'key'],
      [deep, 'depth'],
      ['NaN', 'syntax'],
    ] as const) {
      const answer = await send(body)
      expect([body, answer.status, answer.body.code, answer.body.errors?.[0].code]).toEqual([
        body,
        400,
        'request.malformed',
        code,
      ])
    }
    const broken = await stream(Buffer.from([0x22, 0xc3, 0x28, 0x22]))
    expect([broken.status, broken.errors[0].code]).toEqual([400, 'utf-8'])
    const wide = await stream(Buffer.from('{"operators":[]}', 'utf16le'))
    expect([wide.status, wide.errors[0].code]).toEqual([400, 'syntax'])
  })

  it('of another media type or coding is refused', async () => {
    const good = '{"operators":[{"name":"A"}],"dryRun":true}'
    for (const type of [
      'text/plain',
      'application/x-www-form-urlencoded',
      'application/json; charset=utf-16',
      'application/jsonx',
      'multipart/form-data; boundary=x',
      'text/csv',
    ]) {
      const { status, body } = await send(good, { 'Content-Type': type })
      expect([type, status, body.code]).toEqual([type, 415, 'body.type'])
    }
    const zipped = await stream(gzipSync(good), { ...json, 'Content-Encoding': 'compress' })
    expect([zipped.status, zipped.code]).toEqual([415, 'body.type'])
    for (const type of [
      'application/json',
      'Application/JSON;charset="UTF-8"',
      'application/json ; charset=utf-8',
    ])
      expect([type, (await send(good, { 'Content-Type': type })).status]).toEqual([type, 200])
  })

  it('larger than 1 MiB is too large, also when it arrives in chunks', async () => {
    const padded = (size: number) => `{"operators":[{"name":"A"}],"dryRun":true}`.padEnd(size)
    expect((await send(padded(1024 * 1024))).status).toBe(200)
    const { status, body, headers } = await send(padded(1024 * 1024 + 1))
    expect([status, body.code, headers['connection']]).toEqual([413, 'body.too-large', 'close'])
    const pieces = await stream(padded(1024 * 1024 + 1))
    expect([pieces.status, pieces.code]).toEqual([413, 'body.too-large'])
    expect((await stream(padded(1024 * 1024))).status).toBe(200)
  })

  it('where none is taken is refused', async () => {
    const { status, body } = await gateway.ask('GET', operators, { body: '[]' })
    expect([status, body.errors[0].code]).toEqual([400, 'body'])
  })
})
