import { spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { hashKey, makeKey } from '../../src/access/keys.ts'
import { scopes } from '../../src/contract/scopes.ts'
import { spawnReady } from '../support/processes.ts'
import { cpuOf, memoryOf, pinned, probe, quantile } from './lib/probe.ts'

export const question =
  'What is left of the answers a second when ten times more are asked for, and does /livez answer meanwhile?'

const key = makeKey('overload')
const clients = [
  { id: 'overload', keyHash: hashKey(key), organizations: '*', scopes, requestsPerMinute: 10_000_000 },
]
const start = async (dist: string) => {
  const run = (core: string, file: string, env: Record<string, string>, ...args: string[]) =>
    spawnReady(...pinned(core, process.execPath, join(dist, file), ...args), env)
  const simulator = await run('1', 'apps/simulator/main.js', {}, '--organizations=60', '--operators=600')
  const put = (path: string, body: unknown) =>
    fetch(`${simulator.url}/__sim/${path}`, {
      method: 'PUT',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
    })
  const people = (count: number): { name: string }[] =>
    Array.from({ length: count }, (_, index) => ({
      name: `Оператор Коваленко Олена ${String(index).padStart(4, '0')}`,
    }))
  await put('operators/42', people(2000))
  await put('operators/6', people(9000))
  const gateway = await run('0', 'main.js', {
    PORT: '0',
    OPS_PORT: '0',
    CHATHUB_BASE_URL: simulator.url,
    CHATHUB_COMPANY_TOKEN: 'ct_demo-company-token',
    CHATHUB_REQUESTS_PER_SECOND: '10000',
    CLIENT_CONCURRENCY: '1000000',
    // Each add has a key of its own.
    QUOTAS_PER_CLIENT: 'idempotency-keys=1000000',
    CACHE_FRESH_SECONDS: '86400',
    ORGANIZATIONS_FRESH_SECONDS: '86400',
    LOG_LEVEL: 'error',
    API_KEYS: JSON.stringify({ clients }),
  })
  const [port, opsPort] = [gateway.url, String(gateway.lines()[0]?.['opsUrl'])].map((url) =>
    Number(new URL(url).port),
  )
  return {
    port: port as number,
    opsPort: opsPort as number,
    pid: gateway.pid,
    stop: () => Promise.all([gateway.stop(), simulator.stop()]),
  }
}
type Started = Awaited<ReturnType<typeof start>>

const loads = {
  'cached reads': { method: 'GET', path: '/v1/organizations/24/operators' },
  searches: {
    method: 'GET',
    path: '/v1/operators?q=%D0%BE%D0%BB%D0%B5%D0%BD%D0%B0%20000&organizations=24,42',
  },
  adds: {
    method: 'POST',
    path: '/v1/organizations/24/operators',
    headers: { 'Content-Type': 'application/json' },
    body: '{"operators":[{"name":"Olena 0123456789"}],"onDuplicate":"allow"}',
    // A write waits for its turn in its organization, at most 15 s.
    patienceMs: 16_000,
    seconds: 12,
  },
}

type Told = {
  goodput: number
  good: number
  statuses: Record<string, number>
  p50: number | null
  p99: number | null
}
const load = async (port: number, order: object): Promise<Told> => {
  const generator = fileURLToPath(new URL('load-generator.mjs', import.meta.url))
  const child = spawn(...pinned('1', process.execPath, generator), { stdio: ['pipe', 'pipe', 'inherit'] })
  child.stdin.end(JSON.stringify({ port, seconds: 4, ...order }))
  return JSON.parse(await text(child.stdout)) as Told
}

const probeAll = ({ port, opsPort }: Started) => {
  const probes = [
    probe(port, '/livez', key),
    probe(opsPort, '/livez', key),
    probe(port, loads['cached reads'].path, key),
  ]
  return async () => {
    const [livez, ops, read] = (await Promise.all(probes.map((stop) => stop()))).map((times) =>
      quantile(times, 0.99),
    )
    return { livez: livez as number, ops: ops as number, read: read as number }
  }
}

/** Connections that do something slowly or not at all; each one that the server ends is opened anew. */
const crowd = (port: number, count: number, act: (socket: Socket) => void) => {
  const sockets = new Set<Socket>()
  let isOver = false
  const open = (): void => {
    const socket = connect(port, '127.0.0.1')
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('connect', () => act(socket))
    socket.on('close', () => {
      sockets.delete(socket)
      if (!isOver) setTimeout(open, 5)
    })
  }
  for (let made = 0; made < count; made++) open()
  return () => {
    isOver = true
    for (const socket of sockets) socket.destroy()
  }
}
const drip = (socket: Socket, first: string, piece: string): void => {
  socket.write(first)
  const timer = setInterval(() => socket.write(piece), 500)
  socket.on('close', () => clearInterval(timer))
}
const headOf = ({ method, path }: { method: string; path: string }, ...more: string[]): string =>
  [`${method} ${path} HTTP/1.1`, 'Host: x', `X-API-Key: ${key}`, ...more].join('\r\n')
const search = { method: 'GET', path: '/v1/operators?organizations=6' }
const crowds: Record<string, (port: number) => () => void> = {
  'slow heads': (port) => crowd(port, 1000, (socket) => drip(socket, headOf(loads.searches), '\r\nX-A: b')),
  'slow bodies': (port) =>
    crowd(port, 1000, (socket) =>
      drip(
        socket,
        `${headOf(loads.adds, 'Content-Type: application/json', 'Content-Length: 1000000')}\r\n\r\n{"operators":[`,
        '{"name":"a"},',
      ),
    ),
  'slow readers of 1 MB': (port) =>
    crowd(port, 300, (socket) => {
      socket.pause()
      socket.write(`${headOf(search)}\r\n\r\n`.repeat(4))
    }),
  'a flood of connections': (port) =>
    crowd(port, 200, (socket) => {
      socket.write(`${headOf(loads['cached reads'])}\r\nConnection: close\r\n\r\n`)
      socket.resume()
    }),
  'requests behind one another': (port) => {
    const program = fileURLToPath(new URL('pipelined.mjs', import.meta.url))
    const child = spawn(...pinned('1', process.execPath, program, String(port), '10'), { stdio: 'inherit' })
    return () => void child.kill()
  },
}

/**
 * What `node:http` alone keeps of its peak, with an answer of the same bytes, in per cent: 2,000 connections, ten times the
 * rate; first of the answers a second, then of the answers for a second of its CPU.
 */
const keptByBare = async (body: Buffer): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), 'overload-'))
  const file = join(folder, 'body')
  await writeFile(file, body)
  const program = fileURLToPath(new URL('../bench/peers/bare.mjs', import.meta.url))
  const bare = await spawnReady(...pinned('0', process.execPath, program, file), {})
  const port = Number(new URL(bare.url).port)
  const requests = [{ ...loads['cached reads'], headers: {} }]
  const measureLoad = async (order: object) => {
    const used = cpuOf(bare.pid)
    const { goodput, good } = await load(port, { requests, ...order })
    return { goodput, ofCpu: (1000 * good) / (cpuOf(bare.pid) - used) }
  }
  const peak = await measureLoad({ connections: 64 })
  const wide = await measureLoad({ connections: 2000 })
  const fast = await measureLoad({ connections: 2000, rate: 10 * peak.goodput })
  await bare.stop()
  await rm(folder, { recursive: true })
  const kept = (of: 'goodput' | 'ofCpu'): string =>
    [wide, fast].map((told) => `${((100 * told[of]) / peak[of]).toFixed(0)} %`).join(', ')
  return `${kept('goodput')} of ${peak.goodput.toFixed(0)}/s; ${kept('ofCpu')} of ${peak.ofCpu.toFixed(0)}`
}

