import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { hashKey, makeKey } from '../src/access/keys.ts'
import { createSimulator, type Simulator, type SimulatorOptions } from '../src/apps/simulator/simulator.ts'
import { type Exit, track } from './support/children.ts'
import { type Running, spawnGateway, stopEverything } from './support/processes.ts'
import { until } from './support/until.ts'

// The gateway as people run it: dist/main.js and dist/cli.js as processes of their own.

let simulator: Simulator
let folder: string
const running: Running[] = []
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'chathub-process-'))
  simulator = await createSimulator({ loginSpacingMs: 0 })
})
afterEach(async () => {
  // Stopping with grace takes a second each; who tests it does it in the test.
  for (const gateway of running.splice(0)) gateway.signal('SIGKILL')
  await stopEverything()
  await simulator.close()
  await rm(folder, { recursive: true })
})
afterAll(stopEverything)

const key = makeKey('all')
const everything = {
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
  // A busy machine is slow, and no test here is about these limits.
  CHATHUB_TIMEOUT_MS: '60000',
  READ_DEADLINE_MS: '120000',
  WRITE_DEADLINE_MS: '120000',
  ...(more.API_KEYS_FILE === undefined && { API_KEYS: JSON.stringify({ clients: [everything] }) }),
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
  const child = spawn(process.execPath, [cli, ...args], { env: { PATH: process.env.PATH ?? '' } })
  const texts = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const)
    child[name].setEncoding('utf8').on('data', (text: string) => {
      texts[name] += text
    })
  return { ...(await track(child)), ...texts }
}

describe('starting', () => {
  it('at every log level says once where it listens, on a port of its own, and is ready then', async () => {
    const took: number[] = []
    for (const LOG_LEVEL of ['trace', 'debug', 'info', 'warn', 'error', 'silent']) {
      const begun = performance.now()
      const gateway = await start(settings({ LOG_LEVEL }))
      const ready = await fetch(`${gateway.url}/readyz`)
      took.push(Math.round(performance.now() - begun))
      expect([LOG_LEVEL, ready.status]).toEqual([LOG_LEVEL, 200])
      const readyLines = gateway.lines().filter(({ msg }) => msg === 'ready')
      expect(readyLines).toEqual([{ msg: 'ready', url: gateway.url, pid: gateway.pid }])
      expect(new URL(gateway.url).port).toMatch(/^[1-9]\d+$/)
      if (LOG_LEVEL !== 'silent') continue
      expect((await gateway.stop()).code).toBe(0)
      expect(gateway.lines()).toEqual(readyLines)
    }
    const median = took.toSorted((a, b) => a - b)[3]
    process.stderr.write(`From spawn to a ready /readyz: median ${median} ms of ${took.length} starts.\n`)
  })

  it('on a port that is taken fails and says which', async () => {
    const first = await start()
    const { port } = new URL(first.url)
    const second = spawnGateway({ env: settings({ PORT: port }) })
    await expect(second).rejects.toThrow(new RegExp(`ended with {"code":1,.*EADDRINUSE.*:${port}`, 's'))
    expect((await fetch(`${first.url}/readyz`)).status).toBe(200)
  })

  it('with settings that cannot work ends with 78 and names every fault at once', async () => {
    const started = spawnGateway({ env: { PORT: 'eighty', CHATHUB_BASE_URL: 'http://chathub.example' } })
    await expect(started).rejects.toThrow('ended with {"code":78,')
    const words = await started.catch((error: Error) => error.message)
    for (const name of ['PORT="eighty"', 'CHATHUB_BASE_URL', 'CHATHUB_COMPANY_TOKEN', 'API_KEYS_FILE'])
      expect(words).toContain(name)
  })

  it('with OPS_PORT shows metrics and health there without a key, and nothing else', async () => {
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
  it('on SIGTERM says it is not ready, finishes what is in flight, closes connections and exits 0', async () => {
    const gateway = await start()
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

  it('waits for nobody who keeps a refused connection open', async () => {
    const gateway = await start()
    const socket = connect({
      port: Number(new URL(gateway.url).port),
      host: '127.0.0.1',
      allowHalfOpen: true,
    })
    socket.on('error', () => {}).write('CONNECT x:443 HTTP/1.1\r\nHost: x\r\n\r\n')
    await once(socket, 'data')
    expect(await gateway.stop()).toEqual({ code: 0, signal: null })
    socket.destroy()
  })
})

describe('keys', () => {
  const write = (path: string, text: string) => writeFile(join(folder, path), text)
  const told = (gateway: Running, result: string) => () =>
    gateway.lines().some((line) => line.name === 'secret-file' && line.result === result)

  it('made by `keys create` work from API_KEYS_FILE, and the key itself is in neither log nor file', async () => {
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

  it('that leave the file stop working without a restart, while the others go on', async () => {
    const second = makeKey('second')
    const entry = { ...everything, id: 'second', keyHash: hashKey(second) }
    await write('keys.json', JSON.stringify({ clients: [everything, entry] }))
    const gateway = await start(settings({ API_KEYS_FILE: join(folder, 'keys.json') }))
    expect([(await list(gateway.url)).status, (await list(gateway.url, second)).status]).toEqual([200, 200])
    await write('keys.json', JSON.stringify({ clients: [everything] }))
    await until(async () => (await list(gateway.url, second)).status === 401)
    expect((await list(gateway.url)).status).toBe(200)
  })

  it('stay as they were when the file turns bad, and the log says so', async () => {
    await write('keys.json', JSON.stringify({ clients: [everything] }))
    const gateway = await start(settings({ API_KEYS_FILE: join(folder, 'keys.json') }))
    await write('keys.json', '{"clients":[{"id":"all","scopes":["operators:raed"]}]}')
    await until(told(gateway, 'kept'))
    expect((await list(gateway.url)).status).toBe(200)
    const kept = () => gateway.lines().filter((line) => line.result === 'kept').length
    await write('keys.json', JSON.stringify({ clients: [] })) // nobody could ever call: refused at a start, and here
    await until(() => kept() === 2)
    expect((await list(gateway.url)).status).toBe(200)
    const other = { ...everything, keyHash: hashKey(makeKey('all')) }
    await write('keys.json', JSON.stringify({ clients: [other] }))
    await until(async () => (await list(gateway.url)).status === 401)
    await until(told(gateway, 'changed'))
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

  it('changes under load without one error for a caller, also for a call the old token went out with', async () => {
    const { path, gateway } = await startWith({ companyToken: 'ct_the-old-company-token' })
    const asked: Promise<number>[] = []
    const ask = () =>
      asked.push(list(gateway.url, key, { 'Cache-Control': 'no-cache' }).then((answer) => answer.status))
    const held = simulator.hold('list', 24)
    ask()
    await held.arrived
    for (let i = 0; i < 20; i++) ask()
    simulator.acceptToken('ct_the-new-company-token')
    await writeFile(path, 'ct_the-new-company-token\n')
    await until(() =>
      gateway.lines().some((line) => line.name === 'secret-file' && line.result === 'changed'),
    )
    simulator.revokeToken('ct_the-old-company-token')
    held.release()
    for (let i = 0; i < 20; i++) ask()
    expect(await Promise.all(asked)).toEqual(asked.map(() => 200))
    await gateway.stop()
    expect(gateway.output()).not.toMatch(/ct_the-/)
  })
})

describe('the demo', () => {
  it('with --once does the main job, finds every answer right and exits 0', async () => {
    const { code, stdout } = await runCli('demo', '--once')
    expect(stdout).toContain('The main job works')
    expect(stdout).not.toContain('FAIL')
    expect(code).toBe(0)
  })
})
