import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { pathsOf } from './support/kinds.mjs'

const { globalSetup, ...jest } = JSON.parse(readFileSync('package.json', 'utf8')).jest

/**
 * A suite that is or imports one of these, also through other files, is slow: Redis, processes, threads, sockets, the whole
 * gateway.
 */
const slow =
  /^(test\/(bench\/|model\/|support\/(redis|processes|children|gateway|debian|xlsx)\.ts$)|src\/apps\/simulator\/)/
const slowPackage = / from '(node:child_process|write-excel-file)/

// Some tests hold imports as texts, of files that do not exist.
const importsOf = (file) =>
  [...readFileSync(file, 'utf8').matchAll(/ from '(\.[^']+\.ts)'/g)]
    .map(([, path]) => join(dirname(file), path))
    .filter((path) => existsSync(path))

const isSlow = (file, seen = new Set()) =>
  slow.test(file) ||
  slowPackage.test(readFileSync(file, 'utf8')) ||
  (file.startsWith('test/') &&
    !seen.has(file) &&
    importsOf(file).some((path) => isSlow(path, seen.add(file))))

const suites = readdirSync('test', { recursive: true })
  .map((path) => `test/${path}`)
  .filter((path) => path.endsWith('.test.ts') && !isSlow(path))
  // What `npm test` leaves out is slow too.
  .filter(
    (path) =>
      !Object.values(pathsOf)
        .flat()
        .some((each) => path.startsWith(each)),
  )

/** `npm run test:unit`: every other suite. */
export default {
  ...jest,
  rootDir: '..',
  // Nothing waits here, so more workers than cores would only load more.
  maxWorkers: '100%',
  testMatch: suites.map((path) => `<rootDir>/${path}`),
}
