import { once } from 'node:events'
import { createServer, type IncomingMessage, request as send } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'

type Seen = { method: string; url: string; hasCredentials: boolean; headers: string[] }

export type OutboundProxy = {
  url: string
  /** The requests that arrived. */
  seen: Seen[]
  close(): void
}

/**
 * An HTTP proxy as companies run it: CONNECT tunnels and absolute-form requests (RFC 9110, section 9.3.6; RFC 9112,
 * section 3.2.2). `mode`:
 * - `open`: everybody may use it
 * - `user:password`: it wants these Basic credentials, and answers 407 without them
 * - `403`: it refuses with this status
 * - `hang`: it accepts connections and never answers
 * - `reset`: it resets each connection when a request arrives
 */
export const startOutboundProxy = async (mode: string): Promise<OutboundProxy> => {
  const wanted = mode.includes(':') ? `Basic ${Buffer.from(mode).toString('base64')}` : undefined
  const seen: Seen[] = []
  /** The status of a refusal. Undefined: the request may pass. */
  const refusalOf = ({ method = '', url = '', headers }: IncomingMessage): number | undefined => {
    const hasCredentials = headers['proxy-authorization'] === wanted
    seen.push({ method, url, hasCredentials, headers: Object.keys(headers) })
    if (wanted && !hasCredentials) return 407
    return /^\d{3}$/.test(mode) ? Number(mode) : undefined
  }
  const sockets = new Set<Socket>()
  const server = createServer((incoming, outgoing) => {
    const status = refusalOf(incoming)
    if (mode === 'hang') return
    if (mode === 'reset') return void incoming.socket.resetAndDestroy()
    if (status) return void outgoing.writeHead(status, { 'Proxy-Authenticate': 'Basic realm="proxy"' }).end()
    const { host, hostname, port, pathname, search } = new URL(incoming.url as string)
    const { 'proxy-authorization': _, ...headers } = incoming.headers
    const { method } = incoming
    const target = { host: hostname, port: port || 80, path: pathname + search, method }
    incoming.pipe(
      send({ ...target, headers: { ...headers, host } }, (answer) => {
        outgoing.writeHead(answer.statusCode as number, answer.headers)
        answer.pipe(outgoing)
      }).on('error', () => outgoing.destroy()),
    )
  })
  server.on('connection', (socket: Socket) => {
    sockets.add(socket.on('close', () => sockets.delete(socket)))
  })
  server.on('connect', (incoming: IncomingMessage, socket: Socket) => {
    socket.on('error', () => {})
    const status = refusalOf(incoming)
    if (mode === 'hang') return
    if (mode === 'reset') return void socket.resetAndDestroy()
    if (status) return void socket.end(`HTTP/1.1 ${status} Refused\r\nContent-Length: 0\r\n\r\n`)
    const [, host, port] = /^(.+):(\d+)$/.exec(incoming.url as string) ?? []
    const target = connect(Number(port), host as string, () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n')
      socket.pipe(target).pipe(socket)
    })
    target.on('error', () => socket.destroy())
    socket.on('close', () => target.destroy())
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    close: () => {
      for (const socket of sockets) socket.destroy()
      server.close()
    },
  }
}
