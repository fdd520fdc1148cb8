import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals'
import {
  audience,
  claimsAt,
  issuer,
  type JwksServer,
  makeSigningKey,
  type SigningKey,
  sign,
  startJwks,
} from '../access/jwks.ts'
import { startGateway, type TestGateway } from '../support/gateway.ts'
import { until } from '../support/until.ts'
import { readEvents } from './event-reader.ts'

// What a request holds is given back, whenever its client leaves.

let gateway: TestGateway
let jwks: JwksServer
let signing: SigningKey
beforeAll(async () => {
  signing = await makeSigningKey('ES256')
  jwks = await startJwks([signing.publicJwk])
  // Long names, so that the answer to a search has more than 64 KiB.
  const operators = Array.from({ length: 1000 }, (_, i) => ({ name: `Operator ${i} `.padEnd(80, 'x') }))
  gateway = await startGateway({
    simulator: {
      organizations: [
        { id: 24, name: 'Customer Support', operators },
        { id: 6, name: 'Sales', operators: [] },
      ],
    },
    clients: [
      { id: 'reader' },
      { id: 'listener' },
      { id: 'json', requestsPerMinute: 3 },
      { id: 'csv', requestsPerMinute: 3 },
    ],
    env: {
      CLIENT_CONCURRENCY: '2',
      QUOTAS_PER_CLIENT: 'streams=1',
      WRITES_IN_FLIGHT_MAX: '1',
      JWT_JWKS_URL: jwks.url.href,
      JWT_ISSUER: issuer,
      JWT_AUDIENCE: audience,
    },
  })
  await gateway.ask('GET', '/v1/operators')
})
afterAll(async () => {
  await gateway.close()
  await jwks.close()
})

const sockets: Socket[] = []
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy()
})

/** Sends these bytes, and resolves when a request has come. The returned function breaks the connection. */
const send = async (bytes: string): Promise<() => Promise<void>> => {
  const { server } = gateway.gateway
  const accepted = once(server, 'connection') as Promise<[Socket]>
  const begun = once(server, 'request')
  const socket = connect(Number(new URL(gateway.url).port), '127.0.0.1')
  sockets.push(socket)
  socket.on('error', () => {})
  const [other] = await accepted
  socket.write(bytes)
  await begun
  return async () => {
    const closed = new Promise((resolve) => other.once('close', resolve))
    socket.resetAndDestroy()
    await closed
  }
}
const get = (path: string, client: string, ...fields: string[]): string =>
  [`GET ${path} HTTP/1.1`, 'Host: x', `X-API-Key: ${gateway.keys[client]}`, ...fields, '', ''].join('\r\n')
const list = '/v1/organizations/6/operators'
/** Holds the next answer of ChatHub to this list, for which readers then wait. */
const holdList = async () => {
  await gateway.ask('POST', '/v1/cache:purge', { body: { organization: 6 } })
  return gateway.simulator.hold('list', 6)
}
const answered = (route: string): number => gateway.logged().split(`"route":"${route}"`).length - 1

describe('a client that leaves', () => {
  it('while its credential is verified is not in flight for ever', async () => {
    let release = (): void => {}
    jwks.until = new Promise<void>((resolve) => {
      release = resolve
    })
    const claims = claimsAt(Date.now(), { scope: 'tokens:mint', organizations: [24] })
    const token = await sign(signing, claims)
    const body = '{"token":"abcdefgh"}'
    const request = `POST /v1/tokens:validate HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`
    const leaving = [await send(request), await send(request)]
    await until(() => jwks.asked() === 1)
    await Promise.all(leaving.map((leave) => leave()))
    release()
    await until(async () => (await gateway.ask('GET', '/v1/me', { key: token })).status === 200)
  })

  it('before its large answer is made holds nothing for it', async () => {
    const key = gateway.keys['reader'] as string
    const hold = await holdList()
    const before = answered('/v1/operators')
    const leave = await send(get('/v1/operators', 'reader'))
    await hold.arrived
    await leave()
    hold.release()
    await until(() => answered('/v1/operators') > before)
    const { status, text } = await gateway.ask('GET', '/v1/operators', { key })
    expect([status, text.length > 65_536]).toEqual([200, true])
  })

  it('ends its stream of events, also one that waits behind another answer', async () => {
    const hold = await holdList()
    const stream = get('/v1/events', 'listener', 'Accept: text/event-stream')
    const leave = await send(get(list, 'listener') + stream)
    await hold.arrived
    await until(() => answered('/v1/events') > 0)
    await leave()
    const again = await readEvents(`${gateway.url}/v1/events`, {
      'X-API-Key': gateway.keys['listener'] as string,
    })
    again.close()
    expect(again.status).toBe(200)
    hold.release()
  })
})

it('a large answer is paid for in every form, also the report of an import', async () => {
  const names = gateway.simulator.operators(24).map(({ name }) => name)
  const started = await gateway.ask('POST', '/v1/organizations/24/imports', {
    body: `name\n${names.join('\n')}\n`,
    headers: { 'Content-Type': 'text/csv' },
  })
  const { location = '' } = started.headers
  await until(async () => (await gateway.ask('GET', location)).body.state === 'done')
  for (const [client, Accept] of [
    ['json', 'application/json'],
    ['csv', 'text/csv'],
  ] as const) {
    const key = gateway.keys[client] as string
    const statuses: number[] = []
    for (let count = 0; count < 3; count++)
      statuses.push((await gateway.ask('GET', `${location}/rows`, { key, headers: { Accept } })).status)
    // Each costs a token for the request and at least one more for its answer.
    expect([client, statuses[0], statuses[2]]).toEqual([client, 200, 429])
  }
})

it('a write that is answered keeps no permit from others, though its answer waits behind another one', async () => {
  const route = '/v1/organizations/{org}/operators'
  const hold = await holdList()
  const before = answered(route)
  const refused = `POST ${list} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}`
  await send(get(list, 'reader') + refused)
  await hold.arrived
  await until(() => answered(route) > before)
  const operator = gateway.simulator.operators(24)[0]?.id
  expect((await gateway.ask('DELETE', `/v1/organizations/24/operators/${operator}`)).status).toBe(200)
  // The answer before it is still on its way.
  expect(answered(route)).toBe(before + 1)
  hold.release()
})

describe('a client that stays', () => {
  it('does not make its connection keep answers that were sent', async () => {
    const accepted = once(gateway.gateway.server, 'connection') as Promise<[Socket]>
    await send(get(list, 'reader') + get(list, 'reader'))
    const [{ answer, answerBefore }] = await accepted
    expect([answer?.req.url, answerBefore?.req.url]).toContain(list)
    const [socket] = await accepted
    await until(() => socket.answer === undefined && socket.answerBefore === undefined)
  })
})
