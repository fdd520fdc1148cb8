// A thousand at once on a cold list, ChatHub answering in 200 ms: how many calls, how long until all are answered?
import { once } from 'node:events'
import net from 'node:net'
import { key, listPath, startGateway, startSimulator } from './lib/gateway.mjs'
import { median } from './lib/rounds.mjs'

export const question = '1,000 at once on a cold list, ChatHub answering in 200 ms'

const readers = 1000

/** A connection that asks one thing after the other; the client must cost little beside the server. */
const connect = async (url) => {
  const { hostname, port, host } = new URL(url)
  const socket = net.connect(Number(port), hostname).setNoDelay(true)
  await once(socket, 'connect')
  return {
    /** The status, once head and body are here. */
    ask: (path) =>
      new Promise((resolve, reject) => {
        let text = ''
        const take = (chunk) => {
          text += chunk.toString('latin1')
          const end = text.indexOf('\r\n\r\n')
          if (end < 0 || text.length < end + 4 + Number(/^content-length: (\d+)/im.exec(text)?.[1])) return
          socket.off('data', take).off('error', reject)
          resolve(Number(text.slice(9, 12)))
        }
        socket.on('data', take).on('error', reject)
        socket.write(`GET ${path} HTTP/1.1\r\nHost: ${host}\r\nX-API-Key: ${key}\r\n\r\n`)
      }),
    close: () => socket.destroy(),
  }
}

export const run = async ({ short, builds, say }) => {
  const rows = []
  const simulator = await startSimulator(['--latency', 200])
  await simulator.setOperators(6, 100)
  for (const { name, dist } of builds) {
    const times = []
    let calls = 0
    let answered = 0
    for (let round = 0; round < (short ? 1 : 5); round++) {
      const gateway = await startGateway(simulator, { from: dist })
      await gateway.get('/v1/organizations')
      const clients = await Promise.all(Array.from({ length: readers }, () => connect(gateway.url)))
      // The code is warm; the list is cold.
      for (let i = 0; i < 3; i++) await Promise.all(clients.map(({ ask }) => ask(listPath(24))))
      await simulator.control('DELETE', 'arrivals')
      const from = performance.now()
      const statuses = await Promise.all(clients.map(({ ask }) => ask(listPath(6))))
      times.push(performance.now() - from)
      const arrivals = await simulator.control('GET', 'arrivals')
      calls = Math.max(calls, arrivals.filter(({ route }) => route === 'list').length)
      answered += statuses.filter((status) => status === 200).length
      for (const { close } of clients) close()
      await gateway.stop()
    }
    rows.push({
      server: name,
      calls,
      'answered 200': `${answered} of ${readers * times.length}`,
      'all answered, ms': Math.round(median(times)),
      'min–max': `${Math.round(Math.min(...times))}–${Math.round(Math.max(...times))}`,
    })
  }
  say('100 operators', rows)
  await simulator.stop()
  return rows
}
