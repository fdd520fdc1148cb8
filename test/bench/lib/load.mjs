// Load on a core of its own: wrk, or where there is none, a keep-alive client of our own.
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { cpuOf, debian, loadCore, pins, project } from './processes.mjs'

const run = promisify(execFile)
const wrk = debian('wrk')

const ms = { us: 0.001, ms: 1, s: 1000 }
const readWrk = (text) => {
  const time = (percent) => {
    const [, value, unit] = new RegExp(`^\\s+${percent}%\\s+([\\d.]+)(us|ms|s)$`, 'm').exec(text) ?? []
    return Number(value) * ms[unit]
  }
  return {
    requests: Number(/(\d+) requests in/.exec(text)?.[1]),
    rps: Number(/Requests\/sec:\s+([\d.]+)/.exec(text)?.[1]),
    p50: time(50),
    p99: time(99),
    failed:
      Number(/Non-2xx or 3xx responses: (\d+)/.exec(text)?.[1] ?? 0) +
      (/Socket errors: (?!connect 0, read 0, write 0)/.test(text) ? 1 : 0),
  }
}

/** One slice of closed-loop load: requests a second, p50 and p99 in ms, CPU µs of `pid` per request. */
export const slice = async ({ url, pid, headers = {}, seconds = 1, connections = 64 }) => {
  const named = Object.entries(headers).map(([name, value]) => `${name}: ${value}`)
  const [command, args, env] = wrk
    ? [
        wrk.command,
        [
          '-t1',
          `-c${connections}`,
          `-d${seconds}s`,
          '--latency',
          '--timeout',
          '10s',
          ...named.flatMap((line) => ['-H', line]),
          url,
        ],
        wrk.env,
      ]
    : [process.execPath, [`${project}test/bench/lib/client.mjs`, url, seconds, connections, ...named], {}]
  const [program, ...rest] = pins ? ['taskset', '-c', loadCore, command, ...args] : [command, ...args]
  const before = cpuOf(pid)
  const { stdout } = await run(program, rest.map(String), { env: { ...process.env, ...env } })
  const used = cpuOf(pid) - before
  const measured = wrk ? readWrk(stdout) : JSON.parse(stdout)
  if (measured.failed > 0) throw new Error(`${url}: answers that are none:\n${stdout}`)
  return { ...measured, us: used / measured.requests }
}
