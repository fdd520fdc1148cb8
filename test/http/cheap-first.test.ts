import { once } from 'node:events'
import { connect } from 'node:net'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { type Endpoint, endpoints } from '../../src/contract/endpoints.ts'
import { startGateway, type TestGateway } from '../support/gateway.ts'
import { until } from '../support/until.ts'

let gateway: TestGateway
beforeAll(async () => {
  gateway = await startGateway({
    env: {
      SESSION_SECRET: 's'.repeat(40),
      MCP_ENABLED: 'true',
      CLIENT_CONCURRENCY: '2',
      CHATHUB_REQUESTS_PER_SECOND: '5',
    },
    clients: [
      { id: 'blind', scopes: [], organizations: [] },
      { id: 'elsewhere', organizations: [42] },
      { id: 'spent', requestsPerMinute: 1 },
      { id: 'large', requestsPerMinute: 16 },
      { id: 'busy' },
    ],
  })
})
afterAll(() => gateway.close())
beforeEach(() => gateway.simulator.clearArrivals())

const withBody = Object.values(endpoints as Record<string, Endpoint>).filter(({ body }) => body)
const urlOf = ({ path }: Endpoint): string =>
  path
    .replace('{org}', '24')
    .replaceAll('{operator}', '1')
    .replaceAll('{operation}', '1-abcdefgh')
    .replace('{webhook}', 'wh_a')

/** What the server answers to the head of a request and the first bytes of a body that goes on. */
const answerToHead = async (endpoint: Endpoint, client: string, query = '', ...fields: string[]) => {
  const socket = connect(Number(new URL(gateway.url).port), '127.0.0.1')
  const head = [
    `${endpoint.method.toUpperCase()} ${urlOf(endpoint)}${query} HTTP/1.1`,
    'Host: x',
    ...(client === '' ? [] : [`X-API-Key: ${gateway.keys[client] ?? client}`]),
    `Content-Type: ${endpoint.consumes ? 'text/csv' : 'application/json'}`,
    ...(fields.length > 0 ? fields : ['Content-Length: 60000']),
  ]
  socket.write(`${head.join('\r\n')}\r\n\r\n{`)
  const [bytes] = (await once(socket, 'data')) as [Buffer]
  socket.destroy()
  return Number(/^HTTP\/1\.1 (\d+)/.exec(bytes.toString())?.[1])
}

describe.each(
  withBody.map((endpoint) => [`${endpoint.method.toUpperCase()} ${endpoint.path}`, endpoint] as const),
)('before the body of %s has arrived', (_name, endpoint) => {
  const isOpen = endpoint.scope === 'open'

  it('a caller is refused for its credential, its limit, its scope and its organization', async () => {
    if (isOpen) return
    await gateway.ask('GET', '/v1/me', { key: gateway.keys['spent'] as string })
    expect(await answerToHead(endpoint, '')).toBe(401)
    expect(await answerToHead(endpoint, 'x'.repeat(40))).toBe(401)
    expect(await answerToHead(endpoint, 'spent')).toBe(429)
    if (endpoint.scope !== 'any') expect(await answerToHead(endpoint, 'blind')).toBe(403)
    if (endpoint.path.includes('{org}')) expect(await answerToHead(endpoint, 'elsewhere')).toBe(404)
    expect(gateway.simulator.arrivals()).toEqual([])
  })

  it('a wrong length, coding and query are refused', async () => {
    const client = isOpen ? '' : 'all'
    expect(await answerToHead(endpoint, client, '', 'Content-Length: 999999999')).toBe(413)
    expect(await answerToHead(endpoint, client, '', 'Content-Encoding: br', 'Content-Length: 60000')).toBe(
      415,
    )
    if (!endpoint.dropIn) expect(await answerToHead(endpoint, client, '?x=1')).toBe(400)
  })
})

it('a caller without the right is not told to send its body', async () => {
  for (const [client, status] of [
    ['blind', 403],
    ['elsewhere', 404],
    ['all', 100],
  ] as const) {
    const fields = ['Expect: 100-continue', 'Content-Length: 1000']
    const told = await answerToHead(endpoints.addOperators, client, '', ...fields)
    expect([client, told]).toEqual([client, status])
  }
})

