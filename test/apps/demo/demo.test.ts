import { readFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { dirname } from 'node:path'
import { afterAll, describe, expect, it } from '@jest/globals'
import { stopEverything } from '../../support/children.ts'
import { runCli, startCli } from '../../support/run-cli.ts'
import { until } from '../../support/until.ts'

afterAll(stopEverything)

describe('the demo', () => {
  it('with --once runs the main use case, finds every answer correct and exits 0', async () => {
    const { code, stdout } = await runCli(['demo', '--once'])
    expect(stdout).toContain('The main use case works')
    expect(stdout).not.toContain('FAIL')
    expect(code).toBe(0)
  })

  /** Sends what a printed curl line says, and gives the answer with the line. */
  const curl = async (line: string, values: Record<string, string>) => {
    const text = line.replaceAll(/\$(\w+)/g, (_, name: string) => values[name] ?? '')
    const headers = [...text.matchAll(/-H ["']([^:]+): ([^"']+)["']/g)].map(([, name, value]) => [
      name,
      value,
    ])
    const [, url = ''] = /(http:[^\s"]+)/.exec(text) ?? []
    const body = /-d '([^']+)'/.exec(text)?.[1]
    const [, method = body ? 'POST' : 'GET'] = /-X (\w+)/.exec(text) ?? []
    return fetch(url, { method, headers: Object.fromEntries(headers), ...(body && { body }) })
  }

  it('falls back to a free port, prints lines that all work, and keeps the log out of the way', async () => {
    // Another program on 8080 is as good as this one.
    const taken = createServer().once('error', () => {})
    taken.listen(8080, '127.0.0.1')
    const demo = startCli(['demo'])
    await until(() => demo.stdout().includes('Ctrl-C stops'))
    const text = demo.stdout()
    expect(text).toMatch(/^\nThe ChatHub gateway .*\n\n {2}gateway .*\(port 8080 is taken/)
    const values = Object.fromEntries(
      [...text.matchAll(/(?<= )(KEY|GATEWAY|CHATHUB|JSON)=(?:'([^']+)'|(\S+))/g)].map(
        ([, name, quoted, word]) => [name, quoted ?? word],
      ),
    )
    const lines = text.match(/^ {2}curl .*$/gm) ?? []
    expect(lines.length).toBeGreaterThan(7)
    for (const line of lines) {
      const answer = await curl(line, values)
      expect([line, answer.ok]).toEqual([line, true])
      if (line.includes('-N')) expect(answer.headers.get('content-type')).toMatch(/^text\/event-stream/)
      await answer.body?.cancel()
    }
    const headers = { 'X-API-Key': values['KEY'] as string, 'Content-Type': 'application/json' }
    const session = { organizations: [24], scopes: ['operators:read'], origin: 'http://127.0.0.1:3000' }
    const minted = { method: 'POST', headers, body: JSON.stringify(session) }
    expect((await fetch(`${values['GATEWAY']}/v1/sessions`, minted)).status).toBe(201)
    const [, ticket] = /^ {2}console +http\S+\/console\/#ticket=([\w-]{43})$/m.exec(text) ?? []
    const signIn = {
      method: 'POST',
      headers: { ...headers, Origin: values['GATEWAY'] as string },
      body: JSON.stringify({ ticket }),
    }
    expect((await fetch(`${values['GATEWAY']}/v1/session`, signIn)).status).toBe(204)
    const [, logFile = ''] = /^ {2}log +(\S+)$/m.exec(text) ?? []
    await until(() => readFileSync(logFile, 'utf8').includes('"msg":"request"'))
    demo.child.kill('SIGKILL')
    await rm(dirname(logFile), { recursive: true })

    const { code, stderr } = await runCli(['demo'], { PORT: '8080' })
    expect([code, stderr]).toEqual([
      69,
      'PORT=8080 is taken on 127.0.0.1; wanted: a free port, or 0 for any\n',
    ])
    taken.close()
  })
})
