import { readdirSync, readFileSync } from 'node:fs'
import { basename, dirname, join, posix } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from '@jest/globals'

const project = fileURLToPath(new URL('..', import.meta.url))
const read = (path: string): string => readFileSync(join(project, path), 'utf8')
const filesUnder = (folder: string): string[] =>
  readdirSync(join(project, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) =>
      posix.join(folder, posix.relative(join(project, folder), join(entry.parentPath, entry.name))),
    )
    .sort()

const sources = filesUnder('src')
const lineCount = (path: string): number => read(path).split('\n').length - 1

type Import = { by: string; what: string; typesOnly: boolean }

const importPattern =
  /^(?:import|export)\s+(type\s+)?(?:(\{[^}]*\}|\*(?:\s+as\s+\w+)?|\w+(?:\s*,\s*\{[^}]*\})?)\s+from\s+)?'([^']+)'|import\('([^']+)'\)/gm

/** Every import of a file; a relative one as the path from the project's root. */
const importsIn = (by: string, text: string): Import[] =>
  [...text.matchAll(importPattern)].map(([, type, clause = '', still, dynamic]) => {
    const what = (still ?? dynamic) as string
    const named = /^\{([^}]*)\}$/
      .exec(clause)?.[1]
      ?.split(',')
      .filter((name) => name.trim() !== '')
    const typesOnly = type !== undefined || (named?.every((name) => /^\s*type\s/.test(name)) ?? false)
    return { by, what: what.startsWith('.') ? posix.join(dirname(by), what) : what, typesOnly }
  })

const imports = sources.flatMap((path) => importsIn(path, read(path)))
const folderOf = (path: string): string => /^src\/([^/]+)\//.exec(path)?.[1] ?? ''

/** The way a request travels; who stands lower may not look up, and neighbours on one step not at each other. */
const way = [['http'], ['assignments', 'writes'], ['lists'], ['cache'], ['throttle'], ['chathub']]
const step = (name: string): number => way.findIndex((folders) => folders.includes(name))

/** What every room may read: words, failures, reports, time, secrets, and who is calling. */
const forAll = /^src\/(contract\/[^/]+|errors|report|clock|secret|access\/(caller|authorize))\.ts$/
/** Rooms beside the way, and who may read them. */
const beside: Record<string, string[]> = {
  access: ['http'],
  redis: ['access', 'assignments', 'writes', 'lists', 'cache', 'throttle'],
}
/** ChatHub's room hands types to all; these are the only values that another room takes from it. */
const chathubValues = [
  'src/throttle/upstream.ts > src/chathub/client.ts', // the layers on the way to ChatHub are stacked there
  'src/throttle/upstream.ts > src/chathub/company-token.ts',
  'src/throttle/upstream.ts > src/chathub/exchange.ts',
  'src/throttle/rate-limit.ts > src/chathub/exchange.ts', // the error that says a slot is too old
  'src/throttle/breaker.ts > src/chathub/exchange.ts', // the error that says nothing of ChatHub
  'src/writes/chunk-sender.ts > src/chathub/wire.ts', // one table of status integers, both ways
  'src/http/routes/drop-in.ts > src/chathub/wire.ts', // the same table, in the drop-in paths
]

/** Why a room may not import this; undefined: it may. Root files wire rooms and are not asked. */
const fault = ({ by, what, typesOnly }: Import): string | undefined => {
  const [from, to] = [folderOf(by), folderOf(what)]
  if (!what.startsWith('src/') || from === '') return undefined
  if (from === 'apps' || from === 'client') {
    const app = from === 'client' ? 'src/client' : `src/apps/${by.split('/')[2]}`
    if (
      what.startsWith(`${app}/`) ||
      app === 'src/apps/demo' ||
      (app !== 'src/apps/simulator' && to === 'contract' && typesOnly)
    )
      return undefined
    return 'apps and client stand alone'
  }
  if (from === to || forAll.test(what)) return undefined
  if (from === 'contract') return 'the contract knows words and failures alone'
  if (to in beside) return beside[to]?.includes(from) ? undefined : `not for ${from}`
  if (step(from) === -1 || step(to) === -1) return 'not on the way of a request'
  if (step(to) <= step(from)) return 'against the way of a request'
  if (to === 'chathub' && !typesOnly && !chathubValues.includes(`${by} > ${what}`))
    return 'a value of ChatHub’s room'
  return undefined
}

const importersOf = (what: RegExp): string[] => [
  ...new Set(imports.filter((found) => what.test(found.what)).map(({ by }) => by)),
]

