// Contestants are processes on a core of their own, where there is a taskset and a second core.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

export const project = new URL('../../..', import.meta.url).pathname
export const serverCore = '0'
export const loadCore = '1'
export const pins = availableParallelism() > 1 && spawnSync('taskset', ['-V']).status === 0

/** Scratch files of this run; gone at its end. */
export const scratch = mkdtempSync(join(tmpdir(), 'chathub-bench-'))
const running = new Set()
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL')
  rmSync(scratch, { recursive: true, force: true })
})
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(1))

let made = 0
/** Starts a program on a core; stdout and stderr go to files, as a service's would. */
export const start = (core, command, args, env = {}) => {
  const path = join(scratch, `${++made}.out`)
  const out = openSync(path, 'a')
  const errors = `${path}.err`
  const err = openSync(errors, 'a')
  const [program, ...rest] = pins ? ['taskset', '-c', core, command, ...args] : [command, ...args]
  const child = spawn(program, rest, {
    cwd: project,
    env: { PATH: process.env.PATH, ...env },
    stdio: ['ignore', out, err],
  })
  closeSync(out)
  closeSync(err)
  running.add(child)
  const exited = once(child, 'exit').then(() => running.delete(child))
  const said = () => readFileSync(path, 'utf8')
  const ended = () => child.exitCode !== null || child.signalCode !== null
  /** Waits until `ready(stdout)` gives something. */
  const until = async (ready) => {
    for (let waited = 0; waited < 30_000; waited += 2) {
      const found = await ready(said())
      if (found) return found
      if (ended()) throw new Error(`${command} ended. It said:\n${said()}${readFileSync(errors, 'utf8')}`)
      await sleep(2)
    }
    throw new Error(`${command} was not ready in 30 s. It said:\n${said()}${readFileSync(errors, 'utf8')}`)
  }
  return {
    pid: child.pid,
    runs: () => !ended(),
    until,
    /** The url of the JSON line that says it is ready. */
    url: () => until((text) => /^\{.*"msg":"ready".*?"url":"([^"]+)"/m.exec(text)?.[1]),
    exited,
    stop: async () => {
      child.kill('SIGKILL')
      await exited
    },
  }
}

/** CPU µs that a process and its children have used; the kernel counts in ticks of 10 ms. */
export const cpuOf = (pid) => {
  const read = (file) => (existsSync(file) ? readFileSync(file, 'utf8') : '')
  const stat = read(`/proc/${pid}/stat`)
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const own = (Number(fields[11]) + Number(fields[12])) * 10_000
  const children = read(`/proc/${pid}/task/${pid}/children`).trim().split(' ').filter(Boolean)
  return children.reduce((sum, child) => sum + cpuOf(child), own)
}

/** Resident memory in MiB. */
export const rssOf = (pid) =>
  Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024

/** What test/support/debian.ts unpacked, or what the PATH has; undefined: neither. */
export const debian = (program) => {
  const marker = join(project, '.cache/debian', `${program}.json`)
  const found = existsSync(marker) ? JSON.parse(readFileSync(marker, 'utf8')) : undefined
  if (found && existsSync(found.command)) return found
  const onPath = spawnSync('which', [program], { encoding: 'utf8' })
  return onPath.status === 0 ? { command: onPath.stdout.trim(), env: {} } : undefined
}

export const freePort = async () => {
  const { createServer } = await import('node:net')
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  server.close()
  await once(server, 'close')
  return port
}
