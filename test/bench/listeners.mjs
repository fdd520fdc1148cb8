// What do 10,000 listeners of GET /v1/events weigh, and how long until one event is with all of them?
import { once } from 'node:events'
import net from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { key, keyHeader, startGateway, startSimulator } from './lib/gateway.mjs'
import { cpuOf, rssOf } from './lib/processes.mjs'

export const question = 'Listeners of /v1/events: growth above idle, and one event to all'

const steps = 4
const atOnce = 100
const restMs = 3000

const listen = async ({ hostname, port }, onEvent) => {
  const socket = net.connect(Number(port), hostname)
  await once(socket, 'connect')
  socket.write(`GET /v1/events?organizations=24 HTTP/1.1\r\nHost: x\r\nX-API-Key: ${key}\r\n\r\n`)
  await new Promise((resolve, reject) => {
    socket.on('data', (bytes) => {
      const text = bytes.toString('latin1')
      if (text.includes('\nid: ')) resolve()
      if (text.includes('event: ')) onEvent()
    })
    socket.on('close', () => reject(new Error('a listener was cut')))
  })
  return socket
}

export const run = async ({ short, builds, say }) => {
  const listeners = short ? 200 : 10_000
  const events = short ? 3 : 10
  const simulator = await startSimulator()
  const rows = []
  for (const { name, dist } of builds) {
    const env = { QUOTAS_PER_CLIENT: 'streams=20000' }
    const gateway = await startGateway(simulator, { from: dist, env })
    const url = new URL(gateway.url)
    await gateway.get('/v1/organizations/24/operators')
    const idle = rssOf(gateway.pid)
    const sockets = []
    const above = []
    let heard = 0
    let allHeard = () => {}
    const onEvent = () => {
      if (++heard === listeners) allHeard()
    }
    for (let step = 1; step <= steps; step++) {
      while (sockets.length < (listeners / steps) * step)
        sockets.push(
          ...(await Promise.all(Array.from({ length: atOnce / steps }, () => listen(url, onEvent)))),
        )
      await sleep(restMs)
      above.push(rssOf(gateway.pid) - idle)
    }
    const cpuBefore = cpuOf(gateway.pid)
    await sleep(restMs)
    const restingCpu = (cpuOf(gateway.pid) - cpuBefore) / 10 / restMs
    const times = []
    let cpu = 0
    for (let event = 0; event < events; event++) {
      heard = 0
      const all = new Promise((resolve) => {
        allHeard = resolve
      })
      const since = performance.now()
      const cpuSince = cpuOf(gateway.pid)
      const status = event % 2 === 0 ? 'inactive' : 'active'
      const answer = await fetch(`${gateway.url}/v1/organizations/24/operators/101`, {
        method: 'PATCH',
        headers: { ...keyHeader, 'Content-Type': 'application/json' },
        body: JSON.stringify({ status }),
      })
      if (!answer.ok) throw new Error(`PATCH: ${answer.status} ${await answer.text()}`)
      await all
      times.push(performance.now() - since)
      await sleep(200)
      cpu += (cpuOf(gateway.pid) - cpuSince) / 1000 / events
    }
    times.sort((a, b) => a - b)
    const [quarter, , , last] = above
    rows.push({
      server: name,
      'idle MiB': Math.round(idle),
      listeners: sockets.length,
      'above idle, MiB': Math.round(last),
      'KiB for each further one': (((last - quarter) * 1024) / (listeners * (1 - 1 / steps))).toFixed(1),
      'CPU while nothing happens, %': restingCpu.toFixed(1),
      'one event to all, ms, median': Math.round(times[times.length >> 1]),
      'its CPU in the gateway, ms': Math.round(cpu),
      longest: Math.round(times.at(-1)),
      'resident after, MiB above idle': Math.round(rssOf(gateway.pid) - idle),
    })
    for (const socket of sockets) socket.removeAllListeners('close').destroy()
    await gateway.stop()
  }
  say('one gateway without Redis, one organization', rows)
  await simulator.stop()
  return rows
}
