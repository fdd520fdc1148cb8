// What does it weigh to remember 2,000 organizations of 100 operators, and to hold 10,000 idle connections?
import { once } from 'node:events'
import net from 'node:net'
import { keyHeader, listPath, startGateway, startSimulator } from './lib/gateway.mjs'
import { rssOf } from './lib/processes.mjs'

export const question = 'Growth above idle: lists in memory, idle connections'

const inBatches = async (all, size, work) => {
  for (let from = 0; from < all.length; from += size)
    await Promise.all(all.slice(from, from + size).map(work))
}

const connectIdle = async (url) => {
  const { hostname, port } = new URL(url)
  const socket = net.connect(Number(port), hostname)
  await once(socket, 'connect')
  socket.write(`GET /v1/me HTTP/1.1\r\nHost: x\r\nX-API-Key: ${keyHeader['X-API-Key']}\r\n\r\n`)
  await once(socket, 'data')
  return socket
}

export const run = async ({ short, builds, say }) => {
  const lists = short ? 50 : 2000
  const connections = short ? 50 : 10_000
  const simulator = await startSimulator(['--organizations', lists, '--operators', lists * 100])
  const rows = []
  for (const { name, dist } of builds) {
    const gateway = await startGateway(simulator, { from: dist })
    const { items } = await (await gateway.get('/v1/organizations')).json()
    const idle = rssOf(gateway.pid)
    await inBatches(items, 50, async ({ id }) => (await gateway.get(listPath(id))).arrayBuffer())
    const filled = rssOf(gateway.pid)
    const { cache } = await (await gateway.get('/v1/upstream')).json()
    await gateway.stop()

    const second = await startGateway(simulator, { from: dist })
    await second.get('/v1/me')
    const before = rssOf(second.pid)
    const sockets = []
    await inBatches(Array(connections).fill(second.url), 200, async (url) => {
      sockets.push(await connectIdle(url))
    })
    const held = rssOf(second.pid)
    for (const socket of sockets) socket.destroy()
    await second.stop()
    rows.push({
      server: name,
      'idle MiB': Math.round(idle),
      lists: cache.lists,
      'their bytes, MiB': (cache.bytes / 2 ** 20).toFixed(1),
      'above idle with lists, MiB': Math.round(filled - idle),
      connections: sockets.length,
      'above idle with connections, MiB': Math.round(held - before),
    })
  }
  say('resident memory', rows)
  await simulator.stop()
  return rows
}
