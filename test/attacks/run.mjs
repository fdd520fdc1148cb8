// npm run build && npm run attack -- name … [--dist <folder of another build>] [--json]
import { readdirSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { dist } from '../bench/lib/gateway.mjs'
import { machine, table } from '../bench/lib/table.mjs'
import '../support/typescript.mjs'

const attacks = readdirSync(new URL('.', import.meta.url))
  .filter((file) => file.endsWith('.ts') && file !== 'costly-bodies.ts')
  .map((file) => file.slice(0, -3))
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    /** The build to attack, such as that of an older commit. Default: dist of this checkout. */
    dist: { type: 'string', default: dist },
    /** The build to compare it with, for attacks that measure both. */
    before: { type: 'string' },
    /** A part of the names of what an attack measures. */
    only: { type: 'string' },
    /** One JSON document instead of tables. */
    json: { type: 'boolean', default: false },
  },
})
const unknown = positionals.filter((name) => !attacks.includes(name))
if (unknown.length > 0) {
  process.stderr.write(`Not an attack: ${unknown.join(', ')}; there are: ${attacks.join(', ')}\n`)
  process.exit(64)
}

const out = (text) => values.json || process.stdout.write(`${text}\n`)
out(`${machine()}\n${new Date().toISOString()} · npm run attack -- ${process.argv.slice(2).join(' ')}`)
const results = {}
for (const name of positionals.length > 0 ? positionals : attacks) {
  // An attack exports `question`, and `run`, which returns rows {figure, before, after, aim}.
  const { question, run } = await import(`./${name}.ts`)
  out(`\n## ${name}: ${question}\n`)
  results[name] = await run({ dist: values.dist, before: values.before, only: values.only, say: out })
  out(table(results[name]))
}
if (values.json) process.stdout.write(`${JSON.stringify(results)}\n`)
process.exit(0)
