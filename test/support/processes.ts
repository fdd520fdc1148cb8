import { type ChildProcess, spawn } from 'node:child_process'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Exit, stopChild, track } from './children.ts'

export { stopEverything } from './children.ts'

const PROJECT = fileURLToPath(new URL('../..', import.meta.url))
/** A program of the build; of this run's bundles, if it has any. */
export const programOf = (name: 'main' | 'cli' | 'apps/simulator/main'): string =>
  join(process.env['TEST_PROGRAMS'] ?? join(PROJECT, 'dist'), `${name}.js`)

// Bounds in tests only decide that something failed. They are generous, because a machine may be busy.
const readyWithinMs = 60_000

export type Running = {
  /** The `url` of the ready line. */
  url: string
  pid: number
  /** What stdout has said in JSON so far, one object a line; other lines are left out. */
  lines(): Record<string, unknown>[]
  /** All of stdout and stderr so far, as it came. */
  output(): string
  signal(name: NodeJS.Signals): void
  /** Writes to stdin. */
  send(text: string): void
  exited: Promise<Exit>
  /** SIGTERM, and SIGKILL if that takes more than half a minute. */
  stop(): Promise<Exit>
}

/**
 * The gateway as people run it, but without probes and refreshes of its own unless asked for, because suites count what arrives there.
 * `npm test` builds `dist` first; the environment is `env` and the PATH, no more.
 */
export const spawnGateway = (options: { env: Record<string, string>; args?: string[] }): Promise<Running> =>
  spawnReady(process.execPath, [programOf('main'), ...(options.args ?? [])], {
    CHATHUB_PROBE_SECONDS: '0',
    // How long a request waits for a busy machine.
    OVERLOAD_WAIT_MS: '60000',
    REFRESH_BUDGET_PERCENT: '0',
    SHUTDOWN_DELAY_SECONDS: '0',
    ...options.env,
  })

/** Our own ChatHub, as people run it. */
export const spawnSimulator = (args: string[] = [], env: Record<string, string> = {}): Promise<Running> =>
  spawnReady(process.execPath, [programOf('apps/simulator/main'), ...args], env)

/**
 * Starts a program and resolves at its line `{"msg":"ready","url":…}` on stdout.
 * @throws with all it said when it exits before that line, or is not ready within a minute (then it is killed).
 */
export const spawnReady = async (
  command: string,
  args: readonly string[],
  env: Record<string, string>,
): Promise<Running> => {
  // The PATH begins with this very Node, so that a child's `node` is the one under test.
  const path = `${dirname(process.execPath)}:${process.env['PATH'] ?? ''}`
  const child = spawn(command, args, {
    cwd: PROJECT,
    env: { PATH: path, ...env },
    stdio: 'pipe',
  })
  const exited = track(child)
  const heard = listen(child)
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<'late'>((resolve) => {
    timer = setTimeout(() => resolve('late'), readyWithinMs)
  })
  const outcome = await Promise.race([heard.ready, exited, late])
  clearTimeout(timer)
  if (typeof outcome !== 'string' || outcome === 'late') {
    child.kill('SIGKILL')
    const why =
      outcome === 'late' ? `was not ready in ${readyWithinMs} ms` : `ended with ${JSON.stringify(outcome)}`
    throw new Error(`${[command, ...args].join(' ')} ${why}. It said:\n${heard.output()}`)
  }
  return {
    url: outcome,
    pid: child.pid ?? 0,
    lines: heard.lines,
    output: heard.output,
    signal: (name) => void child.kill(name),
    send: (text) => void child.stdin.write(text),
    exited,
    stop: async () => {
      await stopChild(child)
      return exited
    },
  }
}

/** Reads both streams for ever (a full pipe would stop the child) and keeps all of it. */
const listen = (child: ChildProcess) => {
  let all = ''
  let unfinished = ''
  const lines: Record<string, unknown>[] = []
  const ready = new Promise<string>((resolve) => {
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      all += text
      const pieces = (unfinished + text).split('\n')
      unfinished = pieces.pop() ?? ''
      for (const parsed of pieces.map(parseLine)) {
        if (!parsed) continue
        lines.push(parsed)
        if (parsed['msg'] === 'ready' && typeof parsed['url'] === 'string') resolve(parsed['url'])
      }
    })
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      all += text
    })
    child.once('error', (error) => {
      all += error.message
    })
  })
  return { ready, lines: () => [...lines], output: () => all }
}

const parseLine = (line: string): Record<string, unknown> | undefined => {
  try {
    const value: unknown = JSON.parse(line)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}
