// npm run build && npm run bench -- [question …] [--short] [--starts n] [--rounds n] [--compare <rev>] [--only a,b] [--flag f] [--json]
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { dist } from './lib/gateway.mjs'
import { loadCore, pins, project, scratch } from './lib/processes.mjs'
import { machine, table } from './lib/table.mjs'

const questions = [
  'hit',
  'conditional',
  'express-route',
  'herd',
  'tail',
  'memory',
  'listeners',
  'start',
  'search',
  'queue',
  'assign',
  'freshness',
]
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    /** Few rounds, one payload: shows that it runs, says little. */
    short: { type: 'boolean', default: false },
    /** Process starts, and rounds in each. */
    starts: { type: 'string' },
    rounds: { type: 'string' },
    /** Another commit as a contestant beside this build. */
    compare: { type: 'string' },
    /** Peers by name (fastify,nginx,usual stack); bare and the gateway are always there. */
    only: { type: 'string' },
    /** The tail of a gateway with this flag of Node, beside one without; may be given several times. */
    flag: { type: 'string', multiple: true },
    /** One JSON document instead of tables. */
    json: { type: 'boolean', default: false },
  },
})
const unknown = positionals.filter((name) => !questions.includes(name))
if (unknown.length > 0) {
  process.stderr.write(`Not a question: ${unknown.join(', ')}; there are: ${questions.join(', ')}\n`)
  process.exit(64)
}

/** Builds a commit in a folder of its own, without touching this checkout. */
const build = (rev) => {
  const folder = join(scratch, 'compared')
  mkdirSync(folder)
  const archive = execFileSync('git', ['archive', rev, 'src', 'package.json', 'tsconfig.json'], {
    cwd: project,
    maxBuffer: 2 ** 28,
  })
  execFileSync('tar', ['-x', '-C', folder], { input: archive })
  symlinkSync(join(project, 'node_modules'), join(folder, 'node_modules'))
  execFileSync(join(project, 'node_modules/.bin/tsc'), ['-p', 'src'], { cwd: folder })
  return join(folder, 'dist')
}

// This process is load too.
if (pins) spawnSync('taskset', ['-a', '-p', '-c', loadCore, String(process.pid)])
const out = (text) => values.json || process.stdout.write(`${text}\n`)
const say = (title, rows) => out(`\n${title}\n\n${table(rows)}`)
const builds = [{ name: 'gateway', dist }]
if (values.compare) builds.push({ name: values.compare, dist: build(values.compare) })

out(`${machine()}\n${new Date().toISOString()} · npm run bench -- ${process.argv.slice(2).join(' ')}`)
const results = {}
for (const name of positionals.length > 0 ? positionals : questions) {
  const { question, run } = await import(`./${name}.mjs`)
  out(`\n## ${question}`)
  results[name] = await run({
    short: values.short,
    only: values.only?.split(','),
    flags: values.flag,
    ...(values.starts && { starts: Number(values.starts) }),
    ...(values.rounds && { rounds: Number(values.rounds) }),
    builds,
    say,
  })
}
if (values.json) process.stdout.write(`${JSON.stringify(results)}\n`)
process.exit(0)
