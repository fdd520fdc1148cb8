// node open-loop.mjs URL RATE SECONDS HEADER → JSON. Sends at a constant rate whatever the answers do; each answer's time
// counts from when its request was due. Requests queue on their connection when all are busy. What is due in the first second
// is not counted: this program is compiled in it.
import net from 'node:net'

const [url, rate, seconds, header] = process.argv.slice(2)
const { hostname, port, pathname, search, host } = new URL(url)
const request = `GET ${pathname}${search} HTTP/1.1\r\nHost: ${host}\r\n${header}\r\n\r\n`
const unseen = Number(rate)
const total = Math.floor(unseen + Number(rate) * Number(seconds))
const times = new Float64Array(total)
let [answered, failed, sent] = [0, 0, 0]
const waiting = []
const idle = []

const connect = () =>
  new Promise((resolve, reject) => {
    const socket = net.connect(Number(port), hostname).setNoDelay(true)
    const one = { socket, number: 0, due: 0, missing: -1, head: '' }
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
      times[one.number] = performance.now() - one.due
      answered++
      const number = waiting.shift()
      if (number === undefined) idle.push(one)
      else ask(one, number)
    })
  })
const ask = (one, number) => {
  one.number = number
  one.due = dueAt(number)
  one.missing = -1
  one.head = ''
  one.socket.write(request)
}

await Promise.all(Array.from({ length: 64 }, connect))
const began = performance.now()
const dueAt = (number) => began + (number * 1000) / Number(rate)
const tick = () => {
  const now = performance.now()
  for (; sent < total && dueAt(sent) <= now; sent++) {
    const one = idle.shift() // in turn, or a server would end those that are never used
    if (one) ask(one, sent)
    else waiting.push(sent)
  }
  if (answered < total) return void setImmediate(tick)
  const seen = times.subarray(unseen).sort()
  const at = (share) => seen[Math.floor(seen.length * share)]
  const result = { requests: seen.length, failed, p50: at(0.5), p99: at(0.99), p999: at(0.999) }
  process.stdout.write(JSON.stringify(result), () => process.exit(0))
}
tick()
