// An HTTP proxy as companies run it: CONNECT tunnels and absolute-form requests (RFC 9110, section 9.3.6; RFC 9112, section
// 3.2.2). Usage: node outbound-proxy.mjs MODE. It prints the ready line, and one for each request.
//   open            everybody may use it
//   user:password   it wants these Basic credentials, and answers 407 without them
//   403             it refuses with this status
//   hang            it accepts connections and never answers
//   reset           it resets each connection when a request arrives
import { createServer, request as send } from 'node:http'
import { connect } from 'node:net'

const mode = process.argv[2] ?? 'open'
const print = (line) => process.stdout.write(`${JSON.stringify(line)}\n`)
const wanted = mode.includes(':') ? `Basic ${Buffer.from(mode).toString('base64')}` : undefined

/** The status of a refusal. Undefined: the request may pass. */
const refusalOf = ({ method, url, headers }) => {
  const hasCredentials = headers['proxy-authorization'] === wanted
  print({ method, url, hasCredentials, sees: Object.keys(headers) })
  if (wanted && !hasCredentials) return 407
  return /^\d{3}$/.test(mode) ? Number(mode) : undefined
}

const server = createServer((incoming, outgoing) => {
  const status = refusalOf(incoming)
  if (mode === 'hang') return
  if (mode === 'reset') return incoming.socket.resetAndDestroy()
  if (status) return outgoing.writeHead(status, { 'Proxy-Authenticate': 'Basic realm="proxy"' }).end()
  const { host, pathname, search } = new URL(incoming.url)
  const { 'proxy-authorization': _, ...headers } = incoming.headers
  const target = { host: host.split(':')[0], port: host.split(':')[1] ?? 80, path: pathname + search }
  incoming.pipe(
    send({ ...target, method: incoming.method, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode, answer.headers)
      answer.pipe(outgoing)
    }).on('error', () => outgoing.destroy()),
  )
})
server.on('connect', (incoming, socket) => {
  socket.on('error', () => {})
  const status = refusalOf(incoming)
  if (mode === 'hang') return
  if (mode === 'reset') return socket.resetAndDestroy()
  if (status) return socket.end(`HTTP/1.1 ${status} Refused\r\nContent-Length: 0\r\n\r\n`)
  const [, host, port] = /^(.+):(\d+)$/.exec(incoming.url)
  const target = connect(port, host, () => {
    socket.write('HTTP/1.1 200 Connection established\r\n\r\n')
    socket.pipe(target).pipe(socket)
  })
  target.on('error', () => socket.destroy())
  socket.on('close', () => target.destroy())
})
server.listen(0, '127.0.0.1', () => print({ msg: 'ready', url: `http://127.0.0.1:${server.address().port}` }))
