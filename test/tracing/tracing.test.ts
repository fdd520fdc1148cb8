import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { hashKey, makeKey } from '../../src/access/keys.ts'
import { createSimulator, type Simulator } from '../../src/apps/simulator/simulator.ts'
import { scopes } from '../../src/contract/scopes.ts'
import { openTracing } from '../../src/tracing/open-tracing.ts'
import { noTracing } from '../../src/tracing/tracing.ts'
import { startGateway } from '../support/gateway.ts'
import { describeWithRedisServer } from '../support/needs.ts'
import { type OtlpReceiver, type Span, startOtlpReceiver, treeOf } from '../support/otlp-receiver.ts'
import { type Running, spawnGateway } from '../support/processes.ts'
import { startRedis, type TestRedis } from '../support/redis.ts'
import { until } from '../support/until.ts'

describeWithRedisServer('traces of a gateway with Redis', () => {
  const key = makeKey('crm')
  const client = { id: 'crm', keyHash: hashKey(key), scopes, organizations: '*' }
  let redis: TestRedis
  let simulator: Simulator
  let receiver: OtlpReceiver
  let gateway: Running
  beforeAll(async () => {
    redis = await startRedis()
    simulator = await createSimulator()
    receiver = await startOtlpReceiver()
    gateway = await startTraced({ OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json' })
  })
  const startTraced = (env: Record<string, string>): Promise<Running> =>
    spawnGateway({
      env: {
        PORT: '0',
        CHATHUB_BASE_URL: simulator.url,
        CHATHUB_COMPANY_TOKEN: 'ct_demo-company-token',
        CHATHUB_REQUESTS_PER_SECOND: '100',
        REDIS_URL: redis.url,
        REDIS_TIMEOUT_MS: '1000',
        API_KEYS: JSON.stringify({ clients: [client] }),
        TOKEN_ENCRYPTION_SECRET: 'a secret of at least thirty-two bytes',
        WEBHOOK_PRIVATE_HOSTS: `127.0.0.1:${new URL(receiver.url).port}=127.0.0.1`,
        OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
        OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=test',
        OTEL_BSP_SCHEDULE_DELAY: '20',
        ...env,
      },
    })
  afterAll(async () => {
    await gateway.stop()
    await receiver.close()
    await simulator.close()
    await redis.stop()
  })

  const ask = (path: string, headers: Record<string, string> = {}, init: RequestInit = {}) =>
    fetch(gateway.url + path, { ...init, headers: { 'X-API-Key': key, ...headers } })
  let made = 0
  /** The trace of a caller, and the span within it that asks. */
  const newTrace = () => {
    const id = String(++made)
    return { traceId: id.padStart(32, 'a'), spanId: id.padStart(16, 'b') }
  }
  const headersOf = ({ traceId, spanId }: ReturnType<typeof newTrace>, flags = '01') => ({
    traceparent: `00-${traceId}-${spanId}-${flags}`,
  })
  const spansOf = (trace: string): Span[] => receiver.spans().filter(({ traceId }) => traceId === trace)
  /** The spans once that of the request has come, which ends last. */
  const tracesTo = async ({ traceId, spanId }: ReturnType<typeof newTrace>) => {
    await until(() => spansOf(traceId).some(({ parentSpanId }) => parentSpanId === spanId))
    const spans = spansOf(traceId)
    return {
      spans,
      tree: treeOf(spans, spanId),
      of: (name: string) => spans.filter((span) => span.name === name),
    }
  }

  it('have all that a cold read waits for, under the trace of its caller', async () => {
    const caller = newTrace()
    const headers = {
      ...headersOf(caller),
      tracestate: 'vendor=1',
      baggage: 'person=Olena',
      'X-Request-Id': 'my-own-id',
    }
    await ask('/v1/organizations/24/operators?q=Olena', headers)
    const { tree, of } = await tracesTo(caller)
    const [server] = of('GET /v1/organizations/{org}/operators')
    expect(server).toMatchObject({
      kind: 2,
      attributes: {
        'http.request.method': 'GET',
        'http.route': '/v1/organizations/{org}/operators',
        'http.response.status_code': 200,
        'gateway.request_id': 'my-own-id',
        'gateway.client': 'crm',
        'gateway.cache': 'loaded',
      },
    })
    // A busy machine may let a slot become too old before its request leaves.
    const exchange = of('GET /api/operator').at(-1)
    expect(exchange).toMatchObject({
      kind: 3,
      attributes: {
        'url.full': `${simulator.url}/api/operator?organizationId=24`,
        'server.port': simulator.port,
        'http.response.status_code': 200,
      },
    })
    for (const name of ['cache', 'budget', 'GET /api/operator']) expect(tree).toContain(`  ${name}`)
    for (const script of ['cacheRead', 'budgetTake'])
      expect(tree).toContainEqual(expect.stringMatching(new RegExp(`^ {4}EVAL(SHA)? ${script}$`)))

    const [seen] = simulator.arrivals().filter(({ route }) => route === 'list')
    expect(seen?.trace).toEqual({
      traceparent: `00-${caller.traceId}-${exchange?.spanId}-01`,
      tracestate: 'vendor=1',
    })
    await until(() =>
      gateway.lines().some(({ msg, requestId }) => msg === 'request' && requestId === 'my-own-id'),
    )
    expect(gateway.lines().find(({ requestId }) => requestId === 'my-own-id')).toMatchObject({
      trace_id: caller.traceId,
      span_id: server?.spanId,
    })
    expect(receiver.resource()).toMatchObject({
      'service.name': 'chathub-gateway',
      'deployment.environment.name': 'test',
    })
  })

  it('have one span for a read from memory', async () => {
    // A busy machine may have to ask Redis first whether its memory may be trusted.
    await until(async () => {
      const caller = newTrace()
      await ask('/v1/organizations/24/operators', headersOf(caller))
      return (await tracesTo(caller)).tree.join() === 'GET /v1/organizations/{org}/operators'
    })
  })

  it('count the attempts of a call, and say what failed', async () => {
    simulator.fault({ mode: 'status', status: 500, route: 'list', times: 1 })
    const caller = newTrace()
    await ask('/v1/organizations/6/operators', headersOf(caller))
    const { of } = await tracesTo(caller)
    const isSent = ({ attributes }: Span) => attributes['http.response.status_code'] !== undefined
    const attempts = of('GET /api/operator')
      .filter(isSent)
      .map(({ attributes, status }) => [
        attributes['http.response.status_code'],
        attributes['error.type'],
        Boolean(attributes['http.request.resend_count']),
        status.code ?? 0,
      ])
    expect(attempts).toEqual([
      [500, '500', expect.any(Boolean), 2],
      [200, undefined, true, 0],
    ])
  })

  it('link the steps of an import to the request that began it', async () => {
    const caller = newTrace()
    const headers = { ...headersOf(caller), 'Content-Type': 'text/csv' }
    const answer = await ask('/v1/organizations/24/imports', headers, {
      method: 'POST',
      body: 'name\nIryna\nTaras\n',
    })
    expect(answer.status).toBe(202)
    const { of } = await tracesTo(caller)
    const [request] = of('POST /v1/organizations/{org}/imports')
    const isStep = ({ name, links = [] }: Span): boolean =>
      name === 'operation import' && links.some(({ spanId }) => spanId === request?.spanId)
    await until(() => receiver.spans().some(isStep))
    const [step] = receiver.spans().filter(isStep)
    expect(step?.traceId).not.toBe(caller.traceId)
    expect(treeOf(spansOf(step?.traceId ?? ''), step?.spanId ?? '')).toContain(
      'POST /api/operator/synchronize',
    )
  })

  it('have one of its own for a delivery of a webhook, without the path of its address', async () => {
    const url = `http://127.0.0.1:${new URL(receiver.url).port}/secret-path`
    const headers = { 'Content-Type': 'application/json' }
    const created = await ask('/v1/webhooks', headers, { method: 'POST', body: JSON.stringify({ url }) })
    const { id } = (await created.json()) as { id: string }
    const tested = await ask(`/v1/webhooks/${id}:test`, headers, { method: 'POST', body: '{}' })
    expect([created.status, tested.status]).toEqual([201, 200])
    const isDelivery = ({ name }: Span): boolean => name === 'POST webhook'
    await until(() => receiver.spans().some(isDelivery))
    const [delivery] = receiver.spans().filter(isDelivery)
    expect(delivery).toMatchObject({
      kind: 3,
      attributes: {
        'server.address': '127.0.0.1',
        'gateway.outcome': expect.any(String),
        'http.response.status_code': expect.any(Number),
      },
    })
    expect(receiver.text()).not.toContain('secret-path')
  })

  it('are not recorded when the caller says so, which ChatHub is told too', async () => {
    const caller = newTrace()
    await ask('/v1/organizations/24/operators', { ...headersOf(caller, '00'), 'Cache-Control': 'no-cache' })
    const seen = simulator.arrivals().at(-1)?.trace?.['traceparent']
    expect(seen).toMatch(new RegExp(`^00-${caller.traceId}-[0-9a-f]{16}-00$`))
    await tracesTo(
      await (async () => {
        const later = newTrace()
        await ask('/v1/me', headersOf(later))
        return later
      })(),
    )
    expect(spansOf(caller.traceId)).toEqual([])
  })

  it('hold no key, no token and no name', () => {
    const names = simulator.operators().map(({ name }) => name)
    expect(names).toContain('Iryna')
    for (const secret of [key, hashKey(key), 'ct_demo-company-token', 'Olena', ...names])
      expect([secret, receiver.text().includes(secret)]).toEqual([secret, false])
  })

  it('are sent as protobuf unless JSON is asked for', async () => {
    const other = await startTraced({})
    const caller = newTrace()
    await fetch(`${other.url}/v1/me`, { headers: { 'X-API-Key': key, ...headersOf(caller) } })
    const isOfCaller = (bytes: Buffer): boolean => bytes.includes(Buffer.from(caller.traceId, 'hex'))
    await until(() => receiver.protobuf().some(isOfCaller))
    const [body] = receiver.protobuf().filter(isOfCaller)
    for (const text of ['chathub-gateway', 'GET /v1/me', 'deployment.environment.name', 'http.route'])
      expect([text, body?.includes(text)]).toEqual([text, true])
    expect([key, hashKey(key)].filter((secret) => body?.includes(secret))).toEqual([])
    await other.stop()
    expect(other.lines().filter(({ msg }) => msg === 'spans are lost')).toEqual([])
  })

  it('that cannot be sent are told once, and disturb nobody', async () => {
    receiver.answer(400)
    await ask('/v1/me')
    await until(() => gateway.lines().some(({ msg }) => msg === 'spans are lost'))
    expect((await ask('/v1/me')).status).toBe(200)
  })
})

describe('traces', () => {
  it('are off without an endpoint, and where OpenTelemetry is told so', async () => {
    const off = {
      otlpEndpoint: undefined,
      otlpTracesEndpoint: undefined,
      otlpProtocol: 'http/json' as const,
      otelTracesExporter: 'otlp' as const,
      otelDisabled: false,
      otelServiceName: undefined,
    }
    const otlpEndpoint = new URL('http://127.0.0.1:1')
    expect(await openTracing(off, () => {})).toBe(noTracing)
    expect(await openTracing({ ...off, otlpEndpoint, otelDisabled: true }, () => {})).toBe(noTracing)
    expect(await openTracing({ ...off, otlpEndpoint, otelTracesExporter: 'none' }, () => {})).toBe(noTracing)
  })
})

describe('Server-Timing', () => {
  it('tells what a request waited for where SERVER_TIMING is set, and is not sent otherwise', async () => {
    const gateway = await startGateway({ env: { SERVER_TIMING: 'true' } })
    const timing = async (path: string) => (await gateway.ask('GET', path)).headers['server-timing']
    const list = '/v1/organizations/24/operators'
    const ms = '\\d+\\.\\d'
    expect(await timing(list)).toMatch(
      new RegExp(`^cache;desc="loaded", queue;dur=${ms}, chathub;dur=${ms}, total;dur=${ms}$`),
    )
    expect(await timing(list)).toMatch(new RegExp(`^cache;desc="hit", total;dur=${ms}$`))
    expect(await timing('/v1/me')).toMatch(new RegExp(`^total;dur=${ms}$`))
    expect(await timing('/v1/organizations/999/operators')).toBeUndefined()
    await gateway.close()
    const silent = await startGateway()
    expect((await silent.ask('GET', '/v1/me')).headers['server-timing']).toBeUndefined()
    await silent.close()
  })
})
