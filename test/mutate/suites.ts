import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'

/** A suite that is or imports one of these starts processes, which takes too long for each mutant. */
const slow = /^test\/support\/(processes|gateway-host)\.ts$/
/** Suites with the whole gateway, which are tried last: also wiring is reached only by them. */
const whole: Record<string, string[]> = {
  throttle: ['http/gateway-state', 'failure/upstream-down', 'failure/upstream-refusing'],
  cache: ['http/operators-one', 'failure/redis-stale'],
  writes: [
    'http/operators-add',
    'http/operators-status',
    'http/imports',
    'http/operations',
    'http/operations-list',
    'http/undo',
  ],
  access: ['http/authorization', 'http/sessions', 'http/rights-withdrawn', 'http/gateway-state'],
}
/** Too slow or judging time; the others reach the same code. */
const left = /sliding-second|shared-budget-far|xlsx\.test/

const reached = new Map<string, Set<string>>()
// Some tests hold imports as texts, of files that do not exist.
const importsOf = (file: string): string[] =>
  [...readFileSync(file, 'utf8').matchAll(/ from '(\.[^']+\.ts)'/g)]
    .map(([, path]) => join(dirname(file), path as string))
    .filter((path) => existsSync(path))

/** All files that a file imports, also through others. */
const reachOf = (file: string): Set<string> => {
  const known = reached.get(file)
  if (known) return known
  const found = new Set<string>()
  const add = (path: string): void => {
    if (found.has(path)) return
    found.add(path)
    for (const next of importsOf(path)) add(next)
  }
  add(file)
  reached.set(file, found)
  return found
}

const suites = readdirSync('test', { recursive: true })
  .map((path) => `test/${path}`)
  .filter((path) => path.endsWith('.test.ts') && !left.test(path))
  .filter((path) => ![...reachOf(path)].some((each) => slow.test(each)))
const isWhole = (suite: string): boolean => reachOf(suite).has('test/support/gateway.ts')

/** The suites that reach a file, the nearest first: of its name, of its folder, others, with the whole gateway. */
export const suitesFor = (file: string, others: number): string[] => {
  const [folder, name] = [basename(dirname(file)), basename(file, '.ts')]
  const reaching = suites.filter((suite) => reachOf(suite).has(file))
  const rank = (suite: string): number => {
    if (isWhole(suite)) return 3
    if (!suite.startsWith(`test/${folder}/`)) return 2
    return basename(suite).startsWith(name) ? 0 : 1
  }
  const own = reaching.filter((suite) => rank(suite) < 2).toSorted((a, b) => rank(a) - rank(b))
  const last = (whole[folder] ?? []).map((path) => `test/${path}.test.ts`)
  return [
    ...own,
    ...reaching.filter((suite) => rank(suite) === 2).slice(0, others),
    ...reaching.filter((suite) => last.includes(suite)),
  ]
}
