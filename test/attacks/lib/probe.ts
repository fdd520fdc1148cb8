import { readdirSync, readFileSync } from 'node:fs'
import http from 'node:http'

/** On a core of its own, if there is a taskset and a second core. */
export const pinned = (core: string, ...line: string[]): [string, string[]] => [
  'taskset',
  ['-c', core, ...line],
]

export const memoryOf = (pid: number, field: 'VmHWM' | 'VmRSS'): number =>
  Math.round(
    Number(new RegExp(`${field}:\\s+(\\d+)`).exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024,
  )

/** CPU ms that the threads of a process have used so far. Those of a thread are gone when it ends. */
export const cpuOf = (pid: number): number =>
  readdirSync(`/proc/${pid}/task`)
    .map((task) => {
      try {
        return Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8').split(' ')[0]) / 1e6
      } catch {
        return 0 // It has ended since it was listed.
      }
    })
    .reduce((sum, ms) => sum + ms, 0)

export const quantile = (values: number[], share: number): number =>
  values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * share))] as number

/** Asks every 20 ms until it is stopped. The times of the answers in ms; one that failed took for ever. */
export const probe = (port: number, path: string, key: string) => {
  const agent = new http.Agent({ keepAlive: true })
  const times: Promise<number>[] = []
  const ask = (): Promise<number> =>
    new Promise((resolve) => {
      const begun = performance.now()
      const req = http.get({
        port,
        host: '127.0.0.1',
        path,
        agent,
        timeout: 30_000,
        headers: { 'X-API-Key': key },
      })
      req.on('response', (res) => res.resume().on('end', () => resolve(performance.now() - begun)))
      req.on('error', () => resolve(Number.POSITIVE_INFINITY)).on('timeout', () => req.destroy())
    })
  const timer = setInterval(() => times.push(ask()), 20)
  return async (): Promise<number[]> => {
    clearInterval(timer)
    const all = await Promise.all(times)
    agent.destroy()
    return all
  }
}
