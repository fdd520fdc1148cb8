import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from '@jest/globals'

const project = join(import.meta.dirname, '..')
const read = (path: string): string => readFileSync(join(project, path), 'utf8')
/** What runs in Node. */
const sources = readdirSync(join(project, 'src'), { recursive: true, encoding: 'utf8' })
  .map((path) => `src/${path}`)
  .filter((path) => path.endsWith('.ts') && !/^src\/(apps\/console|http\/pages\/browser)\//.test(path))

describe('modules', () => {
  /** What a module works out once. It is the same for all who ask. */
  const kept = [
    'src/clock.ts: endings', // what ends this turn of the event loop
    'src/clock.ts: waiting', // the turns of sliced work in the one event loop
    'src/events/coverage-floor.ts: wallClocks', // the clock of each time zone
    'src/http/address.ts: parsed', // addresses by their text
    'src/http/negotiate.ts: knownCodings', // codings by their header
    'src/http/pages/built-file.ts: kept', // files of the build
    'src/http/pages/guides.ts: read', // the guides, read from a file
    'src/http/request-head.ts: chunk', // the bytes that a parser is reading
    'src/http/request-head.ts: validHost', // the last Host header that was sound
    'src/log.ts: iso', // the date as text, once a millisecond
    'src/log.ts: isoMadeAt',
  ]

  it('keep no state, so two gateways in one process, or two suites of one worker, do not see each other', () => {
    const changing =
      /^(?:export )?(?:(?:let|var) (\w+)|const (\w+).* = (?:new (?:Map|Set|LRUCache)(?:<.*>)?\(\)|new LRUCache.*|\[\])$)/gm
    const found = sources.flatMap((path) =>
      [...read(path).matchAll(changing)].map(
        ([, variable, collection]) => `${path}: ${variable ?? collection}`,
      ),
    )
    expect(found.toSorted()).toEqual(kept.toSorted())
  })
})
