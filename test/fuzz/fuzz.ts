import { brotliDecompressSync, gunzipSync } from 'node:zlib'
import { Pool as Connections } from 'undici'
import { type Answer, conformanceTo, templateFinder } from '../support/conforms.ts'
import { createDice } from './dice.ts'
import { type OpenApi, operationsOf } from './document.ts'
import { createPool } from './pool.ts'
import { type Credentials, type Made, makeRequest } from './requests.ts'

export type Target = {
  url: string
  /** Asked for again every thousand requests. */
  credentials: () => Promise<Credentials>
  /** Values by the names of fields, for what the document cannot say. */
  known: Record<string, unknown>
  /** Texts that no answer may hold. */
  secrets: readonly string[]
  seed: number
  cases: number
  /** Requests at a time. */
  workers: number
  /** ChatHub fails at times. */
  isFaulty?: boolean
  /** Called before every thousandth case: the place for faults and for a fresh start. */
  everyThousand?: (number: number) => Promise<void>
}
type Found = { fault: string; times: number; first: string }
export type Result = {
  cases: number
  seconds: number
  statuses: Record<string, number>
  /** Operations that answered no success. */
  never: string[]
  operations: number
  found: Found[]
}

/** What turns off what a generated request has turned on. */
const switches = {
  path: '/v1/switches',
  off: '{"readOnly":false,"chathubPaused":false,"draining":false,"logLevel":null}',
}
const asJson = { 'Content-Type': 'application/json' }

/** How much of a faulty answer or body is shown. */
const shown = (text: unknown): string => String(text ?? '').slice(0, 400)
type Stream = AsyncIterable<Buffer> & { arrayBuffer(): Promise<ArrayBuffer> }
const decoders: Record<string, (bytes: Buffer) => Buffer> = { gzip: gunzipSync, br: brotliDecompressSync }
/** The whole text. Of a stream of events, which may never end, the first piece. */
const textOf = async (stream: Stream, headers: Answer['headers']): Promise<string> => {
  if (String(headers['content-type']).startsWith('text/event-stream')) {
    for await (const chunk of stream) return String(chunk)
    return ''
  }
  const bytes = Buffer.from(await stream.arrayBuffer())
  // An answer to HEAD has no body.
  const decode = bytes.length > 0 ? decoders[String(headers['content-encoding'])] : undefined
  return String(decode ? decode(bytes) : bytes)
}
const parsed = (text: string): Record<string, unknown> => {
  try {
    return JSON.parse(text) ?? {}
  } catch {
    return {}
  }
}

/**
 * Sends generated requests to every operation of the gateway's own OpenAPI document, and checks each answer: no 5xx,
 * everything as documented, no secret, the request's id, and a connection that serves the next request.
 * While ChatHub is faulty, a documented 502, 503 or 504 is allowed; 500 never is.
 */
