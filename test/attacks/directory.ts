import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { hashKey, makeKey } from '../../src/access/keys.ts'
import { scopes } from '../../src/contract/scopes.ts'
import { spawnReady } from '../support/processes.ts'
import { cpuOf, memoryOf, pinned, probe, quantile } from './lib/probe.ts'

export const question =
  'What do questions over 302 cold organizations cost another client, and whose calls wait?'

const [asker, reader] = [makeKey('asker'), makeKey('reader')]
const clientOf = (id: string, key: string) => {
  return { id, keyHash: hashKey(key), organizations: '*', scopes, requestsPerMinute: 10_000_000 }
}
const paths = ['/v1/operators?q=olena', '/v1/statistics', '/v1/operators/999999999', '/v1/operators']
const list = '/v1/organizations/24/operators'

const measure = async (dist: string, say: (text: string) => void): Promise<Record<string, string>> => {
  const run = (core: string, file: string, env: Record<string, string>, ...args: string[]) =>
    spawnReady(...pinned(core, process.execPath, join(dist, file), ...args), env)
  const simulator = await run('1', 'apps/simulator/main.js', {}, '--organizations=302', '--operators=20000')
  const gateway = await run('0', 'main.js', {
    PORT: '0',
    CHATHUB_BASE_URL: simulator.url,
    CHATHUB_COMPANY_TOKEN: 'ct_demo-company-token',
    // The worst for the processor: ChatHub answers as fast as it is asked.
    CHATHUB_REQUESTS_PER_SECOND: '10000',
    CACHE_FRESH_SECONDS: '86400',
    LOG_LEVEL: 'error',
    API_KEYS: JSON.stringify({ clients: [clientOf('asker', asker), clientOf('reader', reader)] }),
  })
  const port = Number(new URL(gateway.url).port)
  const ask = async (method: string, path: string, body?: unknown) => {
    const answer = await fetch(gateway.url + path, {
      method,
      headers: { 'X-API-Key': asker, 'Content-Type': 'application/json' },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    return { status: answer.status, bytes: (await answer.arrayBuffer()).byteLength }
  }
  for (const path of [...paths, list]) await ask('GET', path)
  const idle = probe(port, list, reader)
  await sleep(3000)
  const calm = await idle()

  const rounds = 8
  const used = cpuOf(gateway.pid)
  const stop = probe(port, list, reader)
  for (let round = 0; round < rounds; round++) {
    await ask('POST', '/v1/cache:purge', {})
    await ask('GET', list)
    // Two requests of each kind at once.
    const answers = await Promise.all([...paths, ...paths].map((path) => ask('GET', path)))
    if (round === 0) say(answers.map(({ status, bytes }) => `${status} ${bytes} B`).join(', '))
    await sleep(100)
  }
  const busy = await stop()
  const cpu = (cpuOf(gateway.pid) - used) / rounds / paths.length / 2
  const memory = memoryOf(gateway.pid, 'VmHWM')
  await Promise.all([gateway.stop(), simulator.stop()])
  const ratio = quantile(busy, 0.99) / quantile(calm, 0.99)
  return {
    'p99 of a cached read of another client, idle': `${quantile(calm, 0.99).toFixed(1)} ms`,
    '… beside eight questions at once': `${quantile(busy, 0.99).toFixed(1)} ms, ${ratio.toFixed(1)} × idle`,
    'CPU of a question': `${cpu.toFixed(0)} ms`,
    'most memory': `${memory} MiB`,
  }
}

const aims: Record<string, string> = { '… beside eight questions at once': '≤ 5 × idle' }

type Options = { dist: string; before: string | undefined; say: (text: string) => void }
export const run = async ({ dist, before, say }: Options) => {
  const earlier = before ? await measure(before, say) : {}
  const now = await measure(dist, say)
  return Object.entries(now).map(([figure, after]) => {
    return { figure, before: earlier[figure] ?? '', after, aim: aims[figure] ?? '' }
  })
}
