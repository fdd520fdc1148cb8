// A child process: keeps N connections busy with the same requests, which come as JSON on stdin (bodies in base64).
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'

const { port, connections, requests } = JSON.parse(await text(process.stdin))
const bytes = requests.map(({ method, path, headers, body }) => {
  const content = Buffer.from(body, 'base64')
  const lines = Object.entries({ Host: 'x', ...headers, 'Content-Length': content.length })
  const head = `${method} ${path} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`
  return Buffer.concat([Buffer.from(head), content])
})
let next = 0
let answered = 0
const statuses = {}
const run = () => {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => {}).on('close', () => setTimeout(run, 1))
  const send = () => socket.write(bytes[next++ % bytes.length])
  socket.on('connect', send)
  socket.on('data', (chunk) => {
    const status = /^HTTP\/1\.1 (\d+)/.exec(chunk.toString('latin1', 0, 12))?.[1]
    if (!status) return
    answered++
    statuses[status] = (statuses[status] ?? 0) + 1
    if (/\r\nconnection: close/i.test(chunk.toString('latin1'))) socket.destroy()
    else send()
  })
}
for (let connection = 0; connection < connections; connection++) run()
process.on('SIGTERM', () => {
  process.stdout.write(JSON.stringify({ answered, statuses }))
  process.exit(0)
})
