import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import {
  AuthenticationError,
  type Client,
  ConnectionError,
  createClient,
  type GatewayError,
  InvalidRequestError,
  OutcomeUnknownError,
  RateLimitError,
  TimeoutError,
  UnavailableError,
} from '../../src/client/client.ts'
import { readEvents } from '../../src/client/event-stream.ts'
import { createFakeClient } from '../../src/client/fake-client.ts'
import { startGateway, type TestGateway } from '../support/gateway.ts'
import { until } from '../support/until.ts'
import { behavesAsClient } from './behaviour.ts'

const project = fileURLToPath(new URL('../..', import.meta.url))
let gateway: TestGateway
beforeAll(async () => {
  gateway = await startGateway()
})
afterAll(() => gateway.close())

type Seen = { url: string; init: RequestInit; key: string | undefined }
type Fetch = NonNullable<Parameters<typeof createClient>[0]['fetch']>

/** A client whose requests are seen. `before` may answer or fail in place of the gateway. */
const watched = (before: (seen: Seen, send: () => Promise<Response>) => Promise<Response> | undefined) => {
  const requests: Seen[] = []
  const pauses: number[] = []
  const ask: Fetch = (url, init) => {
    const seen = { url, init, key: (init.headers as Record<string, string>)['Idempotency-Key'] }
    requests.push(seen)
    return before(seen, () => fetch(url, init)) ?? fetch(url, init)
  }
  const pause = async (ms: number): Promise<void> => void pauses.push(ms)
  const client = createClient({ baseUrl: gateway.url, key: gateway.key, fetch: ask, pause })
  return { client, requests, pauses }
}
const refusal = (status: number, code: string, headers: Record<string, string> = {}): Response =>
  new Response(JSON.stringify({ code, status, detail: 'No.', requestId: 'request-1' }), { status, headers })
const failed = (call: PromiseLike<unknown>): Promise<GatewayError> =>
  Promise.resolve(call).then(
    () => {
      throw new Error('it succeeded')
    },
    (error) => error,
  )

describe('a client of the gateway', () => {
  behavesAsClient(() => createClient({ baseUrl: `${gateway.url}/`, key: async () => gateway.key }))
})
describe('the fake client', () => {
  const fake = createFakeClient()
  behavesAsClient(() => fake)

  it('fails on demand, keeps what was asked, and answers what it is told', async () => {
    const { fake: control, gateway: own } = fake
    control.failNext('chathub.unavailable', { times: 3, retryAfter: 1 })
    expect(await failed(own.me())).toMatchObject({ code: 'chathub.unavailable', retryAfter: 1, status: 503 })
    control.answer('GET /v1/me', { id: 'someone' })
    expect(await own.me()).toEqual({ id: 'someone' })
    expect(control.calls.at(-1)).toEqual({ method: 'GET', path: '/v1/me', body: undefined })
    expect(await fake.organizations.diagnose(24)).toMatchObject({ known: true })
  })
})

