const { AsyncLocalStorage } = require('node:async_hooks')
const { createRequire, isBuiltin } = require('node:module')
const { dirname, join, resolve, sep } = require('node:path')
const { pathToFileURL } = require('node:url')
const { SourceTextModule, SyntheticModule } = require('node:vm')
const { default: Runtime } = require('jest-runtime')

const src = join(__dirname, '../../src') + sep
const asEsm = {
  supportsDynamicImport: true,
  supportsExportNamespaceFrom: true,
  supportsStaticESM: true,
  supportsTopLevelAwait: true,
}

/** A module with the exports of a namespace, in a context. */
const wrap = (id, namespace, context) =>
  new SyntheticModule(
    Object.keys(namespace),
    function () {
      for (const [name, value] of Object.entries(namespace)) this.setExport(name, value)
    },
    { identifier: id, ...(context && { context }) },
  )

// A thread of src is TypeScript, and has what this process was started with.
process.execArgv.push(`--import=${pathToFileURL(join(__dirname, 'typescript.mjs'))}`)

/** Packages that a suite loads itself: one imports JSON as Node does not, two judge a value by its constructor. */
const own = new Set(['@actions/workflow-parser', '@jest/globals', 'pino', 'write-excel-file/node'])

/** The path of a file in `src` or the name of a package. Undefined: a suite has its own. */
const sharedId = (specifier, from) => {
  if (/^[./]/.test(specifier)) {
    const path = resolve(dirname(from), specifier)
    return path.startsWith(src) && path.endsWith('.ts') ? path : undefined
  }
  const isPackage = /^@?[\w-]+(\/|$)/.test(specifier) && !isBuiltin(specifier)
  return isPackage ? specifier : undefined
}

/** The modules that a worker has loaded. Files are read and compiled once. */
class SharedModules {
  /** Of the suite that runs now: it compiles a file as jest does. */
  transforms
  sourceMaps = new Map()
  #modules = new Map()
  #turn = Promise.resolve()

  /** @returns the exports. One call after the other: a graph cannot be linked twice at once. */
  load(id) {
    const loading = this.#turn.then(() => this.#evaluated(id))
    this.#turn = loading.catch(() => {})
    return loading
  }

  async #evaluated(id) {
    if (!id.startsWith(src)) return import(id)
    const module = await this.#moduleOf(id)
    if (module.status === 'unlinked')
      await module.link((specifier, { identifier }) =>
        this.#moduleOf(sharedId(specifier, identifier) ?? specifier),
      )
    await module.evaluate()
    return module.namespace
  }

  async #moduleOf(id) {
    if (!this.#modules.has(id))
      this.#modules.set(id, id.startsWith(src) ? this.#compiled(id) : import(id).then((all) => wrap(id, all)))
    return this.#modules.get(id)
  }

  #compiled(path) {
    return new SourceTextModule(this.transforms.transform(path, asEsm), {
      identifier: path,
      initializeImportMeta: (meta) => {
        meta.url = pathToFileURL(path).href
        meta.filename = path
        meta.dirname = dirname(path)
      },
      importModuleDynamically: (specifier) => this.load(sharedId(specifier, path) ?? specifier),
    })
  }
}

const comparable = {
  Boolean,
  Date,
  Error,
  Map,
  Number,
  Promise,
  RangeError,
  Set,
  String,
  SyntaxError,
  TypeError,
}

/** What jest loads for each suite beside its runner, which alone keeps what belongs to a suite. */
const sharedOfJest = new Set([
  '@jest/expect',
  '@jest/test-result',
  'jest-each',
  'jest-matcher-utils',
  'jest-message-util',
  'jest-snapshot',
  'jest-util',
  'pretty-format',
])

/** A run of jest has one resolver in each worker. The next run, as in watch mode, has another and reads files again. */
const ofRun = new WeakMap()

/**
 * `src` and packages are loaded once for all suites of a worker, outside their contexts. Otherwise each suite would load
 * up to a thousand files. A module of `src` keeps no state, so suites do not see each other.
 * With coverage each suite loads `src` itself, because jest counts only what it loads. The matchers of jest are loaded once too.
 */
module.exports = class extends Runtime {
  #storages = []

  constructor(config, environment, resolver, transformer, cacheFS, coverage, ...rest) {
    super(config, environment, resolver, transformer, cacheFS, coverage, ...rest)
    if (!ofRun.has(resolver)) ofRun.set(resolver, new SharedModules())
    const shared = ofRun.get(resolver)
    shared.transforms = this.transformCache
    this.transformCache.sourceMaps = shared.sourceMaps
    // A suite has what `src` and packages compare with, and may replace their timers.
    Object.assign(environment.global, comparable)
    const { constructor: FakeTimers } = environment.fakeTimersModern
    environment.fakeTimersModern = new FakeTimers({ config, global: globalThis })

    const { esmLoader } = this
    const ownOf = esmLoader.resolveModule.bind(esmLoader)
    const wrapped = new Map()
    esmLoader.resolveModule = async (specifier, from, context) => {
      const id = own.has(specifier) ? undefined : sharedId(specifier, from)
      if (id === undefined || (coverage.collectCoverage && id.startsWith(src)))
        return ownOf(specifier, from, context)
      const namespace = await shared.load(id)
      if (!wrapped.has(id)) wrapped.set(id, wrap(id, namespace, context))
      return wrapped.get(id)
    }
    // A newer Node would resolve a whole graph at once and not ask `resolveModule`.
    this._resolution.hasDistinctAsyncResolver = () => true
  }

  requireInternalModule(from, to) {
    if (sharedOfJest.has(to)) return createRequire(from)(to)
    const found = super.requireInternalModule(from, to)
    if (to !== 'node:async_hooks') return found
    const storages = this.#storages
    const Storage = class extends AsyncLocalStorage {
      constructor() {
        super()
        storages.push(this)
      }
    }
    return { ...found, AsyncLocalStorage: Storage }
  }

  teardown() {
    super.teardown()
    // Before Node 24 each promise of the later suites would be told to the storages of this one.
    for (const storage of this.#storages) storage.disable()
  }
}