type Figures = Record<string, string>
const one = (value: number): string => (value >= 10 ? value.toFixed(0) : value.toFixed(1))

type Asked = { only: string | undefined; say: (text: string) => void }
const measure = async (dist: string, name: string, { only = '', say }: Asked): Promise<Figures> => {
  const figures: Figures = {}
  const started = await start(dist)
  const { port, pid } = started
  const listed = await fetch(`http://127.0.0.1:${port}/v1/organizations`, { headers: { 'X-API-Key': key } })
  const { items } = (await listed.json()) as { items: { id: number }[] }
  const organizations = items.map(({ id }) => id)
  for (const path of [loads['cached reads'].path, loads.searches.path, '/livez']) {
    const answer = await fetch(`http://127.0.0.1:${port}${path}`, { headers: { 'X-API-Key': key } })
    if (answer.status !== 200) throw new Error(`${path}: ${answer.status}`)
  }
  const idle = probeAll(started)
  await sleep(3000)
  const calm = await idle()
  figures['p99 of /livez, of the ops port, of a cached read, idle'] =
    `${one(calm.livez)}, ${one(calm.ops)}, ${one(calm.read)} ms`
  for (const [what, request] of Object.entries(loads)) {
    if (!what.includes(only)) continue
    const { patienceMs = 2000, seconds = 4, ...rest } = { ...request } as typeof loads.adds
    const headers = { ...rest.headers, 'X-API-Key': key, 'Idempotency-Key': 'k-0123456789' }
    // Adds go to many organizations: one has one write at a time.
    const paths =
      what === 'adds' ? organizations.map((id) => rest.path.replace('24', String(id))) : [rest.path]
    const requests = paths.map((path) => ({ ...rest, path, headers }))
    const common = { requests, patienceMs, seconds }
    const ofCpu = async (order: object): Promise<Told & { ofCpu: number }> => {
      const used = cpuOf(pid)
      const told = await load(port, { ...common, ...order })
      return { ...told, ofCpu: (1000 * told.good) / (cpuOf(pid) - used) }
    }
    const peak = await ofCpu({ connections: 64 })
    say(`${name} ${what}, 64 connections: ${JSON.stringify(peak)}`)
    const { goodput } = peak
    if (what === 'cached reads') {
      const answer = await fetch(`http://127.0.0.1:${port}${rest.path}`, { headers })
      figures['bare node:http, 2,000 connections and 10 × the rate: goodput of peak; for a second of CPU'] =
        await keptByBare(Buffer.from(await answer.arrayBuffer()))
    }
    for (const [kind, order] of [
      ['2,000 connections', { connections: 2000 }],
      ['10 × the rate', { connections: 2000, rate: 10 * goodput }],
    ] as const) {
      const stop = probeAll(started)
      const told = await ofCpu(order)
      const { livez, ops, read } = await stop()
      say(`${name} ${what}, ${kind}: ${JSON.stringify(told)}, /livez ${livez}, ops ${ops}, read ${read}`)
      figures[`${what}, ${kind}: goodput of peak`] =
        `${((100 * told.goodput) / goodput).toFixed(0)} % of ${goodput.toFixed(0)}/s`
      figures[`${what}, ${kind}: answers for a second of CPU`] =
        `${((100 * told.ofCpu) / peak.ofCpu).toFixed(0)} % of ${peak.ofCpu.toFixed(0)}`
      figures[`${what}, ${kind}: p99 of /livez, of the ops port, of a cached read`] =
        `${one(livez)}, ${one(ops)}, ${one(read)} ms`
    }
  }
  figures['most memory until then'] = `${memoryOf(pid, 'VmHWM')} MiB`
  for (const [what, begin] of Object.entries(crowds)) {
    if (!what.includes(only)) continue
    const before = memoryOf(pid, 'VmRSS')
    const end = begin(port)
    await sleep(2000)
    const stop = probeAll(started)
    await sleep(10_000)
    const { livez, ops, read } = await stop()
    const grown = memoryOf(pid, 'VmRSS') - before
    end()
    await sleep(500)
    figures[`${what}: p99 of /livez, of the ops port, of a cached read; memory`] =
      `${one(livez)}, ${one(ops)}, ${one(read)} ms; ${grown} MiB`
    say(`${name} ${what}: ${livez} ${ops} ${read} ms, ${grown} MiB`)
  }
  await started.stop()
  return figures
}

const aimOf = (figure: string): string => {
  if (figure.startsWith('bare')) return 'to compare'
  if (/goodput|second of CPU/.test(figure)) return '≥ 90 %'
  return figure.includes('idle') ? '' : figure.includes('most memory') ? '' : '≤ 250 ms'
}

type Options = Asked & { dist: string; before: string | undefined }
/** `only`: a part of the names of loads and crowds. */
export const run = async ({ dist, before, ...asked }: Options) => {
  const earlier = before ? await measure(before, 'before', asked) : {}
  const now = await measure(dist, 'after', asked)
  return Object.entries(now).map(([figure, after]) => {
    return { figure, before: earlier[figure] ?? '', after, aim: aimOf(figure) }
  })
}
