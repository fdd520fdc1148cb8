import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'

type Value = { stringValue?: string; intValue?: number | string; doubleValue?: number; boolValue?: boolean }
type Attribute = { key: string; value: Value }
type Sent = {
  traceId: string
  spanId: string
  parentSpanId?: string
  name: string
  kind: number
  attributes: Attribute[]
  links?: { traceId: string; spanId: string }[]
  status: { code?: number }
}
export type Span = Omit<Sent, 'attributes'> & { attributes: Record<string, unknown> }

export type OtlpReceiver = {
  /** For OTEL_EXPORTER_OTLP_ENDPOINT. */
  url: string
  spans(): Span[]
  /** Of all that was sent. */
  resource(): Record<string, unknown>
  /** Everything that was received as JSON. */
  text(): string
  /** The bodies in the binary encoding. */
  protobuf(): readonly Buffer[]
  /** Answers with this status from now on. */
  answer(status: number): void
  close(): Promise<void>
}

const plain = ({ stringValue, intValue, doubleValue, boolValue }: Value): unknown =>
  stringValue ?? (intValue === undefined ? (doubleValue ?? boolValue) : Number(intValue))
const recordOf = (attributes: Attribute[]): Record<string, unknown> =>
  Object.fromEntries(attributes.map(({ key, value }) => [key, plain(value)]))

/** What a collector does at `/v1/traces`, by OTLP/HTTP. Spans are read out of JSON only. */
export const startOtlpReceiver = async (): Promise<OtlpReceiver> => {
  const spans: Span[] = []
  let resource = {}
  const binary: Buffer[] = []
  let all = ''
  let status = 200
  const server = createServer(async (req, res) => {
    const type = req.headers['content-type'] ?? ''
    const body = await buffer(req)
    if (type === 'application/x-protobuf') {
      binary.push(body)
      res.writeHead(status, { 'content-type': type }).end()
      return
    }
    const text = body.toString()
    all += text
    type Scope = { spans: Sent[] }
    const { resourceSpans } = JSON.parse(text) as {
      resourceSpans: { resource: { attributes: Attribute[] }; scopeSpans: Scope[] }[]
    }
    for (const { resource: from, scopeSpans } of req.url === '/v1/traces' ? resourceSpans : []) {
      resource = recordOf(from.attributes)
      for (const sent of scopeSpans.flatMap((scope) => scope.spans))
        spans.push({ ...sent, attributes: recordOf(sent.attributes) })
    }
    res.writeHead(status, { 'content-type': 'application/json' }).end('{}')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans: () => spans,
    resource: () => resource,
    text: () => all,
    protobuf: () => binary,
    answer: (next) => {
      status = next
    },
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** The spans of one trace as a tree, one line a span, in the order in which they were sent. */
export const treeOf = (spans: readonly Span[], under: string, depth = 0): string[] =>
  spans
    .filter(({ parentSpanId }) => parentSpanId === under)
    .flatMap(({ name, spanId }) => [`${'  '.repeat(depth)}${name}`, ...treeOf(spans, spanId, depth + 1)])