describe('imports', () => {
  it('point one way, from the door to ChatHub', () => {
    const faults = imports.flatMap((found) => {
      const why = fault(found)
      return why ? [`${found.by} imports ${found.what}: ${why}`] : []
    })
    expect(faults).toEqual([])
  })

  it('are read rightly: planted ones against the way are found, over several lines too', () => {
    const planted = [
      ['src/cache/x.ts', "import {\n  createDoor,\n  type Router,\n} from '../http/door.ts'"],
      ['src/lists/x.ts', "import { createExchange } from '../chathub/exchange.ts'"],
      ['src/chathub/x.ts', "import '../log.ts'"],
      ['src/throttle/x.ts', "export type { Cache } from '../cache/cache.ts'"],
      ['src/apps/simulator/x.ts', "import type { Id } from '../../contract/ids.ts'"],
      ['src/http/x.ts', "const redis = await import('../redis/redis.ts')"],
    ] as const
    for (const [by, text] of planted) expect([by, importsIn(by, text).some(fault)]).toEqual([by, true])
    const fine = importsIn('src/cache/x.ts', "import type { CallContext } from '../chathub/exchange.ts'")
    expect(fine.map(fault)).toEqual([undefined])
  })

  it('of every room at once, of the settings, of the log and of the numbers are for the wiring alone', () => {
    const foldersSeen = (path: string) =>
      new Set(importsIn(path, read(path)).map(({ what }) => folderOf(what)))
    const outer = way.flat().filter((name) => name !== 'chathub')
    expect(sources.filter((path) => outer.every((name) => foldersSeen(path).has(name)))).toEqual([
      'src/gateway.ts',
    ])
    const wiring = ['cli', 'gateway', 'main', 'watch-credentials'].map((name) => `src/${name}.ts`)
    for (const wired of [/^src\/(config|log|metrics|gateway)\.ts$/, /^src\/apps\//])
      for (const by of importersOf(wired)) if (folderOf(by) !== 'apps') expect(wiring).toContain(by)
  })

  it('of ioredis stand in the room redis alone, and of undici in ChatHub’s and wherever keys are fetched', () => {
    expect(importersOf(/^ioredis$/).filter((by) => folderOf(by) !== 'redis')).toEqual([])
    expect(importersOf(/^undici$/).filter((by) => folderOf(by) !== 'chathub')).toEqual([])
  })
})

describe('the system caller', () => {
  it('is made by gateway.ts alone', () => {
    const makers = sources.filter((path) => read(path).includes('createSystemCaller('))
    expect(makers).toEqual(['src/gateway.ts'])
  })
})

describe('secrets', () => {
  it('are revealed in these files and nowhere else', () => {
    const revealing = sources.filter((path) => /\.reveal\(\)/.test(read(path)))
    const allowed = [
      'src/access/sessions.ts', // SESSION_SECRET, the key of the HMACs under which sessions are kept
      'src/chathub/company-token.ts', // the company token and password, on their way to ChatHub
      'src/config.ts', // the shape of REDIS_URL
      'src/gateway.ts', // REDIS_URL, handed to its room
      'src/watch-credentials.ts', // compares a file's new content with the old
    ]
    expect(revealing.filter((path) => !allowed.includes(path))).toEqual([])
  })
})

describe('files', () => {
  /** Longer than others with a reason; the number is the most they may grow to. */
  const longer: Record<string, number> = {
    'src/contract/endpoints.ts': 360, // a table, one endpoint after the other
    'src/gateway.ts': 150, // all wiring on one page
    'src/cache/cache.ts': 240, // one state machine
    'src/cache/coherence.ts': 320, // one protocol: leases, notices, acknowledgements
  }

  it('of src are at most 220 lines long, but for the few that say why', () => {
    const tooLong = sources.filter((path) => lineCount(path) > (longer[path] ?? 220))
    expect(tooLong.map((path) => `${path}: ${lineCount(path)}`)).toEqual([])
  })

  it('of test are at most 300 lines long', () => {
    const model = 'test/model/coherence-model.ts' // one model, guard by guard beside the protocol it checks
    const tooLong = filesUnder('test').filter((path) => path !== model && lineCount(path) > 310)
    expect(tooLong.map((path) => `${path}: ${lineCount(path)}`)).toEqual([])
  })

  it('are named in kebab-case after what they hold: no barrels, no drawers', () => {
    const odd = [...sources, ...filesUnder('test')].filter(
      (path) =>
        !/^[a-z0-9]+(-[a-z0-9]+)*(\.test|\.d)?\.ts$/.test(basename(path)) ||
        /(^|\/)(index|utils?|helpers?|common|misc|shared)(\.ts|\/)/.test(path),
    )
    expect(odd).toEqual([])
  })

  /**
   * The most lines that each folder of the server may have; '' is the root. They only fall: a later feature adds a folder
   * or a line here with its reason.
   */
  const linesMax: Record<string, number> = {
    '': 1400,
    access: 785,
    assignments: 433,
    cache: 1126,
    chathub: 668,
    contract: 1215,
    http: 2392,
    lists: 930,
    redis: 414,
    throttle: 738,
    writes: 2215,
  }

  it('of each folder of the server stay within its ceiling', () => {
    const lines: Record<string, number> = {}
    for (const path of sources) lines[folderOf(path)] = (lines[folderOf(path)] ?? 0) + lineCount(path)
    delete lines['apps']
    const total = Object.values(lines).reduce((sum, count) => sum + count, 0)
    process.stderr.write(`Server without apps: ${total} lines. ${JSON.stringify(lines)}\n`)
    expect(Object.keys(lines).sort()).toEqual(Object.keys(linesMax).sort())
    expect(Object.entries(lines).filter(([folder, count]) => count > (linesMax[folder] as number))).toEqual(
      [],
    )
  })
})

describe('production packages', () => {
  const { dependencies } = JSON.parse(read('package.json')) as { dependencies: Record<string, string> }
  const packageOf = (what: string): string => what.split('/', what.startsWith('@') ? 2 : 1).join('/')
  const used = new Set(
    imports.filter(({ what }) => !/^(src\/|node:|\.)/.test(what)).map(({ what }) => packageOf(what)),
  )

  it('are those that src imports: none unused, none borrowed', () => {
    expect([...used].sort()).toEqual(Object.keys(dependencies).sort())
  })

  it('each have a line with their reason in CONTRIBUTING.md', () => {
    const text = read('CONTRIBUTING.md')
    const missing = Object.keys(dependencies).filter((name) => !text.includes(`\n- \`${name}\`: `))
    expect(missing).toEqual([])
  })
})
