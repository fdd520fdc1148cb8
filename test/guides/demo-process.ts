import { readFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { stopChild } from '../support/children.ts'
import { startCli } from '../support/run-cli.ts'
import { until } from '../support/until.ts'

type Row = { id: number; name: string; status: number; organizationId: number }

/**
 * The demo as a process, for guides: what it says to export, and its first state again for each page. Lists get old within
 * seconds, so that guides can show it, and the budget is large, so that no block waits.
 */
export const startDemo = async () => {
  const demo = startCli(['demo'], {
    ...{ PORT: '0', CHATHUB_REQUESTS_PER_SECOND: '200' },
    ...{ CACHE_FRESH_SECONDS: '1', CACHE_REVALIDATE_SECONDS: '5', WRITE_SETTLE_SECONDS: '1' },
  })
  await until(() => demo.stdout().includes('Ctrl-C stops') || demo.child.exitCode !== null)
  const text = demo.stdout()
  const exported = [...text.matchAll(/(?<= )(KEY|GATEWAY|CHATHUB|JSON)=(?:'([^']+)'|(\S+))/g)]
  const env: Record<string, string> = Object.fromEntries(
    exported.map(([, name, quoted, word]) => [name, quoted ?? word]),
  )
  const { KEY: key = '', GATEWAY: url = '', CHATHUB: chathub = '' } = env
  const simulator = (method: string, path: string, body?: object) =>
    fetch(`${chathub}/__sim/${path}`, { method, ...(body && { body: JSON.stringify(body) }) })
  const first = (await (await simulator('GET', 'operators')).json()) as Row[]
  const organizations = [...new Set(first.map(({ organizationId }) => organizationId))]
  const headers = { 'X-API-Key': key, 'Content-Type': 'application/json' }

  return {
    env,
    /** ChatHub works and has the operators with which it began. */
    reset: async (): Promise<void> => {
      await simulator('DELETE', 'faults')
      for (const organization of organizations)
        await simulator(
          'PUT',
          `operators/${organization}`,
          first.filter(({ organizationId }) => organizationId === organization),
        )
      await fetch(`${url}/v1/cache:purge`, { method: 'POST', headers, body: '{}' })
      for (const organization of organizations)
        await until(async () => {
          const path = `/v1/organizations/${organization}/operators`
          return (await fetch(url + path, { headers: { ...headers, 'Cache-Control': 'no-cache' } })).ok
        })
    },
    stop: async (): Promise<void> => {
      const [, logFile = ''] = /^ {2}log +(\S+)$/m.exec(text) ?? []
      await stopChild(demo.child)
      if (logFile && readFileSync(logFile)) await rm(dirname(logFile), { recursive: true })
    },
  }
}
