// The long tail: a constant rate of half of saturation, while lists of 1,000 are loaded anew and an import runs. An open
// loop: what comes late is counted from when it was due (coordinated omission excluded).
import { execFile } from 'node:child_process'
import { constants, setPriority } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { peer, prepareLists } from './hit.mjs'
import { keyHeader, listPath, people, startGateway } from './lib/gateway.mjs'
import { slice } from './lib/load.mjs'
import { loadCore, pins, project } from './lib/processes.mjs'
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

/**
 * A list of 1,000 loaded anew up to five times a second, and imports of 1,000 rows one after another, each into an
 * organization of 3, until told to stop.
 */
const disturb = (gateway, simulator) => {
  let stopped = false
  const until = async (work) => {
    while (!stopped) await work()
  }
  const noCache = { 'Cache-Control': 'no-cache' }
  const csv = (from) =>
    `name\n${people(1000)
      .map(({ name }) => `${name} import ${from}`)
      .join('\n')}\n`
  let made = 0
  const done = Promise.all([
    until(async () => {
      await (await gateway.get(listPath(42), noCache)).arrayBuffer()
      await sleep(200)
    }),
    until(async () => {
      const answer = await fetch(`${gateway.url}/v1/organizations/24/imports`, {
        method: 'POST',
        headers: { ...keyHeader, 'Content-Type': 'text/csv', 'Idempotency-Key': `bench-${++made}` },
        body: csv(made),
      })
      if (answer.status !== 202) throw new Error(`import: ${answer.status} ${await answer.text()}`)
      const { id } = await answer.json()
      while (!stopped) {
        await sleep(100)
        const { state } = await (await gateway.get(`/v1/operations/${id}`)).json()
        if (!['queued', 'running'].includes(state)) break
      }
      await simulator.setOperators(24, 3)
    }),
  ])
  return {
    stop: () => {
      stopped = true
      return done
    },
  }
}

export const run = async ({ short, builds, say }) => {
  const { simulator, bodies } = await prepareLists()
  setPriority(simulator.pid, constants.priority.PRIORITY_LOW) // it shares a core with the client that measures
  const seconds = short ? 2 : 10
  const rounds = short ? 1 : 5
  const rows = []
  const path = listPath(6)
  const bare = await peer('bare', [bodies[1].file])
  for (const { name, dist } of builds) {
    const gateway = await startGateway(simulator, { from: dist, env: { CHATHUB_REQUESTS_PER_SECOND: '20' } })
    await gateway.get(path)
    const target = { url: gateway.url + path, pid: gateway.pid, headers: keyHeader }
    await slice(target)
    const { rps } = await slice({ ...target, seconds: short ? 1 : 3 })
    const rate = Math.floor(rps / 2)
    const measured = new Map([
      ['bare', []],
      [name, []],
      [`${name}, busy`, []],
    ])
    for (let round = 0; round < rounds; round++) {
      measured.get('bare').push(await atRate(bare.url + path, rate, seconds))
      measured.get(name).push(await atRate(gateway.url + path, rate, seconds))
      const disturbing = disturb(gateway, simulator)
      measured.get(`${name}, busy`).push(await atRate(gateway.url + path, rate, seconds))
      await disturbing.stop()
    }
    const of = (results, percentile) => median(results.map((result) => result[percentile])).toFixed(2)
    for (const [server, results] of measured)
      rows.push({
        server,
        'rate, 1/s': rate,
        answered: results.reduce((sum, { requests }) => sum + requests, 0),
        failed: results.reduce((sum, { failed }) => sum + failed, 0),
        'p50 ms': of(results, 'p50'),
        'p99 ms': of(results, 'p99'),
        'p99.9 ms': of(results, 'p999'),
        'p99 to bare': (of(results, 'p99') / of(measured.get('bare'), 'p99')).toFixed(2),
      })
    await gateway.stop()
  }
  say(`9.4 KB, median of ${rounds} × ${seconds} s`, rows)
  await bare.stop()
  await simulator.stop()
  return rows
}
