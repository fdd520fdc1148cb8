import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text as textOf } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { hashKey, makeKey } from '../src/access/keys.ts'
import { createSimulator, type Simulator, type SimulatorOptions } from '../src/apps/simulator/simulator.ts'
import { type Exit, track } from './support/children.ts'
import { isLong } from './support/long.ts'
import { type Running, spawnGateway, stopEverything } from './support/processes.ts'
import { until } from './support/until.ts'

// The gateway as in production: dist/main.js and dist/cli.js as separate processes.

let simulator: Simulator
let folder: string
const running: Running[] = []
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'chathub-process-'))
  simulator = await createSimulator({ loginSpacingMs: 0 })
})
afterEach(async () => {
  // A graceful stop takes a second; tests of it stop the gateway themselves.
  for (const gateway of running.splice(0)) gateway.signal('SIGKILL')
  await stopEverything()
  await simulator.close()
  await rm(folder, { recursive: true })
})
afterAll(stopEverything)

const key = makeKey('all')
const fullAccess = {
  id: 'all',
  keyHash: hashKey(key),
  scopes: ['operators:read', 'organizations:read', 'operators:write', 'metrics:read'],
  organizations: '*',
  requestsPerMinute: 1_000_000,
}

const settings = (more: Record<string, string> = {}): Record<string, string> => ({
  PORT: '0',
  CHATHUB_BASE_URL: simulator.url,
  CHATHUB_LOGIN: 'demo',
  CHATHUB_PASSWORD: 'demo-password',
  CHATHUB_REQUESTS_PER_SECOND: '1000',
  // Generous, because no test here concerns these limits and the machine may be busy.
  CHATHUB_TIMEOUT_MS: '60000',
  READ_DEADLINE_MS: '120000',
  WRITE_DEADLINE_MS: '120000',
  ...(more['API_KEYS_FILE'] === undefined && { API_KEYS: JSON.stringify({ clients: [fullAccess] }) }),
  ...more,
})

const list = (url: string, credential = key, headers: Record<string, string> = {}) =>
  fetch(`${url}/v1/organizations/24/operators`, { headers: { 'X-API-Key': credential, ...headers } })

const start = async (env: Record<string, string> = settings()): Promise<Running> => {
  const gateway = await spawnGateway({ env })
  running.push(gateway)
  return gateway
}

const cli = fileURLToPath(new URL('../dist/cli.js', import.meta.url))
const runCli = async (...args: string[]): Promise<Exit & { stdout: string; stderr: string }> => {
  const child = spawn(process.execPath, [cli, ...args], { env: { PATH: process.env['PATH'] ?? '' } })
  const texts = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const)
    child[name].setEncoding('utf8').on('data', (text: string) => {
      texts[name] += text
    })
  return { ...(await track(child)), ...texts }
}

