import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { cpus, totalmem } from 'node:os'
import { debian, pins, project } from './processes.mjs'

/** Rows as a Markdown table. */
export const table = (rows) => {
  const names = Object.keys(Object.assign({}, ...rows))
  const cells = [names, ...rows.map((row) => names.map((name) => String(row[name] ?? '')))]
  const widths = names.map((_, column) => Math.max(...cells.map((values) => values[column].length)))
  const line = (values) => `| ${values.map((value, column) => value.padEnd(widths[column])).join(' | ')} |`
  const rule = `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`
  return [line(cells[0]), rule, ...cells.slice(1).map(line)].join('\n')
}

const versionOf = (name) =>
  JSON.parse(readFileSync(`${project}node_modules/${name}/package.json`, 'utf8')).version
const firstLine = (command, args, env) => {
  const { stdout, stderr } = spawnSync(command, args, { encoding: 'utf8', env: { ...process.env, ...env } })
  return `${stdout}${stderr}`.trim().split('\n')[0]
}

/** What the figures were measured with and on. */
export const machine = () => {
  const [cpu] = cpus()
  const modules = [
    'express',
    'fastify',
    'ioredis',
    'helmet',
    'pino-http',
    'express-rate-limit',
    'compression',
  ]
  const programs = [
    ['nginx', ['-v']],
    ['wrk', ['-v']],
    ['redis-server', ['-v']],
  ].flatMap(([name, args]) => {
    const found = debian(name)
    return found ? [firstLine(found.command, args, found.env).replace(/ (Copyright|sha=).*/, '')] : []
  })
  return [
    `${cpus().length} × ${cpu?.model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GiB, ${pins ? 'server on core 0, load and upstream on core 1' : 'NOT pinned to cores'}`,
    `Node ${process.versions.node} (V8 ${process.versions.v8}), ${modules.map((name) => `${name} ${versionOf(name)}`).join(', ')}`,
    programs.join(' · '),
  ].join('\n')
}
