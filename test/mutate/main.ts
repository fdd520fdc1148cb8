// npm run mutate -- [--sample 60] [--seed n] [--folders throttle,cache,writes,access] [--report file]
import { type ChildProcess, fork } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { createDice } from '../fuzz/dice.ts'
import { track } from '../support/children.ts'
import { type Mutant, mutantsOf } from './mutants.ts'
import { suitesFor } from './suites.ts'

const { values } = parseArgs({
  options: {
    /** Mutants of each folder. */
    sample: { type: 'string', default: '60' },
    seed: { type: 'string', default: String(randomInt(2 ** 31)) },
    folders: { type: 'string', default: 'throttle,cache,writes,access' },
    /** Suites of other folders that are tried when those of the own folder pass. */
    others: { type: 'string', default: '3' },
    /** Tries only the survivors of an earlier report again. */
    again: { type: 'string' },
    report: { type: 'string' },
  },
})
const [sample, seed, others] = [values.sample, values.seed, values.others].map(Number) as [
  number,
  number,
  number,
]
type Answer = { success: boolean; tests: number; ms: number; messages: string }

// A worker keeps the modules of every suite it ran, so it is replaced now and then.
const runsMax = 60
let worker: ChildProcess | undefined
let runs = 0
const startWorker = (): ChildProcess => {
  runs = 0
  const started = fork(new URL('worker.mjs', import.meta.url), {
    execArgv: ['--experimental-vm-modules', '--no-warnings'],
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  })
  void track(started).then(() => {
    if (worker === started) worker = undefined
  })
  return started
}
const runOnce = (
  suite: string,
  mutant: Mutant | null,
  limitMs: number,
): Promise<Answer | 'late' | 'gone'> => {
  if (runs++ > runsMax) worker?.kill('SIGKILL')
  if (runs > runsMax) worker = undefined
  worker ??= startWorker()
  const current = worker
  return new Promise((resolve) => {
    const end = (answer: Answer | 'late' | 'gone'): void => {
      clearTimeout(timer)
      current.off('message', end)
      current.off('exit', gone)
      if (typeof answer === 'string') {
        current.kill('SIGKILL')
        worker = undefined
      }
      resolve(answer)
    }
    const gone = (): void => end('gone')
    const timer = setTimeout(end, limitMs, 'late')
    current.on('message', end)
    current.on('exit', gone)
    current.send({ suite, mutant })
  })
}
/** A worker that ended may have done so by what ran before, so a new one tries again. */
const run = async (
  suite: string,
  mutant: Mutant | null,
  limitMs: number,
): Promise<Answer | 'late' | 'gone'> => {
  const answer = await runOnce(suite, mutant, limitMs)
  return answer === 'gone' ? runOnce(suite, mutant, limitMs) : answer
}

/** How long a suite takes without a mutant. Undefined: it fails, and says nothing about mutants. */
const times = new Map<string, number | undefined>()
const timeOf = async (suite: string): Promise<number | undefined> => {
  if (!times.has(suite)) {
    const answer = await run(suite, null, 300_000)
    const isGood = typeof answer !== 'string' && answer.success && answer.tests > 0
    if (!isGood)
      process.stdout.write(`left out: ${suite} ${typeof answer === 'string' ? answer : answer.messages}\n`)
    times.set(suite, isGood ? answer.ms : undefined)
  }
  return times.get(suite)
}
/** The suite that fails with the mutant. Undefined: it survives. */
const killerOf = async (mutant: Mutant): Promise<string | undefined> => {
  let judges = 0
  for (const suite of suitesFor(mutant.file, others)) {
    const ms = await timeOf(suite)
    if (ms === undefined) continue
    judges++
    const answer = await run(suite, mutant, 20_000 + 8 * ms)
    if (typeof answer === 'string')
      return `${suite}, which ${answer === 'late' ? 'did not end' : 'ended the process'}`
    if (!answer.success) return suite
  }
  if (judges === 0) throw new Error(`No suite that passes reaches ${mutant.file}, so nothing can be said.`)
  return undefined
}

const shown = ({ file, start, end, text, kind }: Mutant): string => {
  const source = readFileSync(file, 'utf8')
  const from = source.lastIndexOf('\n', start - 1) + 1
  const lineEnd = source.indexOf('\n', end)
  const line = source.slice(0, start).split('\n').length
  const before = source.slice(from, lineEnd)
  const after = source.slice(from, start) + text + source.slice(end, lineEnd)
  return `${file}:${line} (${kind})\n  - ${before.trim()}\n  + ${after.trim()}`
}
/** Wilson's 95 % interval of a share, in per cent. */
const intervalOf = (hits: number, count: number): string => {
  const z = 1.96
  const [share, n] = [hits / count, count]
  const middle = (share + (z * z) / (2 * n)) / (1 + (z * z) / n)
  const half = (z / (1 + (z * z) / n)) * Math.sqrt((share * (1 - share)) / n + (z * z) / (4 * n * n))
  return `${(100 * (middle - half)).toFixed(0)}–${(100 * (middle + half)).toFixed(0)} %`
}

process.stdout.write(`seed ${seed}\n`)
const dice = createDice(seed)
type Folder = { name: string; all: number; mutants: Mutant[]; tried: number; killed: number }
const chosen = (name: string): Folder => {
  const files = readdirSync(`src/${name}`).filter((file) => file.endsWith('.ts'))
  const all = files.flatMap((file) => mutantsOf(`src/${name}/${file}`))
  const rest = [...all]
  const mutants = values.again
    ? (JSON.parse(readFileSync(values.again, 'utf8')) as Mutant[]).filter(({ file }) =>
        file.startsWith(`src/${name}/`),
      )
    : Array.from(
        { length: Math.min(sample, all.length) },
        () => rest.splice(dice.below(rest.length), 1)[0] as Mutant,
      )
  return { name, all: all.length, mutants, tried: 0, killed: 0 }
}
const folders = values.folders.split(',').map(chosen)
const survivors: Mutant[] = []
const reportNow = (): string =>
  [
    `seed ${seed}`,
    '| folder | mutants | tried | killed | share | 95 % interval |',
    '|---|---|---|---|---|---|',
    ...folders.map(({ name, all, tried, killed }) => {
      const share = ((100 * killed) / Math.max(1, tried)).toFixed(0)
      return `| src/${name} | ${all} | ${tried} | ${killed} | ${share} % | ${tried > 0 ? intervalOf(killed, tried) : ''} |`
    }),
    '',
    ...survivors.map(shown),
    '',
  ].join('\n')

// The folders take turns in a random order, so that a run that is ended early is a sample too.
for (let i = 0; folders.some(({ mutants }) => i < mutants.length); i++)
  for (const folder of folders) {
    const mutant = folder.mutants[i]
    if (!mutant) continue
    const startedAt = performance.now()
    const killer = await killerOf(mutant)
    folder.tried++
    if (killer) folder.killed++
    else survivors.push(mutant)
    const seconds = Math.round((performance.now() - startedAt) / 1000)
    process.stdout.write(`${killer ? `killed by ${killer}` : 'SURVIVES'} (${seconds} s) ${shown(mutant)}\n`)
    if (!values.report) continue
    writeFileSync(values.report, reportNow())
    writeFileSync(`${values.report}.survivors.json`, JSON.stringify(survivors))
  }
process.stdout.write(reportNow())
worker?.kill('SIGKILL')
process.exit(0)
