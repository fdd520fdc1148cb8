import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis, type RedisOptions } from 'ioredis'
import { type Exit, isRunning, stopChild, track } from './children.ts'
import { installLine, type Program, type Provided, provide } from './debian.ts'
import { freePort } from './free-port.ts'

const READY_WITHIN = 60_000

/** ioredis 6 declares `replyMapping` twice, differently, which `exactOptionalPropertyTypes` does not let pass. */
type ClientOptions = Omit<RedisOptions, 'replyMapping'>

export type TestRedis = {
  url: string
  port: number
  /** Of the process that runs now; changes with `restart`. */
  readonly pid: number
  /** SIGTERM, waits, closes the clients, removes the folder. */
  stop(): Promise<void>
  /** SIGKILL, and waits until the process is gone. The folder stays for `restart`. */
  kill(): Promise<void>
  /** SIGSTOP: connections stay open and nothing answers. */
  pause(): void
  resume(): void
  /** The same port again, killing a process that still runs; `wipe` empties the folder first. */
  restart(options?: { wipe?: boolean }): Promise<void>
  /** A client of its own, closed by `stop`. It reconnects every 50 ms until then and does not print its errors. */
  client(options?: ClientOptions): Redis
}

/**
 * A Redis server of the test's own on 127.0.0.1, answering when the promise resolves. Nothing is written to disk
 * unless `args` ask for it (`['--appendonly', 'yes']`). `dir` is kept on stop when given, else a temporary folder.
 */
export const startRedis = async (
  options: { port?: number; args?: string[]; dir?: string; program?: Program } = {},
): Promise<TestRedis> => {
  const port = options.port ?? (await freePort())
  const dir = options.dir ?? (await mkdtemp(join(tmpdir(), 'test-redis-')))
  const url = `redis://127.0.0.1:${port}`
  const clients = createClients(url)
  const { program = 'redis-server' } = options
  let running = await launch(program, port, dir, options.args ?? [])

  const kill = async (): Promise<void> => {
    running.child.kill('SIGKILL')
    await running.exited
  }
  return {
    url,
    port,
    get pid() {
      return running.child.pid ?? 0
    },
    stop: async () => {
      clients.close()
      await stopChild(running.child)
      if (options.dir === undefined) await rm(dir, { recursive: true, force: true })
    },
    kill,
    pause: () => void running.child.kill('SIGSTOP'),
    resume: () => void running.child.kill('SIGCONT'),
    restart: async ({ wipe = false } = {}) => {
      if (isRunning(running.child)) await kill()
      if (wipe)
        for (const name of await readdir(dir)) await rm(join(dir, name), { recursive: true, force: true })
      running = await launch(program, port, dir, options.args ?? [])
    },
    client: clients.open,
  }
}

/** A database for suites that do not harm it. Keys must start with `prefix`: that of REDIS_URL may be shared. */
export type TestDatabase = Pick<TestRedis, 'url' | 'client' | 'stop'> & { prefix: string }

/** REDIS_URL's database when the environment names one, else a server of the suite's own. */
export const openRedis = async (): Promise<TestDatabase> => {
  const prefix = `test:${randomBytes(6).toString('hex')}:`
  const url = process.env['REDIS_URL']
  if (!url) return { ...(await startRedis()), prefix }
  const clients = createClients(url)
  return {
    url,
    prefix,
    client: clients.open,
    stop: async () => clients.close(),
  }
}

/** Clients of one database that end together; one that is asked for afterwards does not try to connect again. */
const createClients = (url: string) => {
  const clients = new Set<Redis>()
  let isOver = false
  const open = (options: ClientOptions = {}): Redis => {
    // ioredis waits that long for the end of a connection even when it is gone, and keeps the process alive.
    const brief = { disconnectTimeout: 50 }
    const settings: ClientOptions = { retryStrategy: () => (isOver ? null : 50), ...brief, ...options }
    const client = new Redis(url, settings)
    // Without a listener every refused connection is printed; commands still reject.
    client.on('error', () => {})
    clients.add(client)
    return client
  }
  const close = (): void => {
    isOver = true
    for (const client of clients) client.disconnect()
    clients.clear()
  }
  return { open, close }
}

const launch = async (program: Program, port: number, dir: string, args: readonly string[]) => {
  const { command, env } = commandOf(program)
  const own = ['--port', `${port}`, '--bind', '127.0.0.1', '--dir', dir, '--save', '', '--appendonly', 'no']
  const quiet = ['--daemonize', 'no', '--logfile', '', '--unixsocket', '']
  const child = spawn(command, [...own, ...quiet, ...args], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const exited = track(child)
  await isReady(child, exited)
  return { child, exited }
}

const isReady = async (child: ChildProcess, exited: Promise<Exit>): Promise<void> => {
  let output = ''
  let fail: NodeJS.Timeout | undefined
  const ready = new Promise<string>((resolve) => {
    // The streams are read on for ever: a full pipe would stop the server.
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        output = (output + text).slice(-10_000)
        if (output.includes('Ready to accept connections')) resolve('ready')
      })
    }
    fail = setTimeout(() => resolve('late'), READY_WITHIN)
  })
  const outcome = await Promise.race([ready, exited.then(() => 'gone')])
  clearTimeout(fail)
  if (outcome === 'ready') return
  child.kill('SIGKILL')
  throw new Error(`redis-server did not get ready (${outcome}):\n${output}`)
}

const commandOf = (program: Program): Provided => {
  const decided = process.env['TEST_REDIS_COMMAND']
  if (decided && program === 'redis-server') return JSON.parse(decided)
  const found = provide(program)
  if (found) return found
  throw new Error(`no ${program}, type: ${installLine(program)}`)
}
