import type { IncomingMessage, ServerResponse } from 'node:http'
import { readIncoming } from './incoming.ts'
import type { RouteName } from './routes.ts'
import type { Simulator } from './simulator.ts'

type Query = URLSearchParams
type Command = (simulator: Simulator, query: Query, body: unknown, path: string) => unknown

const prefix = '/__sim/'

/** Commands by method and first path segment; a result of undefined is answered with 204. */
const commands: Record<string, Command> = {
  'POST faults': (simulator, _query, body) => {
    for (const fault of Array.isArray(body) ? body : [body]) simulator.fault(fault)
  },
  'DELETE faults': (simulator) => simulator.clearFaults(),
  'GET arrivals': (simulator) => simulator.arrivals(),
  'DELETE arrivals': (simulator) => simulator.clearArrivals(),
  'GET busiest-second': (simulator, query) => {
    const route = query.get('route') as RouteName | null
    return simulator.busiestSecond(route === null ? {} : { route })
  },
  'GET organizations': (simulator) => simulator.organizations(),
  'GET operators': (simulator, query) => {
    const organization = query.get('organizationId')
    return simulator.operators(organization === null ? undefined : Number(organization))
  },
  'PUT operators': (simulator, _query, body, path) => {
    if (!Array.isArray(body)) throw new TypeError('Give an array of {id?, name, status?}')
    simulator.setOperators(Number(path), body)
  },
  'POST revoke': (simulator, _query, body) =>
    simulator.revokeToken((body as { token?: string } | undefined)?.token),
  'POST accept': (simulator, _query, body) => simulator.acceptToken((body as { token: string }).token),
  'GET tokens': (simulator) => simulator.issuedTokens(),
}

export function isControl(request: IncomingMessage): boolean {
  return request.url?.startsWith(prefix) ?? false
}

/**
 * Controls the simulator from another process. These requests need no token, are not counted as arrivals, and
 * are affected by no fault. Answers 204 or 200 with JSON, 400 `{error}` for an invalid command, 404 for an unknown one.
 */
export async function control(
  request: IncomingMessage,
  response: ServerResponse,
  simulator: Simulator,
): Promise<void> {
  const { method, path, query, json } = await readIncoming(request)
  const [name = '', rest = ''] = path.slice(prefix.length).split('/')
  const command = commands[`${method} ${name}`]
  if (!command) return send(response, 404, { error: `No command ${method} ${path}` })
  try {
    const result = command(simulator, query, json, rest)
    send(response, result === undefined ? 204 : 200, result)
  } catch (error) {
    send(response, 400, { error: error instanceof Error ? error.message : String(error) })
  }
}

function send(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, value === undefined ? {} : { 'content-type': 'application/json' })
  response.end(value === undefined ? undefined : JSON.stringify(value))
}
