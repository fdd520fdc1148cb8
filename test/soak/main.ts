// npm run test:soak -- [--minutes 20] [--seed n] [--rate 40] [--report file]
import { randomInt } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { loadavg } from 'node:os'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { createDice } from '../fuzz/dice.ts'
import { stopEverything } from '../support/children.ts'
import { createAsking } from './asking.ts'
import { createFaults } from './faults.ts'
import { lateWindowMs, startFleet } from './fleet.ts'
import { createLoad } from './load.ts'
import { faultsOfLogs, machine, reportOf } from './report.ts'
import { type Held, keysOf, probe, type Rest, type Sample } from './samples.ts'
import { createTruth } from './truth.ts'
import { createWriting } from './writing.ts'

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '20' },
    seed: { type: 'string', default: String(randomInt(2 ** 31)) },
    /** Actions a second. An action is one request or a few. */
    rate: { type: 'string', default: '40' },
    report: { type: 'string' },
  },
})
const [minutes, seed, rate] = [values.minutes, values.seed, values.rate].map(Number) as [
  number,
  number,
  number,
]
const date = new Date().toISOString().slice(0, 16)
const head = `\`npm run test:soak -- --minutes ${minutes} --seed ${seed} --rate ${rate}\`, ${date} UTC, ${machine()}.\n`
process.stdout.write(`seed ${seed}\n`)
/** How long this program itself was kept waiting: nothing here can be judged by less. */
const stalls = monitorEventLoopDelay()
stalls.enable()

const fleet = await startFleet(seed, (said) => asking.fault('an instance ended by itself', said))
const dice = createDice(seed + 1)
const asking = createAsking(fleet, dice)
/** The load pauses after each of them. The first warms the instances up. */
const rounds = 4
let isOver = false
let inFlight = 0
// The faults know when Redis was emptied, and the writes tell the faults when to do that.
const organizations = (await fleet.control<{ id: number }[]>('GET', 'organizations')).map(({ id }) => id)
const faults = createFaults({
  fleet,
  asking,
  seed: seed + 2,
  isWriting: () => writing.isWriting(),
  isOver: () => isOver,
})
const writing = createWriting(asking, faults.flushedBetween)
const truth = createTruth(fleet, asking, faults.flushedBetween)
const rows = await fleet.control<{ id: number; status: number; organizationId: number }[]>('GET', 'operators')
// Some hundreds are enough to change.
const operators = new Map(
  organizations.map((id) => [
    id,
    rows
      .filter((row) => row.organizationId === id && row.status < 2)
      .map((row) => row.id)
      .slice(0, 150),
  ]),
)
const act = createLoad({
  asking,
  writing,
  truth,
  dice,
  organizations,
  operators,
  login: () => ({ login: 'soak', password: fleet.key() }),
})

/** Under load, and at rest after each round of it. */
const [samples, rests]: [Sample[], Rest[]] = [[], []]
let busiest = 0
const countArrivals = async (): Promise<void> => {
  if (faults.isFrozen()) return
  busiest = Math.max(busiest, (await fleet.control<{ count: number }>('GET', 'busiest-second')).count)
  await fleet.control('DELETE', 'arrivals')
}
const startSampling = async (): Promise<void> => {
  while (!isOver) {
    const open = asking.openAt(fleet.slots[0])
    const held = await probe(fleet.slots[0])
    if (held) samples.push({ at: asking.seconds(), open, ...held })
    await countArrivals().catch(() => {})
    await sleep(8000)
  }
}
const startLoad = async (): Promise<void> => {
  let due = performance.now()
  while (!isOver) {
    due = Math.max(due + 1000 / rate, performance.now() - 1000)
    await sleep(Math.max(0, due - performance.now()))
    if (inFlight > 300) continue
    inFlight++
    void act()
      .catch((error: Error) => asking.fault('the soak itself', error.stack))
      .finally(() => inFlight--)
  }
}

/**
 * Waits until nothing is under way and late requests are known, compares each organization, which then has the operators of
 * the start again, lets the instances read them, and takes down what is held for no request and for no other data.
 */
const rest = async (): Promise<void> => {
  while (inFlight > 0) await sleep(200)
  await sleep(lateWindowMs + 5000)
  for (const id of organizations) while (!(await truth.compare(id))) await sleep(1000)
  for (const slot of fleet.slots)
    for (const id of organizations)
      await asking.ask('list, no-cache', 'GET', `/v1/organizations/${id}/operators`, {
        slot,
        from: [`/v1/organizations/${id}`],
        headers: { 'Cache-Control': 'no-cache' },
      })
  await asking.rest()
  // What stays is in each of them. What a refresh needs is not.
  const probes: Held[] = []
  for (let i = 0; i < 5; i++) {
    await sleep(3000)
    const held = await probe(fleet.slots[0])
    if (held) probes.push(held)
  }
  const [held] = probes.toSorted((a, b) => a.heapMiB + a.externalMiB - b.heapMiB - b.externalMiB)
  if (!held) return asking.fault('the soak itself', 'the instance does not say what it holds')
  rests.push({ ...held, ...(await keysOf(fleet)) })
  process.stdout.write(`${asking.seconds().toFixed(0)} s: at rest ${JSON.stringify(rests.at(-1))}\n`)
}

await rest()
const startedAt = asking.seconds()
for (let round = 1; round <= rounds; round++) {
  isOver = false
  const work = [startLoad(), startSampling(), faults.run()]
  await sleep((minutes * 60_000) / rounds)
  isOver = true
  await Promise.all(work)
  process.stdout.write(`${asking.seconds().toFixed(0)} s: round ${round} ends\n`)
  await rest()
}
const cores = ((rests.at(-1)?.cpuSeconds ?? 0) - (rests[0]?.cpuSeconds ?? 0)) / (asking.seconds() - startedAt)
await countArrivals()
const [, , load = 0] = loadavg()
const machineNow = `Load average ${load.toFixed(1)}; the soak itself was stalled for ${(stalls.max / 1e9).toFixed(1)} s at most.\n`
const exits = await fleet.stopInstances()
const { text, holds } = reportOf({
  asking,
  truth,
  samples,
  rests,
  faultCounts: faults.counts,
  logs: faultsOfLogs(fleet),
  busiest,
  exits: exits.map(String),
  head: `${head}${machineNow}`,
  cores,
})
process.stdout.write(text)
if (values.report) {
  await writeFile(values.report, text)
  await writeFile(`${values.report}.samples.json`, JSON.stringify({ samples, rests }))
}
await fleet.stop()
await stopEverything()
process.exit(holds ? 0 : 1)
