// node client.mjs URL SECONDS CONNECTIONS [HEADER: VALUE ...] → JSON as of load.mjs. For machines without wrk.
import net from 'node:net'

const [url, seconds, connections, ...headers] = process.argv.slice(2)
const { hostname, port, pathname, search, host } = new URL(url)
const request = [`GET ${pathname}${search} HTTP/1.1`, `Host: ${host}`, ...headers, '', ''].join('\r\n')
const times = []
let failed = 0
const until = performance.now() + Number(seconds) * 1000

const talk = () =>
  new Promise((resolve, reject) => {
    const socket = net.connect(Number(port), hostname)
    let sentAt = 0
    let missing = -1
    let head = ''
    const ask = () => {
      if (performance.now() >= until) return socket.end(resolve)
      missing = -1
      head = ''
      sentAt = performance.now()
      socket.write(request)
    }
    socket.setNoDelay(true).on('connect', ask).on('error', reject)
    socket.on('data', (chunk) => {
      if (missing < 0) {
        head += chunk.toString('latin1')
        const end = head.indexOf('\r\n\r\n')
        if (end < 0) return
        if (!/^HTTP\/1\.1 [23]/.test(head)) failed++
        missing = Number(/^content-length: (\d+)/im.exec(head)?.[1] ?? 0) - (head.length - end - 4)
        if (head.startsWith('HTTP/1.1 304')) missing = 0
      } else missing -= chunk.length
      if (missing > 0) return
      times.push(performance.now() - sentAt)
      ask()
    })
  })

const from = performance.now()
await Promise.all(Array.from({ length: Number(connections) }, talk))
times.sort((a, b) => a - b)
const at = (share) => times[Math.floor(times.length * share)] ?? 0
const rps = times.length / ((performance.now() - from) / 1000)
process.stdout.write(JSON.stringify({ requests: times.length, rps, p50: at(0.5), p99: at(0.99), failed }))
