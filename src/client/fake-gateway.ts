import type { Event, ProblemCode } from './api.ts'
import { fakeAnswers, fakeProblems } from './fake-answers.ts'
import { type Asked, createFakeEndpoints, Refused, type Reply } from './fake-endpoints.ts'
import { createFakeState, type FakeOrganization } from './fake-state.ts'

const encoder = new TextEncoder()
const eventText = ({ id, type, ...event }: Event): Uint8Array =>
  encoder.encode(`id: ${id}\nevent: ${type}\ndata: ${JSON.stringify({ id, type, ...event })}\n\n`)

const problem = (code: ProblemCode, retryAfter?: number): Response => {
  const [status, detail] = fakeProblems[code]
  const requestId = 'fake-request'
  const body = { type: `/docs/problems/${code}`, title: code, status, detail, instance: '', code, requestId }
  const headers = {
    'Content-Type': 'application/problem+json',
    ...(retryAfter && { 'Retry-After': `${retryAfter}` }),
  }
  return new Response(JSON.stringify(body), { status, headers })
}

const templates = Object.keys(fakeAnswers).map((route) => ({
  route,
  pattern: new RegExp(`^${route.replaceAll(/\{\w+\}/g, '([^/:]+)')}$`),
}))

/** Whether the query of a stream or page asks for this event. */
const isAsked = (query: URLSearchParams) => (event: Event) =>
  (query.get('organizations')?.split(',').includes(String(event.organization)) ?? true) &&
  (query.get('types')?.split(',').includes(event.type) ?? true)

/**
 * A gateway in memory behind the interface of `fetch`. Lists, adding, statuses, imports and events have state; every other
 * endpoint answers with the example of the OpenAPI document.
 */
export const createFakeGateway = ({ organizations }: { organizations?: FakeOrganization[] } = {}) => {
  const log: Event[] = []
  const streams = new Set<(event: Event) => void>()
  const state = createFakeState(organizations, (event) => {
    log.push(event)
    for (const send of streams) send(event)
  })
  const { endpoints, operationOf } = createFakeEndpoints(state)
  const calls: { method: string; path: string; body: unknown }[] = []
  const failing: Response[] = []
  const answers = new Map<string, Reply>()

  const lastId = (): string => log.at(-1)?.id ?? 'fake-0-0'
  const page = ({ query }: Asked): Reply => {
    const after = log.findIndex(({ id }) => id === query.get('after'))
    const items = log.slice(after + 1).filter(isAsked(query))
    return { body: { items, next: lastId(), hasMore: false } }
  }
  const follow = ({ query, signal }: Asked): Reply => {
    let end = (): void => {}
    const start = (controller: ReadableStreamDefaultController<Uint8Array>): void => {
      const send = (event: Event): void => {
        if (isAsked(query)(event)) controller.enqueue(eventText(event))
      }
      end = () => streams.delete(send)
      streams.add(send)
      signal?.addEventListener('abort', () => {
        if (streams.delete(send)) controller.error(signal.reason)
      })
      controller.enqueue(encoder.encode(`retry: 2000\n\nid: ${lastId()}\n\n`))
    }
    return { stream: new ReadableStream({ start, cancel: () => end() }) }
  }
  const watch = ({ params }: Asked): Reply => {
    const text = `event: operation\ndata: ${JSON.stringify(operationOf(params))}\n\n`
    return { stream: new Response(text).body as ReadableStream<Uint8Array> }
  }

  const answer = (method: string, path: string, asked: Omit<Asked, 'params'>, accept: string): Reply => {
    const isStream = accept === 'text/event-stream'
    const watched = /^\/v1\/operations\/([^/]+)\/events$/.exec(path)
    if (watched) return watch({ ...asked, params: [watched[1] as string] })
    if (path === '/v1/events') return (isStream ? follow : page)({ ...asked, params: [] })
    for (const { route, pattern } of templates) {
      const found = pattern.exec(`${method} ${path}`)
      if (!found) continue
      const params = found.slice(1).map(decodeURIComponent)
      return answers.get(route) ?? endpoints[route]?.({ ...asked, params }) ?? (fakeAnswers[route] as Reply)
    }
    throw new Refused('route.unknown')
  }

  const replyTo = (
    path: string,
    body: unknown,
    { method = 'GET', headers, signal }: RequestInit,
  ): Response => {
    const { pathname, searchParams } = new URL(path, 'http://fake')
    const accept = (headers as Record<string, string>)['Accept'] ?? ''
    const own = { 'X-Request-Id': 'fake-request', Age: '0' }
    try {
      const asked = { query: searchParams, body, signal: signal ?? undefined }
      const { status = 200, body: json, stream } = answer(method, pathname, asked, accept)
      if (stream) return new Response(stream, { headers: own })
      return new Response(json === null ? null : JSON.stringify(json), { status, headers: own })
    } catch (error) {
      if (error instanceof Refused) return problem(error.code)
      throw error
    }
  }

  return {
    /** What was asked, in order. */
    calls,
    /** The organizations and operators; changes of these objects are not told as events. */
    organizations: state.organizations,
    /** The next requests fail with this problem. */
    failNext: (
      code: ProblemCode,
      { times = 1, retryAfter }: { times?: number; retryAfter?: number } = {},
    ): void => {
      for (let n = 0; n < times; n++) failing.push(problem(code, retryAfter))
    },
    /** Answers an endpoint, such as `GET /v1/me`, with this from now on. */
    answer: (route: string, body: unknown, status = 200): void => void answers.set(route, { body, status }),
    fetch: async (url: string, init: RequestInit): Promise<Response> => {
      const body = await contentOf(init)
      const path = url.replace(/^https?:\/\/[^/]+/, '')
      calls.push({ method: init.method ?? 'GET', path, body })
      return failing.shift() ?? replyTo(path, body, init)
    },
  }
}

/** The body as text, or as the value of its JSON. */
const contentOf = async ({ headers, body }: RequestInit): Promise<unknown> => {
  const text = body instanceof Blob ? await body.text() : body
  return (headers as Record<string, string>)['Content-Type'] === 'application/json'
    ? JSON.parse(String(text))
    : text
}

export type FakeGateway = ReturnType<typeof createFakeGateway>
