import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import http from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { hashKey, makeKey } from '../../src/access/keys.ts'
import { scopes } from '../../src/contract/scopes.ts'
import { spawnReady } from '../support/processes.ts'
import { type Costly, costlyHeads, costlyRequests } from './costly-bodies.ts'
import { cpuOf, quantile } from './lib/probe.ts'

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
  const keySet = http.createServer((_req, res) => res.end('{"keys":[]}')).listen(0, '127.0.0.1')
  await once(keySet, 'listening')
  const simulator = await spawnReady(process.execPath, [join(dist, 'apps/simulator/main.js')], {})
  const gateway = await spawnReady(process.execPath, [join(dist, 'main.js')], {
    PORT: '0',
    CHATHUB_BASE_URL: simulator.url,
    CHATHUB_COMPANY_TOKEN: 'ct_demo-company-token',
    CACHE_FRESH_SECONDS: '86400',
    JWT_JWKS_URL: `http://127.0.0.1:${(keySet.address() as AddressInfo).port}/`,
    JWT_ISSUER: 'https://host.example',
    JWT_AUDIENCE: 'chathub-gateway',
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

const send = (
  port: number,
  key: string,
  { method, path, headers, body }: Omit<Costly, 'name'>,
  agent?: http.Agent,
) =>
  new Promise<number>((resolve) => {
    // A request that brings its own credential has no other.
    const own = 'Authorization' in headers || 'Cookie' in headers ? {} : { 'X-API-Key': key }
    const all = { ...headers, ...own, 'Content-Length': body.length }
    const req = http.request({ port, host: '127.0.0.1', method, path, headers: all, agent: agent ?? false })
    req.on('response', (res) => res.resume().on('close', () => resolve(res.statusCode ?? 0)))
    req.on('error', () => resolve(0))
    req.end(body)
  })

const chunkedPaths = [
  ['/v1/organizations/24/operators', 'application/json'],
  ['/v1/organizations/24/imports', 'text/csv'],
] as const
/** A body of 8 MB in chunks of one byte, until the answer. Node makes an event of each chunk. */
const sendInChunks = async (
  port: number,
  key: string,
  [path, type]: (typeof chunkedPaths)[number],
): Promise<void> => {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => {}).resume()
  const head = [`POST ${path} HTTP/1.1`, 'Host: x', `X-API-Key: ${key}`, `Content-Type: ${type}`]
  socket.write(`${[...head, 'Transfer-Encoding: chunked'].join('\r\n')}\r\n\r\n`)
  const chunks = '1\r\n \r\n'.repeat(10_000)
  let left = 800
  const sendMore = (): void => {
    while (left-- > 0) if (!socket.write(chunks)) return
    socket.end('0\r\n\r\n')
  }
  socket.on('drain', sendMore)
  sendMore()
  // `once` of node:events would fail with the connection.
  await new Promise((resolve) => socket.on('close', resolve))
}

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

type Figures = Record<string, string>
type Options = {
  dist: string
  before: string | undefined
  only: string | undefined
  say: (text: string) => void
}

export const run = async ({ dist, before, ...asked }: Options) => {
  const earlier = before ? await measure(before, asked) : {}
  const now = await measure(dist, asked)
  return Object.entries(now).map(([figure, after]) => {
    const aim = figure.includes('file, with all rights')
      ? 'in slices'
      : figure.includes('node:http')
        ? 'to compare'
        : figure.startsWith('CPU')
          ? '≤ 20 ms'
          : '≤ 5 × idle'
    return { figure, before: earlier[figure] ?? '', after, aim }
  })
}

/** `only`: `CPU`, `p99`, or the name of one flood. */
const measure = async (dist: string, { only = '', say }: Pick<Options, 'only' | 'say'>): Promise<Figures> => {
  const figures: Figures = {}
  const add = (figure: string, told: string): void => {
    figures[figure] = told
  }
  const all = costlyRequests()
  const { gateway, port, stop } = await start(dist)
  await send(port, keys.reader, list)

  for (const who of ['', 'CPU'].includes(only) ? (['measured', 'blind'] as const) : []) {
    const costs: { text: string; ms: number; kind: string }[] = []
    const cost = async (request: Costly, kind: string, rounds: number): Promise<void> => {
      await send(port, keys[who], request)
      let status = 0
      const each: number[] = []
      for (let round = 0; round < rounds; round++) {
        const begun = cpuOf(gateway.pid)
        status = await send(port, keys[who], request)
        each.push(cpuOf(gateway.pid) - begun)
      }
      // The median: a collection of garbage is paid by one request for many.
      const ms = quantile(each, 0.5)
      const line = `${ms.toFixed(1)} ms: ${request.name} to ${request.method} ${request.path.slice(0, 60)} (${status})`
      costs.push({ text: line, ms, kind })
    }
    // What a process compiles at its first requests is no cost of these.
    for (const request of all) await send(port, keys[who], request)
    for (const request of all)
      await cost(request, request.path.endsWith('/imports') ? 'file' : 'JSON request', 5)
    for (const request of costlyHeads()) await cost(request, 'head', 10)
    for (const path of chunkedPaths) {
      const each: number[] = []
      for (let round = 0; round < 5; round++) {
        const begun = cpuOf(gateway.pid)
        await sendInChunks(port, keys[who], path)
        each.push(cpuOf(gateway.pid) - begun)
      }
      const ms = quantile(each, 0.5)
      const line = `${ms.toFixed(1)} ms: chunks of one byte to POST ${path[0]}`
      costs.push({ text: line, ms, kind: 'body in chunks of one byte' })
    }
    const sorted = costs.toSorted((a, b) => b.ms - a.ms)
    const name = who === 'blind' ? 'without rights' : 'with all rights'
    for (const kind of ['JSON request', 'file', 'head', 'body in chunks of one byte']) {
      const found = sorted.filter((each) => each.kind === kind)
      say(
        `${name}, CPU of one ${kind}:\n${found
          .slice(0, 6)
          .map(({ text: line }) => `  ${line}`)
          .join('\n')}`,
      )
      add(`CPU of the worst ${kind}, ${name}`, `${found[0]?.ms.toFixed(1)} ms`)
    }
  }

  const json = all.filter(({ path }) => !path.endsWith('/imports'))
  const files = all.filter(({ path }) => path.endsWith('/imports'))
  const open = json.filter(({ path }) => /get-token|\/session$/.test(path) && !path.includes('operator'))
  const floods: [string, Costly[], string | undefined][] = [
    ['JSON', json, keys.attacker],
    ['JSON, without rights', json, keys.blind],
    ['files', files, keys.attacker],
    ['JSON, without a credential', open, undefined],
    ['heads', costlyHeads(), undefined],
  ]
  const program = fileURLToPath(new URL('lib/discard.mjs', import.meta.url))
  const discard = await spawnReady(process.execPath, [program], {})
  const servers = [
    ['', port],
    [', node:http that discards them', Number(new URL(discard.url).port)],
  ] as const
  const measured = floods.filter(([name]) => ['', 'p99', name].includes(only))
  for (const [name, requests, key] of measured)
    for (const [server, at] of servers) {
      await sleep(1500)
      const idle = await readLatency(at, 3000)
      const attack = flood(at, 10, requests, key)
      await sleep(1000)
      const busy = await readLatency(at, 6000)
      attack.kill('SIGTERM')
      const told = attack.stdout ? await text(attack.stdout) : ''
      await once(attack, 'exit').catch(() => {})
      say(
        `${name}${server}: idle p50 ${idle.p50.toFixed(2)}, p99 ${idle.p99.toFixed(2)}; attacked p50 ${busy.p50.toFixed(2)}, p99 ${busy.p99.toFixed(2)}, max ${busy.max.toFixed(0)} ms; ${told}`,
      )
      add(
        `p99 of a cached read beside ten connections: ${name}${server}`,
        `${busy.p99.toFixed(1)} ms, ${(busy.p99 / idle.p99).toFixed(1)} × idle`,
      )
    }
  await discard.stop()
  await stop()
  return figures
}
