// From spawn to ready, and what it weighs then.

import { startGateway, startSimulator } from './lib/gateway.mjs'
import { rssOf, scratch } from './lib/processes.mjs'
import { median } from './lib/rounds.mjs'

export const question = 'Spawn to ready'

export const run = async ({ short, builds, say }) => {
  const simulator = await startSimulator()
  const rows = []
  const canCompileCache = Number(process.versions.node.split('.')[0]) >= 22
  for (const { name, dist } of builds)
    for (const cached of canCompileCache ? [false, true] : [false]) {
      const env = cached ? { NODE_COMPILE_CACHE: `${scratch}/compile-cache` } : {}
      const times = []
      const weights = []
      // The compile cache is written at a clean exit, so one start goes before those that count.
      for (let round = cached ? -1 : 0; round < (short ? 1 : 5); round++) {
        const from = performance.now()
        const gateway = await startGateway(simulator, { from: dist, env })
        if (round >= 0) {
          times.push(performance.now() - from)
          weights.push(rssOf(gateway.pid))
          await gateway.stop()
        } else {
          process.kill(gateway.pid, 'SIGTERM')
          await gateway.exited
        }
      }
      rows.push({
        server: cached ? `${name}, compile cache warm` : name,
        'median ms': Math.round(median(times)),
        'min–max': `${Math.round(Math.min(...times))}–${Math.round(Math.max(...times))}`,
        'RSS MiB': Math.round(median(weights)),
      })
    }
  say(`median of ${short ? 1 : 5}`, rows)
  await simulator.stop()
  return rows
}
