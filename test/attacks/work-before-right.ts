import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import http from 'node:http'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { hashKey, makeKey } from '../../src/access/keys.ts'
import { scopes } from '../../src/contract/scopes.ts'
import { spawnReady } from '../support/processes.ts'
import { type Costly, costlyRequests } from './costly-bodies.ts'

export const question =
  'What does one refused request cost, and what do ten connections of them cost another client?'

const clientIds = ['measured', 'blind', 'attacker', 'reader'] as const
const keys = Object.fromEntries(clientIds.map((id) => [id, makeKey(id)])) as Record<
  (typeof clientIds)[number],
  string
>
const clientOf = (id: keyof typeof keys, more: object) => ({
  id,
  keyHash: hashKey(keys[id]),
  organizations: [24],
  scopes,
  ...more,
})

const start = async (dist: string) => {
  const simulator = await spawnReady(process.execPath, [join(dist, 'apps/simulator/main.js')], {})
  const gateway = await spawnReady(process.execPath, [join(dist, 'main.js')], {
    PORT: '0',
    CHATHUB_BASE_URL: simulator.url,
    CHATHUB_COMPANY_TOKEN: 'ct_demo-company-token',
    CACHE_FRESH_SECONDS: '86400',
    SESSION_SECRET: 'a-secret-of-at-least-32-characters',
    LOG_LEVEL: 'error',
    API_KEYS: JSON.stringify({
      clients: [
        clientOf('measured', { requestsPerMinute: 10_000_000 }),
        clientOf('blind', { organizations: [], scopes: [], requestsPerMinute: 10_000_000 }),
        clientOf('attacker', {}),
        clientOf('reader', { requestsPerMinute: 10_000_000 }),
      ],
    }),
  })
  return {
    gateway,
    port: Number(new URL(gateway.url).port),
    stop: () => Promise.all([gateway.stop(), simulator.stop()]),
  }
}

/** CPU ms that a process has used; the kernel counts in ticks of 10 ms. */
const cpuOf = (pid: number): number => {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) * 10
}

const send = (
  port: number,
  key: string,
  { method, path, headers, body }: Omit<Costly, 'name'>,
  agent?: http.Agent,
) =>
  new Promise<number>((resolve) => {
    const all = { ...headers, 'X-API-Key': key, 'Content-Length': body.length }
    const req = http.request({ port, host: '127.0.0.1', method, path, headers: all, agent: agent ?? false })
    req.on('response', (res) => res.resume().on('close', () => resolve(res.statusCode ?? 0)))
    req.on('error', () => resolve(0))
    req.end(body)
  })

const quantile = (values: number[], share: number): number =>
  values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * share))] as number

const list: Omit<Costly, 'name'> = {
  method: 'GET',
  path: '/v1/organizations/24/operators',
  headers: {},
  body: Buffer.alloc(0),
}

/** p50 and p99 in ms of cached reads, one begun every 5 ms whether or not the one before was answered. */
const readLatency = async (port: number, ms: number) => {
  const agent = new http.Agent({ keepAlive: true })
  const times: Promise<number>[] = []
  const read = async (begun: number): Promise<number> => {
    await send(port, keys.reader, list, agent)
    return performance.now() - begun
  }
  for (let next = performance.now(), until = next + ms; next < until; next += 5) {
    await sleep(Math.max(0, next - performance.now()))
    times.push(read(next))
  }
  const all = await Promise.all(times)
  agent.destroy()
  return { p50: quantile(all, 0.5), p99: quantile(all, 0.99), max: Math.max(...all) }
}

const flood = (
  port: number,
  connections: number,
  requests: Costly[],
  key: string | undefined,
): ChildProcess => {
  const child = spawn(process.execPath, [fileURLToPath(new URL('flood.mjs', import.meta.url))], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const withKey = requests.map(({ body, headers, ...rest }) => {
    return {
      ...rest,
      headers: { ...headers, ...(key && { 'X-API-Key': key }) },
      body: body.toString('base64'),
    }
  })
  child.stdin?.end(JSON.stringify({ port, connections, requests: withKey }))
  return child
}

const before: Record<string, string> = {
  'CPU of the worst JSON request, with all rights': '405 ms',
  'CPU of the worst file, with all rights': '993 ms',
  'CPU of the worst JSON request, without rights': '12.5 ms',
  'CPU of the worst file, without rights': '2.5 ms',
}

export const run = async ({ dist, say }: { dist: string; say: (text: string) => void }) => {
  const rows: Record<string, string>[] = []
  const add = (figure: string, after: string, aim: string) =>
    rows.push({ figure, before: before[figure] ?? '', after, aim })
  const all = costlyRequests()
  const { gateway, port, stop } = await start(dist)
  await send(port, keys.reader, list)

  const rounds = 2
  for (const who of ['measured', 'blind'] as const) {
    const costs: { text: string; ms: number; path: string }[] = []
    for (const request of all) {
      await send(port, keys[who], request)
      const begun = cpuOf(gateway.pid)
      let status = 0
      for (let round = 0; round < rounds; round++) status = await send(port, keys[who], request)
      const ms = (cpuOf(gateway.pid) - begun) / rounds
      costs.push({
        text: `${ms} ms: ${request.name} to ${request.method} ${request.path} (${status})`,
        ms,
        path: request.path,
      })
    }
    const sorted = costs.toSorted((a, b) => b.ms - a.ms)
    say(
      `${who}, CPU of one request:\n${sorted
        .slice(0, 12)
        .map(({ text: line }) => `  ${line}`)
        .join('\n')}`,
    )
    const isFile = ({ path }: { path: string }) => path.endsWith('/imports')
    const worst = (found: typeof sorted) => `${found[0]?.ms} ms`
    const name = who === 'blind' ? 'without rights' : 'with all rights'
    add(`CPU of the worst JSON request, ${name}`, worst(sorted.filter((cost) => !isFile(cost))), '≤ 20 ms')
    add(
      `CPU of the worst file, ${name}`,
      worst(sorted.filter(isFile)),
      who === 'blind' ? '≤ 20 ms' : 'in slices',
    )
  }

  const json = all.filter(({ path }) => !path.endsWith('/imports'))
  const files = all.filter(({ path }) => path.endsWith('/imports'))
  const open = json.filter(({ path }) => /get-token|\/session$/.test(path) && !path.includes('operator'))
  for (const [name, requests, key] of [
    ['JSON', json, keys.attacker],
    ['JSON, without rights', json, keys.blind],
    ['files', files, keys.attacker],
    ['JSON, without a credential', open, undefined],
  ] as const) {
    await sleep(1500)
    const idle = await readLatency(port, 3000)
    const attack = flood(port, 10, [...requests], key)
    await sleep(1000)
    const busy = await readLatency(port, 6000)
    attack.kill('SIGTERM')
    const told = attack.stdout ? await text(attack.stdout) : ''
    await once(attack, 'exit').catch(() => {})
    say(
      `${name}: idle p50 ${idle.p50.toFixed(2)}, p99 ${idle.p99.toFixed(2)}; attacked p50 ${busy.p50.toFixed(2)}, p99 ${busy.p99.toFixed(2)}, max ${busy.max.toFixed(0)} ms; ${told}`,
    )
    add(
      `p99 of a cached read beside ten connections: ${name}`,
      `${busy.p99.toFixed(1)} ms, ${(busy.p99 / idle.p99).toFixed(1)} × idle`,
      '≤ 5 × idle',
    )
  }
  await stop()
  return rows
}
