// node open-loop.mjs URL RATE SECONDS HEADER → JSON. Sends at a constant rate whatever the answers do; each answer's time
// counts from when its request was due. Requests queue on their connection when all are busy.
import net from 'node:net'

const [url, rate, seconds, header] = process.argv.slice(2)
const { hostname, port, pathname, search, host } = new URL(url)
const request = `GET ${pathname}${search} HTTP/1.1\r\nHost: ${host}\r\n${header}\r\n\r\n`
const total = Math.floor(Number(rate) * Number(seconds))
const times = new Float64Array(total)
let [answered, failed, sent] = [0, 0, 0]
const waiting = []
const idle = []

const connect = () =>
  new Promise((resolve, reject) => {
    const socket = net.connect(Number(port), hostname).setNoDelay(true)
    const one = { socket, due: 0, missing: -1, head: '' }
    socket.on('error', reject)
    socket.on('connect', () => {
      idle.push(one)
      resolve()
    })
    socket.on('data', (chunk) => {
      if (one.missing < 0) {
        one.head += chunk.toString('latin1')
        const end = one.head.indexOf('\r\n\r\n')
        if (end < 0) return
        if (!one.head.startsWith('HTTP/1.1 200')) failed++
        const length = Number(/^content-length: (\d+)/im.exec(one.head)?.[1] ?? 0)
        one.missing = length - (one.head.length - end - 4)
      } else one.missing -= chunk.length
      if (one.missing > 0) return
      times[answered++] = performance.now() - one.due
      const due = waiting.shift()
      if (due === undefined) idle.push(one)
      else ask(one, due)
    })
  })
const ask = (one, due) => {
  one.due = due
  one.missing = -1
  one.head = ''
  one.socket.write(request)
}

await Promise.all(Array.from({ length: 64 }, connect))
const began = performance.now()
const tick = () => {
  const now = performance.now()
  for (; sent < total; sent++) {
    const due = began + (sent * 1000) / Number(rate)
    if (due > now) break
    const one = idle.shift() // in turn, or a server would end those that are never used
    if (one) ask(one, due)
    else waiting.push(due)
  }
  if (answered < total) return void setImmediate(tick)
  times.sort()
  const at = (share) => times[Math.floor(total * share)]
  const result = { requests: answered, failed, p50: at(0.5), p99: at(0.99), p999: at(0.999) }
  process.stdout.write(JSON.stringify(result), () => process.exit(0))
}
tick()
