import { readdirSync, readFileSync } from 'node:fs'
import { basename, dirname, join, posix } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from '@jest/globals'

const project = fileURLToPath(new URL('..', import.meta.url))
const read = (path: string): string => readFileSync(join(project, path), 'utf8')
const filesUnder = (folder: string, kind = /\.ts$/): string[] =>
  readdirSync(join(project, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && kind.test(entry.name))
    .map((entry) =>
      posix.join(folder, posix.relative(join(project, folder), join(entry.parentPath, entry.name))),
    )
    .sort()

const sources = filesUnder('src', /\.(tsx?|js)$/)
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

/** The folders in the order of a request. A folder imports only from later steps, never from its own step. */
const way = [
  ['http'],
  ['webhooks'],
  ['assignments', 'audit', 'events', 'writes'],
  ['lists'],
  ['cache'],
  ['throttle'],
  ['chathub'],
]
const step = (name: string): number => way.findIndex((folders) => folders.includes(name))

/** What every folder may import. */
const forAll =
  /^src\/(contract\/[^/]+|at-most|errors|report|clock|decode-utf8|outbound|seal|secret|version|tracing\/tracing|access\/(caller|authorize))\.ts$/
/** Folders that are no step of a request, and their importers. */
const beside: Record<string, string[]> = {
  access: ['http'],
  metrics: [], // gateway.ts alone
  redis: [
    'access',
    'webhooks',
    'assignments',
    'audit',
    'events',
    'writes',
    'lists',
    'cache',
    'throttle',
    'chathub',
    'metrics',
  ],
}
/** Every folder may import types of chathub. These are the only imports of its values. */
const chathubValues = [
  'src/throttle/upstream.ts > src/chathub/client.ts', // stacks the layers of the way to ChatHub
  'src/throttle/upstream.ts > src/chathub/company-token.ts',
  'src/throttle/upstream.ts > src/chathub/exchange.ts',
  'src/throttle/upstream.ts > src/chathub/shared-login.ts',
  'src/throttle/rate-limit.ts > src/chathub/exchange.ts', // the error for a slot that is too old
  'src/throttle/rate-limit.ts > src/chathub/refused.ts', // the pause that ChatHub asks for
  'src/throttle/breaker.ts > src/chathub/exchange.ts', // the error that says nothing about ChatHub
  'src/writes/chunk-runner.ts > src/chathub/wire.ts', // one table of status integers, both ways
  'src/webhooks/sender.ts > src/chathub/retry-after.ts', // one reading of Retry-After
  'src/http/routes/drop-in.ts > src/chathub/wire.ts', // the same table, in the drop-in paths
]

/**
 * Whether a program beside the server may import this: its own files; types of the contract; demo and command line import all,
 * the console the client.
 */
const mayAppImport = ({ by, what, typesOnly }: Import): boolean => {
  const app = by.startsWith('src/client/') ? 'src/client' : `src/apps/${by.split('/')[2]}`
  if (what.startsWith(`${app}/`) || /^src\/apps\/(demo|cli)$/.test(app)) return true
  if (app === 'src/apps/console' && folderOf(what) === 'client') return true
  return app !== 'src/apps/simulator' && folderOf(what) === 'contract' && typesOnly
}

/** Why this import is forbidden. Undefined: it is allowed. Files directly in src may import every folder. */
const fault = (found: Import): string | undefined => {
  const { by, what, typesOnly } = found
  const [from, to] = [folderOf(by), folderOf(what)]
  if (!what.startsWith('src/') || from === '') return undefined
  if (['apps', 'client'].includes(from))
    return mayAppImport(found) ? undefined : 'apps and client are independent'
  if (from === to || forAll.test(what)) return undefined
  if (from === 'contract') return 'the contract imports only errors and itself'
  // Spans are made of what all folders do, and only their types are needed for that.
  if (from === 'tracing') return typesOnly ? undefined : 'tracing imports types'
  if (to in beside) return beside[to]?.includes(from) ? undefined : `not for ${from}`
  if (Math.min(step(from), step(to)) === -1) return 'no step of a request'
  if (step(to) <= step(from)) return 'against the direction of a request'
  if (to === 'chathub' && !typesOnly && !chathubValues.includes(`${by} > ${what}`))
    return 'a value of chathub'
  return undefined
}

const importersOf = (what: RegExp): string[] => [
  ...new Set(imports.filter((found) => what.test(found.what)).map(({ by }) => by)),
]

describe('imports', () => {
  it('point one way, from http to chathub', () => {
    const faults = imports.flatMap((found) => {
      const why = fault(found)
      return why ? [`${found.by} imports ${found.what}: ${why}`] : []
    })
    expect(faults).toEqual([])
  })

  it('against the direction of a request are found, also over several lines', () => {
    const planted = [
      ['src/cache/x.ts', "import {\n  createPipeline,\n  type Router,\n} from '../http/pipeline.ts'"],
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

  it('of all folders at once, of the settings, the log and the metrics are in the wiring alone', () => {
    const foldersSeen = (path: string) =>
      new Set(importsIn(path, read(path)).map(({ what }) => folderOf(what)))
    const outer = way.flat().filter((name) => name !== 'chathub')
    expect(sources.filter((path) => outer.every((name) => foldersSeen(path).has(name)))).toEqual([
      'src/gateway.ts',
    ])
    const wiring = ['cli', 'gateway', 'main', 'watch-credentials'].map((name) => `src/${name}.ts`)
    for (const wired of [/^src\/(config|log|gateway|metrics\/metrics)\.ts$/, /^src\/apps\//])
      for (const by of importersOf(wired)) if (folderOf(by) !== 'apps') expect(wiring).toContain(by)
  })

  it('of ioredis are in redis alone, and of undici in these places alone', () => {
    expect(importersOf(/^ioredis$/).filter((by) => folderOf(by) !== 'redis')).toEqual([])
    // Requests to ChatHub, the way through proxies, the identity provider, the key set, and webhooks.
    expect(importersOf(/^undici$/).toSorted()).toEqual([
      'src/access/identity-provider.ts',
      'src/access/key-set.ts',
      'src/chathub/exchange.ts',
      'src/chathub/pools.ts',
      'src/outbound.ts',
      'src/webhooks/sender.ts',
    ])
  })
})

describe('the system caller', () => {
  it('is made by gateway.ts alone', () => {
    const makers = sources.filter((path) => read(path).includes('createSystemCaller('))
    expect(makers).toEqual(['src/gateway.ts'])
  })
})

describe('secrets', () => {
  it('are revealed in these files alone', () => {
    const revealing = sources.filter((path) => /\.reveal\(\)/.test(read(path)))
    const allowed = [
      'src/apps/cli/backup/backup.ts', // connects to REDIS_URL
      'src/apps/cli/doctor.ts', // the same
      'src/apps/cli/probe/ask-chathub.ts', // the company token, on the way to ChatHub
      'src/access/identity-provider.ts', // sends OIDC_CLIENT_SECRET to the identity provider
      'src/access/sessions.ts', // SESSION_SECRET, the key of the HMACs that name stored sessions
      'src/chathub/company-token.ts', // sends the company token to ChatHub
      'src/chathub/login.ts', // sends the password to ChatHub
      'src/chathub/sealed-token.ts', // encrypts the company token for the other instances
      'src/config.ts', // the form of REDIS_URL
      'src/gateway.ts', // passes REDIS_URL to redis
      'src/seal.ts', // TOKEN_ENCRYPTION_SECRET, from which keys are derived
      'src/http/routes/docs.ts', // fills in the sample key of a demo
      'src/watch-credentials.ts', // compares the new content of a file with the old
    ]
    expect(revealing.filter((path) => !allowed.includes(path))).toEqual([])
  })
})

describe('files', () => {
  /** The most lines of files that are longer than others, with the reason. */
  const longer: Record<string, number> = {
    'src/contract/examples.ts': 270, // a table, one row per body
    'src/contract/endpoints.ts': 360, // a table, one row per endpoint
    'src/client/api.ts': 1500, // made from the contract
    'src/gateway.ts': 150, // all wiring on one page
    'src/config.ts': 290, // a table, one row per setting
    'src/cache/cache.ts': 240, // one state machine
    'src/redis/link.ts': 233, // one state machine
    'src/cache/coherence.ts': 320, // one protocol: leases, announcements, acknowledgements
  }

  it('of src have at most 220 lines, except those with a reason', () => {
    const tooLong = sources.filter((path) => lineCount(path) > (longer[path] ?? 220))
    expect(tooLong.map((path) => `${path}: ${lineCount(path)}`)).toEqual([])
  })

  it('spread no literal into an object, except tables of examples: its properties stand for themselves', () => {
    const spread = sources.filter((path) => /\.\.\.\{/.test(read(path)))
    expect(
      spread.filter((path) => !/^src\/contract\/(examples|webhook-examples|example-of)\.ts$/.test(path)),
    ).toEqual([])
  })

  it('of test have at most 310 lines', () => {
    const model = 'test/model/coherence-model.ts' // one model, in the order of the protocol that it checks
    const tooLong = filesUnder('test').filter((path) => path !== model && lineCount(path) > 310)
    expect(tooLong.map((path) => `${path}: ${lineCount(path)}`)).toEqual([])
  })

  it('are named in kebab-case after their content: no barrels, no utilities', () => {
    const odd = [...sources, ...filesUnder('test')].filter(
      (path) =>
        !/^[a-z0-9]+(-[a-z0-9]+)*(\.test|\.d)?\.(tsx?|js)$/.test(basename(path)) ||
        /(^|\/)(index|utils?|helpers?|common|misc|shared)(\.[jt]s|\/)/.test(path),
    )
    expect(odd).toEqual([])
  })

  /**
   * The most lines of each folder of the server; '' is the root. They only fall. A later feature adds a folder or raises a
   * number with its reason.
   */
  const linesMax: Record<string, number> = {
    '': 1911, // answers before slices; a switch that is restored; clients that a caller may know of; settings that nearly have a name; samples of states for charts; text of bodies; the state of the gateway and since when it is so; exit codes, a log in a file; webhooks, coverage, ages that readers got; one seal for what is encrypted; proxies, byte order marks, quotes; settings of what the world sends; pretty lines without a package
    access: 711 + 688, // clients that share an organization; cookies judged by their whole name; log-out at the provider; sign-in by a provider, roles, login links; sessions of a person and of an operator; key sets without key ids; cost of requests and requests in flight; scopes that include others; rights withdrawn while a write waits
    assignments: 371 + 9, // a quota
    audit: 526, // a feature of its own
    cache: 1116 + 342, // lists that are fetched to be changed; the refresher: what readers read most, of all instances, within a share of the budget
    chathub: 668 + 474, // fields that are not documented; logins in turns, one encrypted token for all instances; codings, long pauses, connections that break, faults of proxies; what proves that a write was not made
    contract: 1133 + 1611, // names without a package, for the thread that reads files; If-Match of a removal; console, sign-in, status, clients; switches, usage; tools; faults in plain words; an example of each body; pages; webhooks, history; events; files of imports; audit, undo, erased names, pages of operations; rights that depend on a value
    events: 1944, // history, coverage, floors; a feature of its own
    http: 2118 + 3485, // permits of each client and organization; requests behind one another, chunks; the first requests of the console in its page; permits of one connection, given back together; refusals that say what came; large bodies sent in pieces; answers that end with their connection; bodies filled as they arrive; outcomes on drop-in paths; Server-Timing; faults of drop-in paths; writes answered by their deadline; console, sign-in, widget; the status page; tools (MCP); writes in flight; the pages of /docs; webhooks; connections that wait; streams of events with replay; requests that wait under overload, memory of bodies; lists as files; files of forms, media types; heads of requests, JSON judged by its bytes, requests in flight, audit
    lists: 860 + 217, // a pause that is named; lists that are counted; since when a status is; a diagnosis that says only what is true; tokens of operators that are not the caller's; reads over many cold lists in slices, few at a time for each client; orders that are kept
    metrics: 586, // times of states, recent load; reports and states as numbers, usage of clients
    redis: 414 + 1187, // each reason of an outage told once; what another address may lose is told once it is used; a replaced link ends with the gateway; logs of a gateway without Redis, bounded together; quotas of what is kept, memory of the server; the check of the server, states that are told, one parser of REDIS_URL, replacement without a gap
    throttle: 723 + 337, // switches, restored once after a flush; health of ChatHub by probes; slots whose age follows the distance of Redis; requests that never left; pauses outlive Redis
    tracing: 382, // a feature of its own: OpenTelemetry
    webhooks: 1467, // the backlog of all organizations ends with its `resync`; a feature of its own
    writes: 1830 + 2008, // text that the library of workbooks misreads; keys of earlier retries, errors of spreadsheets, formulas as they came; repeated changes with If-Match; sweeps one at a time, waiters that ask less often; previews in slices; locks that end with the last record; files read in a thread; room for large writes, rows that end early; files of imports; undo, erased names, pages of operations; late requests, leases of keys; rows compressed
  }

  it('of each folder of the server together have no more lines than its ceiling', () => {
    const lines: Record<string, number> = {}
    for (const path of sources) lines[folderOf(path)] = (lines[folderOf(path)] ?? 0) + lineCount(path)
    // What runs beside the server is no part of it.
    delete lines['apps']
    delete lines['client']
    const total = Object.values(lines).reduce((sum, count) => sum + count, 0)
    process.stderr.write(`Server without apps: ${total} lines. ${JSON.stringify(lines)}\n`)
    expect(Object.keys(lines).sort()).toEqual(Object.keys(linesMax).sort())
    expect(Object.entries(lines).filter(([folder, count]) => count > (linesMax[folder] as number))).toEqual(
      [],
    )
  })
})

describe('production packages', () => {
  type Packages = Record<string, string>
  const { dependencies, peerDependencies } = JSON.parse(read('package.json')) as {
    dependencies: Packages
    peerDependencies: Packages
  }
  const packageOf = (what: string): string => what.split('/', what.startsWith('@') ? 2 : 1).join('/')
  const used = new Set(
    imports
      // The build puts the packages of the console into its files.
      .filter(({ by, what }) => !/^(src\/|node:|\.)/.test(what) && !by.startsWith('src/apps/console/'))
      .map(({ what }) => packageOf(what)),
  )

  it('are exactly those that src imports, with those that are installed for traces alone', () => {
    expect([...used].sort()).toEqual([...Object.keys(dependencies), ...Object.keys(peerDependencies)].sort())
  })

  it('have a line with their reason in CONTRIBUTING.md', () => {
    const text = read('CONTRIBUTING.md')
    const missing = Object.keys(dependencies).filter((name) => !text.includes(`\n- \`${name}\`: `))
    expect(missing).toEqual([])
  })
})