describe('a call', () => {
  it('is sent at once, and once', async () => {
    const { client, requests } = watched(() => undefined)
    const call = client.gateway.me()
    expect(requests.length).toBe(1)
    expect([(await call).id, (await call.withResponse()).data.id, requests.length]).toEqual(['all', 'all', 1])
  })

  it('is repeated after Retry-After, with one Idempotency-Key, and is done once', async () => {
    let left = 2
    const { client, requests, pauses } = watched(() =>
      left-- > 0 ? Promise.resolve(refusal(503, 'queue.full', { 'Retry-After': '7' })) : undefined,
    )
    expect(await client.operators.add(24, { operators: [{ name: 'Nadia Kent' }] })).toMatchObject({
      created: 1,
    })
    expect(requests.length).toBe(3)
    expect(new Set(requests.map(({ key }) => key)).size).toBe(1)
    expect(requests[0]?.key).toMatch(/^[0-9a-f]{32}$/)
    expect(pauses.every((ms) => ms >= 7000)).toBe(true)
  })

  it('is repeated when its answer is lost, and is not done twice', async () => {
    let lost = false
    const { client, requests } = watched((_seen, send) => {
      if (lost) return undefined
      lost = true
      return send().then(async (answer) => {
        await answer.text()
        throw new TypeError('the connection broke')
      })
    })
    const asked = { operators: [{ name: 'Only Once' }], onDuplicate: 'allow' as const }
    const { headers } = await client.operators.add(24, asked).withResponse()
    expect([requests.length, headers.get('idempotency-replayed')]).toEqual([2, 'true'])
    expect((await client.operators.list(24, { name: 'Only Once' })).total).toBe(1)
  })

  it('without an Idempotency-Key is not repeated when it may have been carried out', async () => {
    const { client, requests } = watched(() => Promise.reject(new TypeError('the connection broke')))
    expect(await failed(client.sessions.open({ ticket: 'x' }))).toBeInstanceOf(ConnectionError)
    expect(requests.length).toBe(1)
    expect(await failed(client.gateway.me())).toMatchObject({ code: 'connection', status: 0 })
    expect(requests.length).toBe(4)
  })

  it('fails at once when the wait is longer than its timeout, or when a repetition is not safe or useless', async () => {
    const answers: [Response, unknown][] = [
      [refusal(429, 'limit.exceeded', { 'Retry-After': '60' }), RateLimitError],
      [refusal(504, 'write.in-doubt'), OutcomeUnknownError],
      [refusal(500, 'gateway.internal'), OutcomeUnknownError],
      [refusal(422, 'request.invalid-body'), InvalidRequestError],
      [new Response('<html>Bad gateway', { status: 502 }), UnavailableError],
      [new Response('null', { status: 400 }), InvalidRequestError],
    ]
    for (const [answer, kind] of answers) {
      const { client, requests } = watched(() => Promise.resolve(answer.clone()))
      const error = await failed(client.gateway.me())
      expect([error.code, error instanceof (kind as typeof Error)]).toEqual([error.code, true])
      expect([error.code, requests.length]).toEqual([error.code, answer.status === 502 ? 3 : 1])
    }
    const { client } = watched(() => undefined)
    expect(await failed(client.operators.list(24, { limit: 0 }))).toMatchObject({
      name: 'InvalidRequestError',
      errors: [{ pointer: '/query/limit', code: 'integer' }],
    })
    const stranger = createClient({ baseUrl: gateway.url, key: 'nobody' })
    expect(await failed(stranger.gateway.me())).toBeInstanceOf(AuthenticationError)
  })

  it('ends by its timeout, and by the signal of its caller', async () => {
    const never = ({ init }: Seen) =>
      new Promise<Response>((_, reject) => {
        init.signal?.addEventListener('abort', () => reject(init.signal?.reason))
      })
    const { client } = watched(never)
    expect(await failed(client.gateway.me({ timeout: 1 }))).toBeInstanceOf(TimeoutError)
    const keyless = createClient({ baseUrl: gateway.url, key: () => new Promise(() => {}) })
    expect(await failed(keyless.gateway.me({ timeout: 1 }))).toBeInstanceOf(TimeoutError)
    const stop = new AbortController()
    const call = failed(client.gateway.me({ signal: stop.signal }))
    stop.abort(new Error('the page was closed'))
    expect(await call).toMatchObject({ message: 'the page was closed' })
    const waiting = client.operations.wait('24-x', { timeout: 1 })
    expect(await failed(waiting)).toBeInstanceOf(TimeoutError)
  })

  it('with a key sends no cookie, and with a session sends one', async () => {
    const { client, requests } = watched(() => undefined)
    await client.gateway.me()
    expect(requests[0]?.init.credentials).toBe('omit')
    let sent: RequestInit = {}
    const own = createClient({
      session: true,
      fetch: async (_url, init) => {
        sent = init
        return new Response('{}')
      },
    })
    await own.gateway.me()
    expect(sent.credentials).toBe('include')
  })

  it('takes any other request: a list as CSV', async () => {
    const { client } = watched(() => undefined)
    const answer = await client.fetch('/v1/organizations/24/operators', { headers: { Accept: 'text/csv' } })
    expect(await answer.text()).toContain('101,John Smith,active')
  })
})

