import type { IncomingHttpHeaders } from 'node:http'
import type { McpAnswer, McpMessage } from '../../contract/mcp.ts'

/** The newest revision needs no handshake: each request names its revision itself. */
const modern = ['2026-07-28']
/** Revisions that begin with `initialize`. */
const legacy = ['2025-11-25', '2025-06-18'] as const
const supported = [...modern, ...legacy]
const versionField = 'io.modelcontextprotocol/protocolVersion'
/** How long a client may keep the list of tools, ms. Rights may change. */
const keepMs = 60_000

type Reply = { status: number; json: McpAnswer }
type Params = Record<string, unknown>
type Methods = {
  /** The tools that the caller may use. */
  list(): object[]
  /** Undefined: there is no such tool. */
  call(name: string, args: Params): Promise<object> | undefined
}
type Server = { name: string; version: string; instructions: string }

const isObject = (value: unknown): value is Params =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** What the headers of a request say otherwise than its message. A proxy may have decided by the headers. */
const mismatch = (headers: IncomingHttpHeaders, method: string, params: Params, version: unknown) =>
  Object.entries({
    'mcp-protocol-version': version,
    'mcp-method': method,
    ...(method === 'tools/call' && { 'mcp-name': params['name'] }),
  }).find(([name, value]) => headers[name] !== value)?.[0]

/** Answers one request of the Model Context Protocol without keeping anything between requests. */
export const answerMcp = async (
  { id, method, params = {} }: McpMessage & { id: string | number; method: string },
  headers: IncomingHttpHeaders,
  { name, version, instructions }: Server,
  methods: Methods,
): Promise<Reply> => {
  const serverInfo = { name, version }
  const fail = (status: number, code: number, message: string, data?: Params): Reply => ({
    status,
    json: { jsonrpc: '2.0', id, error: { code, message, ...(data && { data }) } },
  })
  const succeed = (result: object): Reply => {
    const meta = { resultType: 'complete', _meta: { 'io.modelcontextprotocol/serverInfo': serverInfo } }
    return { status: 200, json: { jsonrpc: '2.0', id, result: { ...meta, ...result } } }
  }

  const { [versionField]: claimed } = isObject(params['_meta']) ? params['_meta'] : {}
  const inHeader = headers['mcp-protocol-version']
  const requested = claimed ?? inHeader
  if (requested !== undefined && !supported.includes(String(requested)))
    return fail(400, -32022, 'This protocol version is not supported.', { supported, requested })
  const isModern = modern.includes(String(requested))
  const differs = isModern && mismatch(headers, method, params, claimed)
  if (differs) return fail(400, -32020, `The header ${differs} differs from the message.`)

  const about = { capabilities: { tools: {} }, instructions }
  switch (method) {
    case 'server/discover':
      return succeed({ supportedVersions: supported, ...about, ttlMs: keepMs, cacheScope: 'private' })
    case 'initialize': {
      const wanted = legacy.find((each) => each === params['protocolVersion'])
      return succeed({ protocolVersion: wanted ?? legacy[0], ...about, serverInfo })
    }
    case 'ping':
      return succeed({})
    case 'tools/list':
      return succeed({ tools: methods.list(), ttlMs: keepMs, cacheScope: 'private' })
    case 'tools/call': {
      const { name: tool, arguments: args = {} } = params
      if (typeof tool !== 'string' || !isObject(args)) return fail(200, -32602, 'Wanted: name and arguments.')
      const called = methods.call(tool, args)
      return called
        ? succeed(await called)
        : fail(200, -32602, 'There is no such tool. Wanted: one of tools/list.')
    }
    default:
      return fail(isModern ? 404 : 200, -32601, 'There is no such method. Wanted: tools/list or tools/call.')
  }
}
