/**
 * `run-suites.mjs <kinds> [arguments of jest]`, as `npm test`, `npm run test:browser` and `npm run test:release`: runs the suites
 * of these kinds.
 */
import { run } from 'jest'
import { selectionOf } from './kinds.mjs'

const [kinds = '', ...args] = process.argv.slice(2)
const { paths, left } = selectionOf(kinds, args)

if (kinds === 'server' && left.length > 0)
  process.once('exit', () =>
    process.stderr.write(
      'Not run here: the pages in Chromium (npm run test:browser), and what else a release needs (npm run test:release).\n',
    ),
  )
// This option takes the place of the setting, so it repeats what is there. jest would take a path after it for one more value.
const ignored = ['/node_modules/', '/test/budget/', ...left]
await run([
  ...paths,
  ...args,
  ...(left.length > 0 ? ignored.map((path) => `--testPathIgnorePatterns=${path}`) : []),
])
