// The long tail: a constant rate of half of saturation, at rest, and while lists of 1,000 that changed are loaded anew and
// imports run. An open loop: what comes late is counted from when it was due (coordinated omission excluded).
import { execFile } from 'node:child_process'
import { constants, setPriority } from 'node:os'
import { promisify } from 'node:util'
import { peer, prepareLists } from './hit.mjs'
import { keyHeader, listPath, startGateway } from './lib/gateway.mjs'
import { slice } from './lib/load.mjs'
import { loadCore, pins, project, rssOf, start } from './lib/processes.mjs'
import { median } from './lib/rounds.mjs'

export const question =
  'Latency at half of the gateway’s saturation, lists refreshing and an import running, to bare'

const runFile = promisify(execFile)

const atRate = async (url, rate, seconds) => {
  const args = [
    `${project}test/bench/lib/open-loop.mjs`,
    url,
    rate,
    seconds,
    `X-API-Key: ${keyHeader['X-API-Key']}`,
  ]
  const [program, ...rest] = pins
    ? ['taskset', '-c', loadCore, process.execPath, ...args]
    : [process.execPath, ...args]
  const { stdout } = await runFile(program, rest.map(String))
  return JSON.parse(stdout)
}

/** What keeps a gateway busy beside its readers; on the core of the load, which goes first there. */
const keepBusy = (gateway, simulator) => {
  const busy = start(loadCore, process.execPath, [
    `${project}test/bench/lib/busy.mjs`,
    gateway.url,
    simulator.url,
    keyHeader['X-API-Key'],
  ])
  setPriority(busy.pid, constants.priority.PRIORITY_LOW)
  return busy
}

export const run = async ({ short, builds, say, rounds: given = 5, flags = [] }) => {
  const { simulator, bodies } = await prepareLists()
  setPriority(simulator.pid, constants.priority.PRIORITY_LOW)
  const env = { CHATHUB_REQUESTS_PER_SECOND: '20' }
  const [seconds, rounds, warm] = short ? [1, 1, 1] : [10, given, 20]
  const path = listPath(6)
  const bare = await peer('bare', [bodies[1].file])
  // The same work, done elsewhere: what it costs the core of the load is no fault of the server's.
  const elsewhere = await startGateway(simulator, { env, core: loadCore })
  setPriority(elsewhere.pid, constants.priority.PRIORITY_LOW)
  const startOne = async ({ name, dist: from, execArgv = [] }) => {
    const gateway = await startGateway(simulator, { from, env, execArgv })
    await gateway.get(path)
    const target = { url: gateway.url + path, pid: gateway.pid, headers: keyHeader }
    await slice(target)
    const { rps } = await slice({ ...target, seconds: short ? 1 : 3 })
    return { name, gateway, rps }
  }
  const gateways = []
  for (const one of [...builds, ...flags.map((flag) => ({ ...builds[0], name: flag, execArgv: [flag] }))])
    gateways.push(await startOne(one))
  const rate = Math.floor(gateways[0].rps / 2)

  const contestants = [
    { server: 'bare', one: bare },
    { server: 'bare, busy elsewhere', one: bare, worker: elsewhere },
    ...gateways.slice(0, builds.length).map(({ name, gateway }) => ({ server: name, one: gateway })),
    ...gateways.map(({ name, gateway }) => ({ server: `${name}, busy`, one: gateway, worker: gateway })),
  ].map((contestant) => ({ ...contestant, results: [] }))
  const measure = async ({ one, worker }, time) => {
    const busy = worker && keepBusy(worker, simulator)
    const result = await atRate(one.url + path, rate, time)
    if (busy && !busy.runs()) throw new Error('The busy work has ended')
    await busy?.stop()
    return result
  }
  for (const one of contestants) await measure(one, warm)
  for (let round = 0; round < rounds; round++)
    for (const one of contestants) one.results.push(await measure(one, seconds))

  const p99Of = ({ results }) => median(results.map(({ p99 }) => p99))
  const rows = contestants.map(({ server, one, worker, results }) => {
    const of = (percentile) => median(results.map((result) => result[percentile]))
    return {
      server,
      answered: results.reduce((sum, { requests }) => sum + requests, 0),
      failed: results.reduce((sum, { failed }) => sum + failed, 0),
      'p50 ms': of('p50').toFixed(2),
      'p99 ms': of('p99').toFixed(2),
      'p99.9 ms': of('p999').toFixed(2),
      'p99 of rounds': results.map(({ p99 }) => p99.toFixed(1)).join(' '),
      'p99 to bare': (of('p99') / p99Of(contestants[worker ? 1 : 0])).toFixed(2),
      MiB: Math.round(rssOf(one.pid)),
    }
  })
  say(`9.4 KB, ${rate} requests a second, median of ${rounds} × ${seconds} s after ${warm} s each`, rows)
  for (const { gateway } of gateways) await gateway.stop()
  await elsewhere.stop()
  await bare.stop()
  await simulator.stop()
  return rows
}
