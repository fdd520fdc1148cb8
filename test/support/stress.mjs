/**
 * `npm run test:stress [-- RUNS [SCRIPT]]`: runs `npm test`, or another script such as `test:all`, again and again (5 times by
 * default) while both cores are kept busy. Every run must pass. Prints one line a run, and ends with 1 when any run failed.
 */
import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'

const runs = Number(process.argv[2] ?? 5)
const script = process.argv[3] ?? 'test'
if (!Number.isInteger(runs) || runs < 1) {
  process.stderr.write(`RUNS=${process.argv[2]}: wanted: a whole number from 1\n`)
  process.exit(64)
}

// Each load process keeps one core busy and ends when its stdin closes, however this process ends.
const burn = `process.stdin.on('end', () => process.exit()).resume()
const turn = () => { const end = Date.now() + 20; while (Date.now() < end); setImmediate(turn) }
turn()`
const load = Array.from({ length: availableParallelism() }, () =>
  spawn(process.execPath, ['-e', burn], { stdio: ['pipe', 'ignore', 'inherit'] }),
)

const runOnce = () =>
  new Promise((resolve) => {
    const child = spawn('npm', ['run', script], { stdio: ['ignore', 'ignore', 'pipe'] })
    let told = ''
    child.stderr.setEncoding('utf8').on('data', (text) => {
      told += text
    })
    child.on('close', (code) => resolve({ passed: code === 0, told }))
  })

let failed = 0
for (let run = 1; run <= runs; run++) {
  const startedAt = Date.now()
  const { passed, told } = await runOnce()
  if (!passed) failed++
  const counts = /^Tests: .*$/m.exec(told)?.[0] ?? 'no result'
  const seconds = Math.round((Date.now() - startedAt) / 1000)
  process.stdout.write(`run ${run} of ${runs}: ${passed ? 'passed' : 'FAILED'} in ${seconds} s. ${counts}\n`)
  if (passed) continue
  // The reasons, and the seeds of generated tests.
  const log = `.cache/stress-${run}.log`
  writeFileSync(log, told)
  process.stdout.write(`${told.match(/^ {2}● .*$/gm)?.join('\n') ?? told.slice(-4000)}\nAll of it: ${log}\n`)
}
for (const child of load) child.stdin.end()
process.stdout.write(`${runs - failed} of ${runs} runs passed beside ${load.length} busy cores.\n`)
process.exit(failed === 0 ? 0 : 1)