export const fuzz = async (target: Target): Promise<Result> => {
  const { url, known, secrets, seed, cases, workers, isFaulty, everyThousand } = target
  const document = (await (await fetch(`${url}/openapi.json`)).json()) as OpenApi
  const operations = operationsOf(document)
  const faultIn = conformanceTo(document as never)
  const templateOf = templateFinder(Object.keys(document.paths))
  const pool = createPool()
  for (const [name, value] of Object.entries(known)) pool.put(name, value)
  const connections = new Connections(url, { connections: workers, pipelining: 1, headersTimeout: 60_000 })
  const statuses = new Map<number, number>()
  const succeeded = new Set<string>()
  const found = new Map<string, Found>()
  let credentials = await target.credentials()

  const tell = (made: Made, fault: string, answer?: Answer): void => {
    const at = `${made.method} ${templateOf(made.url) ?? 'an unknown path'}`
    // Ids and counts differ from answer to answer; the fault is one.
    const name = `${at}: ${fault}`.replaceAll(/\d{3,}/g, 'N').slice(0, 300)
    const { method, url: sent, headers, body } = made
    const first = `${method} ${shown(sent)} ${JSON.stringify(headers)} ${shown(body)}\n    -> ${answer?.status} ${shown(answer?.text)}`
    const before = found.get(name) ?? { fault: name, times: 0, first }
    found.set(name, { ...before, times: before.times + 1 })
  }

  // Requests to the switches that are not taken back yet, and how many there were.
  let [switching, switched] = [0, 0]
  const faultOf = (
    { method, url: sent, headers }: Made,
    answer: Answer,
    mayBeSwitched: boolean,
  ): string | undefined => {
    const { status, text } = answer
    // What a request has switched off, until that is taken back. A write may be half done by then.
    const isSwitchedOff =
      (status === 503 && /gateway\.read-only|chathub\.paused|"draining"/.test(text)) ||
      (status === 504 && mayBeSwitched && answer.body['code'] === 'write.in-doubt')
    if (status >= 500 && !isSwitchedOff && !(isFaulty && status > 501))
      return `status ${status} ${answer.body['code'] ?? ''}`
    // Where the headers are too large, none of them is read.
    const wanted = status === 431 ? undefined : headers['X-Request-Id']
    if (wanted && /^[A-Za-z0-9_-]{8,64}$/.test(wanted) && answer.headers['x-request-id'] !== wanted)
      return 'the id of the request was not kept'
    const all = JSON.stringify(answer.headers) + text
    // A preflight request is part of CORS, which the document leaves out.
    if (method === 'OPTIONS' && status === 204 && 'Access-Control-Request-Method' in headers) return undefined
    const secret = secrets.find((each) => all.includes(each))
    return secret ? `shows the secret ${secret.slice(0, 4)}…` : faultIn(method, sent, answer)
  }

  const learn = ({ operation, url: sent, method, body }: Made, answer: Answer): void => {
    const isSuccess = answer.status < 400 && method === operation.method
    pool.put('code', answer.body['code'] ?? 'route.unknown')
    if (!isSuccess || templateOf(sent) !== operation.path) return
    succeeded.add(operation.title)
    // The document itself names operations, not what exists.
    if (!('openapi' in answer.body)) pool.harvest(operation.path, answer.body)
    if (typeof body === 'string' && body.startsWith('{')) pool.harvest(operation.path, parsed(body))
    if (answer.headers['etag']) pool.put('etag', answer.headers['etag'])
    const location = String(answer.headers['location'] ?? '').split('/')
    if (location.length > 2) pool.put((location.at(-2) as string).replace(/s$/, ''), location.at(-1))
  }

  const send = async (made: Made): Promise<void> => {
    const { method, url: path, headers, body } = made
    const isSwitch = path === switches.path && method === 'PATCH'
    if (isSwitch) switching++
    const switchedBefore = isSwitch ? switched++ : switched
    const wasSwitching = switching > 0
    try {
      const {
        statusCode,
        headers: answered,
        body: stream,
      } = await connections.request({
        method: method as 'GET',
        path,
        headers,
        ...(body !== undefined && { body }),
      })
      const text = await textOf(stream, answered)
      const answer: Answer = { status: statusCode, headers: answered, text, body: Object(parsed(text)) }
      statuses.set(statusCode, (statuses.get(statusCode) ?? 0) + 1)
      const fault = faultOf(made, answer, wasSwitching || switched > switchedBefore)
      if (fault) tell(made, fault, answer)
      learn(made, answer)
      if (isSwitch && statusCode === 200 && body !== switches.off)
        await send({ ...made, headers: { 'X-API-Key': credentials.key, ...asJson }, body: switches.off })
    } catch (error) {
      const { code, message } = error as Error & { code?: string }
      tell(made, `no answer: ${code ?? ''} ${message}`)
    } finally {
      if (isSwitch) switching--
    }
  }

  // Everything without a parameter is asked first, so that the pool knows what exists.
  for (const operation of operations.filter(({ method, path }) => method === 'GET' && !path.includes('{')))
    await send({ operation, method: 'GET', url: operation.path, headers: { 'X-API-Key': credentials.key } })
  const startedAt = performance.now()
  let next = 0
  while (next < cases) {
    await everyThousand?.(next)
    credentials = await target.credentials()
    const until = Math.min(cases, next + 1000)
    const work = async (): Promise<void> => {
      while (next < until)
        await send(makeRequest({ operations, document, pool, credentials }, createDice(seed + next++)))
    }
    await Promise.all(Array.from({ length: workers }, work))
  }
  const seconds = (performance.now() - startedAt) / 1000
  await connections.close()
  return {
    cases,
    seconds,
    statuses: Object.fromEntries([...statuses].toSorted(([a], [b]) => a - b)),
    never: operations.map(({ title }) => title).filter((title) => !succeeded.has(title)),
    operations: operations.length,
    found: [...found.values()].toSorted((a, b) => b.times - a.times),
  }
}

/** The result as lines. */
export const reportOf = ({ cases, seconds, statuses, never, operations, found }: Result): string =>
  [
    `${cases} requests in ${seconds.toFixed(1)} s, ${Math.round(cases / seconds)} a second, over ${operations} operations`,
    `answers by status: ${JSON.stringify(statuses)}`,
    `operations without a success: ${never.join(', ') || 'none'}`,
    `kinds of faults: ${found.length}`,
    ...found.slice(0, 40).map(({ fault, times, first }) => `  ${times} × ${fault}\n    ${first}`),
  ].join('\n')