describe('a request', () => {
  const operators = endpoints.addOperators
  it('with a large body costs more than one token, also when it is refused', async () => {
    const body = `{"operators":[],"x":"${'a'.repeat(2 ** 20 - 100)}"}`
    const key = gateway.keys['large'] as string
    const headers = { 'Content-Type': 'application/json' }
    const first = await gateway.ask('POST', urlOf(operators), { key, headers, body })
    expect([first.status, first.body.code]).toEqual([422, 'request.invalid-body'])
    const second = await gateway.ask('GET', '/v1/me', { key })
    expect([second.status, second.body.code]).toEqual([429, 'limit.exceeded'])
  })

  it('beside too many others of its client is refused; one of another client is not', async () => {
    const port = Number(new URL(gateway.url).port)
    const waiting = [1, 2].map(() => {
      const socket = connect(port, '127.0.0.1')
      socket.write(
        `POST ${urlOf(operators)} HTTP/1.1\r\nHost: x\r\nX-API-Key: ${gateway.keys['busy']}\r\nContent-Type: application/json\r\nExpect: 100-continue\r\nContent-Length: 1000\r\n\r\n`,
      )
      return socket
    })
    // 100 Continue shows that the gateway waits for the body.
    await Promise.all(waiting.map((socket) => once(socket, 'data')))
    const refused = await gateway.ask('GET', '/v1/me', { key: gateway.keys['busy'] as string })
    expect([refused.status, refused.body.code]).toEqual([429, 'limit.concurrency'])
    expect(refused.headers['ratelimit-policy']).toBe('"concurrency";q=2;qu="concurrent-requests"')
    expect((await gateway.ask('GET', '/v1/me')).status).toBe(200)
    for (const socket of waiting) socket.destroy()
  })

  it('to write that cannot reach ChatHub before the deadline is refused at once, and nothing is kept', async () => {
    const env = { CHATHUB_REQUESTS_PER_SECOND: '1', WRITE_DEADLINE_MS: '1000', READ_DEADLINE_MS: '60000' }
    const slow = await startGateway({ env })
    const reads = [24, 6].map((id) => slow.ask('GET', `/v1/organizations/${id}/operators`).catch(() => {}))
    const waiting = async () => (await slow.ask('GET', '/v1/upstream')).body.queue.waiting.people as number
    await until(async () => (await waiting()) >= 2)
    const before = slow.simulator.arrivals().length
    const writes = ['operators', 'operators:onboard'].map((path) =>
      slow.ask('POST', `/v1/organizations/42/${path}`, { body: { operators: [{ name: 'A' }] } }),
    )
    for (const { status, body, headers } of await Promise.all(writes)) {
      expect([status, body.code]).toEqual([503, 'queue.full'])
      expect(Number(headers['retry-after'])).toBeGreaterThan(1)
    }
    expect((await slow.ask('GET', '/v1/operations')).body.items).toEqual([])
    const arrived = slow.simulator.arrivals().slice(before)
    expect(arrived.filter(({ method }) => method === 'POST')).toEqual([])
    await Promise.all([slow.close(), ...reads])
  })

  it('of ChatHub with more rows than can be sent before the deadline is refused, and nothing is sent', async () => {
    const rows = (count: number) =>
      Array.from({ length: count }, (_, index) => ({ organizationId: 24, name: `A${index}` }))
    const answer = await gateway.ask('POST', '/api/operator/synchronize', { body: rows(7401) })
    expect([answer.status, answer.body.code]).toEqual([413, 'body.too-large'])
    expect(answer.body.detail).toContain('/v1/organizations/{org}/imports')
    const many = Array.from({ length: 40 }, (_, index) => ({ organizationId: 1000 + index, name: 'A' }))
    const spread = await gateway.ask('POST', '/api/operator/synchronize', { body: many })
    expect([spread.status, spread.body.code]).toEqual([413, 'body.too-large'])
    expect(gateway.simulator.arrivals().filter(({ method }) => method === 'POST')).toEqual([])
  })
})