describe('starting', () => {
  it('prints its URL once at every log level, on a free port, when it is ready', async () => {
    for (const LOG_LEVEL of isLong ? ['trace', 'debug', 'info', 'warn', 'error', 'silent'] : ['silent']) {
      const gateway = await start(settings({ LOG_LEVEL }))
      const ready = await fetch(`${gateway.url}/readyz`)
      expect([LOG_LEVEL, ready.status]).toEqual([LOG_LEVEL, 200])
      const readyLines = gateway.lines().filter(({ msg }) => msg === 'ready')
      expect(readyLines).toEqual([{ msg: 'ready', url: gateway.url, pid: gateway.pid }])
      expect(new URL(gateway.url).port).toMatch(/^[1-9]\d+$/)
      if (LOG_LEVEL !== 'silent') continue
      expect((await gateway.stop()).code).toBe(0)
      expect(gateway.lines()).toEqual(readyLines)
    }
  })

  it('fails on a port that is in use, and names the port', async () => {
    const first = await start()
    const { port } = new URL(first.url)
    const second = spawnGateway({ env: settings({ PORT: port }) })
    await expect(second).rejects.toThrow(
      new RegExp(`ended with {"code":69,.*PORT=${port} is taken on 127.0.0.1; wanted: a free port`, 's'),
    )
    expect((await fetch(`${first.url}/readyz`)).status).toBe(200)
  })

  it('exits with 78 for invalid settings, and names every fault at once', async () => {
    const started = spawnGateway({ env: { PORT: 'eighty', CHATHUB_BASE_URL: 'http://chathub.example' } })
    await expect(started).rejects.toThrow('ended with {"code":78,')
    const message = await started.catch((error: Error) => error.message)
    for (const name of ['PORT="eighty"', 'CHATHUB_BASE_URL', 'CHATHUB_COMPANY_TOKEN', 'API_KEYS_FILE'])
      expect(message).toContain(name)
  })

  it('serves metrics and health without a key on OPS_PORT, and nothing else', async () => {
    const gateway = await start(settings({ OPS_PORT: '0' }))
    const { opsUrl } = gateway.lines().find(({ msg }) => msg === 'ready') as { opsUrl: string }
    await (await list(gateway.url)).text()
    const metrics = await fetch(`${opsUrl}/metrics`)
    expect([metrics.status, metrics.headers.get('content-type')]).toEqual([
      200,
      expect.stringMatching(/^text\/plain/),
    ])
    expect(await metrics.text()).toMatch(/^http_server_request_duration_seconds_count\{/m)
    for (const path of ['/livez', '/readyz']) expect((await fetch(opsUrl + path)).status).toBe(200)
    expect((await list(opsUrl)).status).toBe(404)
    expect((await fetch(`${gateway.url}/metrics`)).status).toBe(401)
  })
})

describe('stopping', () => {
  it('ends at once at a fault of the process, and does not carry it out again for ever', async () => {
    const gateway = await start()
    gateway.signal('SIGBUS')
    expect(await gateway.exited).toEqual({ code: null, signal: 'SIGBUS' })
  })

  it('reports not ready on SIGTERM, finishes requests in flight, closes connections and exits 0', async () => {
    const gateway = await start(settings({ SHUTDOWN_DELAY_SECONDS: '3' }))
    const held = simulator.hold('list', 24)
    const inFlight = list(gateway.url)
    await held.arrived
    gateway.signal('SIGTERM')
    let ready = await fetch(`${gateway.url}/readyz`)
    await until(async () => {
      if (ready.status !== 200) return true
      await ready.text()
      ready = await fetch(`${gateway.url}/readyz`)
      return false
    })
    expect([ready.status, ready.headers.get('connection')]).toEqual([503, 'close'])
    expect(Number(ready.headers.get('retry-after'))).toBeGreaterThan(0)
    held.release()
    const answer = await inFlight
    expect([answer.status, answer.headers.get('connection')]).toEqual([200, 'close'])
    expect(((await answer.json()) as { total: number }).total).toBe(3)
    expect(await gateway.exited).toEqual({ code: 0, signal: null })
    await expect(fetch(`${gateway.url}/livez`)).rejects.toThrow()
  })

  it('does not wait for connections that sent nothing, a part of a request, or are idle after an answer', async () => {
    const gateway = await start()
    const port = Number(new URL(gateway.url).port)
    const part = `POST /v1/organizations/24/operators HTTP/1.1\r\nHost: x\r\nX-API-Key: ${key}\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{`
    const pieces = ['', 'GET /livez HTTP/1.1\r\nHost: x\r\n', part, 'GET /livez HTTP/1.1\r\nHost: x\r\n\r\n']
    const sockets = pieces.map((bytes) => {
      const socket = connect(port, '127.0.0.1').on('error', () => {})
      socket.write(bytes)
      return socket
    })
    await once(sockets.at(-1) as Socket, 'data')
    const refused = connect({ port, host: '127.0.0.1', allowHalfOpen: true }).on('error', () => {})
    refused.write('CONNECT x:443 HTTP/1.1\r\nHost: x\r\n\r\n')
    await once(refused, 'data')
    // The server has accepted the connections when it answers a later one.
    expect((await fetch(`${gateway.url}/livez`)).status).toBe(200)
    const held = simulator.hold('list', 24)
    const busy = connect(port, '127.0.0.1')
    busy.write(`GET /v1/organizations/24/operators HTTP/1.1\r\nHost: x\r\nX-API-Key: ${key}\r\n\r\n${part}`)
    const answered = textOf(busy)
    await held.arrived
    const closed = sockets.map((socket) => once(socket, 'close'))
    const stopped = gateway.stop()
    await Promise.all(closed)
    held.release()
    // A request before such a part is in flight.
    expect(await answered).toMatch(/^HTTP\/1\.1 200 /)
    expect(await stopped).toEqual({ code: 0, signal: null })
    expect(gateway.lines().map((line) => line['level'])).not.toContain(60)
    refused.destroy()
  })
})

describe('keys', () => {
  const write = (path: string, text: string) => writeFile(join(folder, path), text)
  const isLogged = (gateway: Running, result: string) => () =>
    gateway.lines().some((line) => line['name'] === 'secret-file' && line['result'] === result)

  it('made by `keys create` work from API_KEYS_FILE; neither log nor file contains the key', async () => {
    const made = await runCli(
      ...['keys', 'create', '--id', 'crm', '--scopes', 'operators:read', '--organizations', '24'],
    )
    expect(made.code).toBe(0)
    const crmKey = /^cgw_crm_\S+$/m.exec(made.stderr)?.[0] as string
    expect(made.stdout).not.toContain(crmKey)
    await write('keys.json', `{"clients":[${made.stdout}]}`)
    const gateway = await start(settings({ API_KEYS_FILE: join(folder, 'keys.json') }))
    expect((await list(gateway.url, crmKey)).status).toBe(200)
    const other = await fetch(`${gateway.url}/v1/organizations/6/operators`, {
      headers: { Authorization: `Bearer ${crmKey}` },
    })
    expect(other.status).toBe(404)
    await gateway.stop()
    expect(gateway.output()).not.toContain(crmKey)
  })

  it('that are removed from the file stop working without a restart; an invalid file changes nothing and is logged', async () => {
    const second = makeKey('second')
    const entry = { ...fullAccess, id: 'second', keyHash: hashKey(second) }
    await write('keys.json', JSON.stringify({ clients: [fullAccess, entry] }))
    const gateway = await start(settings({ API_KEYS_FILE: join(folder, 'keys.json') }))
    expect([(await list(gateway.url)).status, (await list(gateway.url, second)).status]).toEqual([200, 200])
    await write('keys.json', JSON.stringify({ clients: [fullAccess] }))
    await until(async () => (await list(gateway.url, second)).status === 401)
    expect((await list(gateway.url)).status).toBe(200)
    await write('keys.json', '{"clients":[{"id":"all","scopes":["operators:raed"]}]}')
    await until(isLogged(gateway, 'kept'))
    expect((await list(gateway.url)).status).toBe(200)
    const kept = () => gateway.lines().filter((line) => line['result'] === 'kept').length
    await write('keys.json', JSON.stringify({ clients: [] })) // without any client the file is refused, as at a start
    await until(() => kept() === 2)
    expect((await list(gateway.url)).status).toBe(200)
    expect(isLogged(gateway, 'changed')()).toBe(true)
  })
})

describe('the company token in a file', () => {
  const startWith = async (options: SimulatorOptions) => {
    await simulator.close()
    simulator = await createSimulator(options)
    const path = join(folder, 'token')
    await writeFile(path, `${options.companyToken}\n`)
    const { CHATHUB_LOGIN, CHATHUB_PASSWORD, ...rest } = settings({ CHATHUB_COMPANY_TOKEN_FILE: path })
    return { path, gateway: await start(rest) }
  }

  it('changes under load without an error for any caller, also for a call that was sent with the old token', async () => {
    const { path, gateway } = await startWith({ companyToken: 'ct_the-old-company-token' })
    const statuses: Promise<number>[] = []
    const ask = () =>
      statuses.push(list(gateway.url, key, { 'Cache-Control': 'no-cache' }).then((answer) => answer.status))
    const held = simulator.hold('list', 24)
    ask()
    await held.arrived
    for (let i = 0; i < 20; i++) ask()
    simulator.acceptToken('ct_the-new-company-token')
    await writeFile(path, 'ct_the-new-company-token\n')
    await until(() =>
      gateway.lines().some((line) => line['name'] === 'secret-file' && line['result'] === 'changed'),
    )
    simulator.revokeToken('ct_the-old-company-token')
    held.release()
    for (let i = 0; i < 20; i++) ask()
    expect(await Promise.all(statuses)).toEqual(statuses.map(() => 200))
    await gateway.stop()
    expect(gateway.output()).not.toMatch(/ct_the-/)
  })
})