describe('a stream', () => {
  it('gives the same events in whatever pieces its bytes come', async () => {
    const text =
      'retry: 2000\n\nid: 1-1-1\n\n: still here\nid: 1-2-1\n\nid: 1-3-1\nevent: x\ndata: {"a":"Олена 🎧"}\n\nid: 1-4'
    const expected = [
      { id: '1-1-1', data: '' },
      { id: '1-2-1', data: '' },
      { id: '1-3-1', data: '{"a":"Олена 🎧"}' },
    ]
    const bytes = new TextEncoder().encode(text)
    const cuts = fc.uniqueArray(fc.integer({ min: 1, max: bytes.length - 1 }))
    const property = fc.asyncProperty(cuts, async (at) => {
      const places = [0, ...at.toSorted((a, b) => a - b), bytes.length]
      const pieces = places.slice(1).map((end, n) => bytes.slice(places[n], end))
      const seen: unknown[] = []
      for await (const event of readEvents(ReadableStream.from(pieces), () => {})) seen.push(event)
      expect(seen).toEqual(expected)
    })
    await fc.assert(property, { numRuns: 200 })
  })
})

describe('a subscription', () => {
  it('comes back by itself, and misses nothing', async () => {
    let connected = 0
    const { client, requests } = watched((seen, send) => {
      if (!seen.url.includes('/v1/events')) return undefined
      return send().then((answer) => {
        connected++
        return answer
      })
    })
    const stop = new AbortController()
    const names: (string | null | undefined)[] = []
    const connections: boolean[] = []
    const onConnection = (isOpen: boolean) => void connections.push(isOpen)
    const reading = (async () => {
      for await (const { operator } of client.events.subscribe(
        { types: ['operator.added'] },
        { signal: stop.signal, onConnection },
      ))
        names.push(operator?.name)
    })()
    const add = (name: string) => client.operators.add(6, { operators: [{ name }] })
    await until(() => connected === 1)
    await add('First of all')
    await until(() => names.length === 1)
    gateway.gateway.server.closeAllConnections()
    await add('While nobody listened')
    await until(() => names.length === 2)
    stop.abort()
    await reading
    expect(names).toEqual(['First of all', 'While nobody listened'])
    expect([connections[0], connections.includes(false), connections.at(-1)]).toEqual([true, true, true])
    const last = requests.findLast(({ url }) => url.includes('/v1/events')) as Seen
    expect((last.init.headers as Record<string, string>)['Last-Event-ID']).toMatch(/^\w+-\d+-\d+$/)
  })

  it('ends with the error when its key is refused', async () => {
    const stranger: Client = createClient({ baseUrl: gateway.url, key: 'nobody' })
    expect(await failed(stranger.events.subscribe().next())).toMatchObject({ code: 'credential.invalid' })
  })
})

describe('the guide', () => {
  const guide = readFileSync(`${project}/docs/guides/client.md`, 'utf8')

  it('the guide names every function of the client', () => {
    const rows = [...guide.matchAll(/^\| `([a-z]+)` \| (`.*`) \|$/gm)].map(
      ([, group, names = '']): [string, string[]] => [
        group as string,
        names.replaceAll('`', '').split(', ').toSorted(),
      ],
    )
    const groups = Object.entries(createFakeClient()).filter(([name]) => !['fetch', 'fake'].includes(name))
    const functions = groups.map(([group, members]) => [group, Object.keys(members).toSorted()])
    expect(rows.toSorted()).toEqual(functions.toSorted())
  })
})
