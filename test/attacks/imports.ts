import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { hashKey, makeKey } from '../../src/access/keys.ts'
import { scopes } from '../../src/contract/scopes.ts'
import { spawnReady } from '../support/processes.ts'
import { startRedis } from '../support/redis.ts'
import { pinned, probe, quantile } from './lib/probe.ts'

export const question = 'What does the import of a large file cost another client?'

const [importer, reader] = [makeKey('importer'), makeKey('reader')]
const clientOf = (id: string, key: string) => {
  return { id, keyHash: hashKey(key), organizations: '*', scopes, requestsPerMinute: 10_000_000 }
}
const list = '/v1/organizations/24/operators'
const files = '/v1/organizations/24/imports'
const namesOf = (count: number): string =>
  `name\n${Array.from({ length: count }, (_, index) => `Ірина Петренко ${index}\n`).join('')}`

const measure = async (dist: string): Promise<Record<string, string>> => {
  const run = (core: string, file: string, env: Record<string, string>) =>
    spawnReady(...pinned(core, process.execPath, join(dist, file)), env)
  const redis = await startRedis()
  const simulator = await run('1', 'apps/simulator/main.js', {})
  const gateway = await run('0', 'main.js', {
    PORT: '0',
    CHATHUB_BASE_URL: simulator.url,
    CHATHUB_COMPANY_TOKEN: 'ct_demo-company-token',
    CHATHUB_REQUESTS_PER_SECOND: '40',
    LOG_LEVEL: 'error',
    REDIS_URL: redis.url,
    API_KEYS: JSON.stringify({ clients: [clientOf('importer', importer), clientOf('reader', reader)] }),
  })
  const ask = async (method: string, path: string, body?: string, accept = 'application/json') => {
    const headers = { 'X-API-Key': importer, Accept: accept, ...(body && { 'Content-Type': 'text/csv' }) }
    const answer = await fetch(gateway.url + path, { method, headers, ...(body && { body }) })
    const text = await answer.text()
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text.slice(0, 300)}`)
    return text
  }
  const stateOf = async (id: string) =>
    (JSON.parse(await ask('GET', `/v1/operations/${id}`)) as { state: string }).state
  const ended = async (id: string): Promise<void> => {
    while (['queued', 'running'].includes(await stateOf(id))) await sleep(500)
  }
  /** The times of cached reads beside some work. */
  const beside = async (work: () => Promise<unknown>): Promise<number[]> => {
    const stop = probe(Number(new URL(gateway.url).port), `${list}/101`, reader)
    await work()
    return stop()
  }

  await ask('GET', list)
  await beside(() => sleep(2000))
  const calm = await beside(() => sleep(5000))
  const shown = (times: number[]): string => {
    const [p99, most] = [quantile(times, 0.99), Math.max(...times)]
    return `${p99.toFixed(1)} ms, ${(p99 / quantile(calm, 0.99)).toFixed(1)} × idle; at most ${most.toFixed(0)} ms`
  }
  const large = namesOf(49_000)
  const dryRuns = await beside(async () => {
    for (let round = 0; round < 5; round++) await ask('POST', `${files}?dryRun=true`, large)
  })
  let operation = ''
  const started = await beside(async () => {
    operation = (JSON.parse(await ask('POST', files, namesOf(20_000))) as { id: string }).id
    await ended(operation)
  })
  const reports = await beside(async () => {
    for (const accept of ['application/json', 'text/csv', 'application/json', 'text/csv'])
      await ask('GET', `/v1/operations/${operation}/rows`, undefined, accept)
  })
  await Promise.all([gateway.stop(), simulator.stop()])
  await redis.stop()
  return {
    'p99 of a cached read of another client, idle': `${quantile(calm, 0.99).toFixed(1)} ms`,
    '… beside five dry runs of 49,000 names': shown(dryRuns),
    '… beside an import of 20,000 names, 40 requests a second': shown(started),
    '… beside four reports of it': shown(reports),
  }
}

type Options = { dist: string; before: string | undefined }
export const run = async ({ dist, before }: Options) => {
  const earlier = before ? await measure(before) : {}
  const now = await measure(dist)
  return Object.entries(now).map(([figure, after]) => {
    return { figure, before: earlier[figure] ?? '', after, aim: figure.startsWith('…') ? '≤ 5 × idle' : '' }
  })
}
