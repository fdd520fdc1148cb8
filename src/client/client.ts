import { type Api, type Operation, routes } from './api.ts'
import { type Answer, type CallOptions, createCall, createPages } from './call.ts'
import { createFollow, type Follow } from './follow.ts'
import { type Body, type ClientOptions, createSend, type Request, type Send } from './send.ts'

export type * from './api.ts'
export type { Answer, Call, CallOptions, Pages } from './call.ts'
export * from './errors.ts'
export type { EventFilter, FollowOptions, SubscribeOptions, WaitOptions } from './follow.ts'
export type { ClientOptions } from './send.ts'

export type Client = Api & {
  operations: Pick<Follow, 'watch' | 'wait'>
  events: Pick<Follow, 'subscribe'>
  /** Any other request, such as a list as CSV, with the credential, timeout and repetitions of the client. */
  fetch(path: string, init?: CallOptions & { method?: string; body?: Body }): Promise<Response>
}

/** Whether a write was accepted and goes on as an operation. */
export const isOperation = (answer: object): answer is Operation => 'state' in answer && 'startedAt' in answer

const newKey = (): string =>
  Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join(
    '',
  )

const answerOf = async (response: Response): Promise<Answer<unknown>> => {
  const { status, headers } = response
  const text = await response.text()
  const age = headers.get('age')
  return {
    data: text === '' ? undefined : JSON.parse(text),
    status,
    headers,
    requestId: headers.get('x-request-id') ?? '',
    age: age === null ? undefined : Number(age),
  }
}

/** The type of a file without one of its own. The gateway looks at the content, too. */
const fileType = (file: unknown): string =>
  typeof file === 'string' ? 'text/csv' : (file instanceof Blob && file.type) || 'application/octet-stream'

type Route = readonly [method: string, path: string, flags: string]

/** The arguments of a function: those of the path, then body, query and options, as far as the route has them. */
const argumentsOf = ([, path, flags]: Route, given: unknown[]) => {
  const left = [...given]
  return {
    path: path.replaceAll(/\{\w+\}/g, () => encodeURIComponent(String(left.shift()))),
    body: /[bf]/.test(flags) ? left.shift() : undefined,
    query: flags.includes('q') ? (left.shift() as object | undefined) : undefined,
    options: (left.shift() ?? {}) as CallOptions,
  }
}

const requestOf = (route: Route, given: unknown[]): Request<Answer<unknown>> => {
  const [method, , flags] = route
  const { path, body, query, options } = argumentsOf(route, given)
  const { idempotencyKey, ...more } = options
  const isFile = flags.includes('f')
  return {
    ...more,
    method,
    path,
    query,
    read: answerOf,
    headers: {
      Accept: 'application/json',
      // Made once, so that the gateway knows a repetition.
      ...(flags.includes('k') && { 'Idempotency-Key': idempotencyKey ?? newKey() }),
      ...(body !== undefined && { 'Content-Type': isFile ? fileType(body) : 'application/json' }),
      ...more.headers,
    },
    ...(body !== undefined && { body: isFile ? (body as Body) : JSON.stringify(body) }),
  }
}

const bind =
  (send: Send, route: Route) =>
  (...given: unknown[]) => {
    const request = requestOf(route, given)
    if (!/[pe]/.test(route[2])) return createCall(send(request))
    return createPages((more) => send({ ...request, query: { ...request.query, ...more } }) as never)
  }

/** A client of the ChatHub gateway, for Node 20 and later and for browsers. It needs nothing but `fetch`. */
export const createClient = (options: ClientOptions): Client => {
  const send = createSend(options)
  const { watch, wait, subscribe } = createFollow(send, options.pause)
  const groups = Object.entries(routes).map(([group, members]) => {
    const functions = Object.entries(members).map(([name, route]) => [name, bind(send, route)])
    return [group, Object.fromEntries(functions)]
  })
  const api: Api = Object.fromEntries(groups)
  return {
    ...api,
    operations: { ...api.operations, watch, wait },
    events: { ...api.events, subscribe },
    fetch: (path, { method = 'GET', idempotencyKey, headers, ...more } = {}) =>
      send({
        ...more,
        method,
        path,
        headers: { ...(idempotencyKey && { 'Idempotency-Key': idempotencyKey }), ...headers },
        read: async (response) => response,
      }),
  }
}
