// A child process that sends load over many connections; its orders come as JSON on stdin, its figures go to stdout.
// closed: each connection sends its next request when the last one is answered. open: requests are due at a constant rate,
// whatever the answers do, and a caller that got none within its patience leaves and connects anew.
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'

const {
  port,
  requests,
  connections,
  rate,
  seconds,
  patienceMs = 2000,
} = JSON.parse(await text(process.stdin))
const bytes = requests.map(({ method, path, headers, body = '' }) => {
  const lines = Object.entries({ Host: 'x', ...headers, 'Content-Length': Buffer.byteLength(body) })
  return `${method} ${path} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${body}`
})
/** Ten digits of each request that are not those of another. */
let number = Math.floor(Math.random() * 9e8) * 10
const next = () =>
  bytes[number % bytes.length].replace('0123456789', () => String(++number).padStart(10, '0'))

const times = []
const statuses = {}
let [sent, good, all, left, counting] = [0, 0, 0, 0, false]
const began = performance.now()
/** Connections that may send. */
const idle = []

/** Sockets share a buffer: a buffer for each answer costs the generator more than the answer. */
const buffer = Buffer.allocUnsafe(65_536)
const open = () => {
  const one = { socket: undefined, due: undefined, head: '', missing: -1, isOver: false }
  const take = (size) => {
    if (one.due === undefined) return true
    if (one.missing < 0) {
      one.head += buffer.latin1Slice(0, size)
      const end = one.head.indexOf('\r\n\r\n')
      if (end < 0) return true
      const length = Number(/^content-length: (\d+)/im.exec(one.head)?.[1] ?? 0)
      one.missing = length - (one.head.length - end - 4)
    } else one.missing -= size
    if (one.missing <= 0) answered(one)
    return true
  }
  const socket = connect({ port, host: '127.0.0.1', onread: { buffer, callback: take } })
  one.socket = socket
  socket.on('error', () => {})
  socket.on('close', () => {
    if (!one.isOver) setTimeout(open, 1)
    one.isOver = true
  })
  socket.on('connect', () => {
    if (rate) idle.push(one)
    else ask(one, performance.now())
  })
}
const ask = (one, due) => {
  sent++
  Object.assign(one, { due, head: '', missing: -1 })
  one.socket.write(next())
}
const answered = (one) => {
  const status = one.head.slice(9, 12)
  const ms = performance.now() - one.due
  one.due = undefined
  if (status < '300' && ms <= patienceMs) all++
  if (counting) {
    statuses[status] = (statuses[status] ?? 0) + 1
    if (status < '300' && ms <= patienceMs) {
      good++
      times.push(ms)
    }
  }
  if (/^connection: close/im.test(one.head)) return one.socket.destroy()
  if (rate) idle.push(one)
  else ask(one, performance.now())
}

for (let count = 0; count < connections; count++) open()
if (rate) {
  let due = 0
  const busy = []
  const tick = () => {
    const now = performance.now()
    for (; due * (1000 / rate) <= now - began; due++) {
      let one = idle.shift()
      while (one?.isOver) one = idle.shift()
      const at = began + due * (1000 / rate)
      // All connections are busy: this caller is one too many, as if it had found no free port.
      if (!one) left++
      else {
        ask(one, at)
        busy.push({ one, at })
      }
    }
    while (busy.length > 0 && now - busy[0].at > patienceMs) {
      const { one, at } = busy.shift()
      if (one.due === at) one.socket.destroy()
    }
    setTimeout(tick, 1)
  }
  tick()
}
// What is answered in the first second is not counted: both programs are compiled in it.
setTimeout(() => {
  counting = true
  const from = performance.now()
  setTimeout(() => {
    const took = (performance.now() - from) / 1000
    times.sort((a, b) => a - b)
    const at = (share) => times[Math.floor(times.length * share)] ?? null
    const told = { goodput: good / took, good: all, statuses, sent, left, p50: at(0.5), p99: at(0.99) }
    process.stdout.write(JSON.stringify(told), () => process.exit(0))
  }, seconds * 1000)
}, 1000)
