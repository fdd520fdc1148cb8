/** The paths of each kind of suites. Every other suite is of the kind `server`. */
export const pathsOf = {
  browser: ['test/browser/'],
  release: [
    'test/apps/cli/',
    'test/apps/demo/',
    'test/bench/',
    'test/cli.test.ts',
    'test/coherence/herd.test.ts',
    'test/coherence/processes.test.ts',
    'test/coherence/rolling.test.ts',
    'test/deploy/',
    'test/doc/',
    'test/failure/audit-lost.test.ts',
    'test/failure/instances.test.ts',
    'test/failure/outage.test.ts',
    'test/failure/redis-away.test.ts',
    'test/failure/redis-refusing.test.ts',
    'test/failure/redis-stale.test.ts',
    'test/failure/secrets.test.ts',
    'test/failure/upstream-proxy.test.ts',
    'test/failure/upstream-tls.test.ts',
    'test/failure/writes-killed.test.ts',
    'test/failure/writes-repeated.test.ts',
    'test/failure/writes-shared.test.ts',
    'test/failure/writes-stopped.test.ts',
    'test/fuzz/',
    'test/guides/',
    'test/model/',
    'test/processes.test.ts',
    'test/redis/far.test.ts',
    'test/redis/refused.test.ts',
    'test/redis/replaced.test.ts',
    'test/redis/sentinel.test.ts',
    'test/redis/topologies.test.ts',
    'test/redis/valkey.test.ts',
    'test/tarball.test.ts',
  ],
}

/**
 * What makes jest run the suites of some kinds, such as `server` or `browser,release`: `paths` to run, and `left` to leave
 * out. Both are empty when an argument names suites by their path: these run, of whatever kind.
 */
export const selectionOf = (kinds, args) => {
  const asked = kinds.split(',')
  if (args.some((arg) => /^(\.\/)?test\//.test(arg))) return { paths: [], left: [] }
  if (!asked.includes('server')) return { paths: asked.flatMap((kind) => pathsOf[kind]), left: [] }
  const others = Object.keys(pathsOf).filter((kind) => !asked.includes(kind))
  return { paths: [], left: others.flatMap((kind) => pathsOf[kind]) }
}
