import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { parse } from 'yaml'
import { startGateway, type TestGateway } from '../support/gateway.ts'
import { describeWithPrometheus } from '../support/needs.ts'
import { startPrometheus } from '../support/prometheus.ts'
import { until } from '../support/until.ts'

const project = fileURLToPath(new URL('../..', import.meta.url))
const read = (path: string): string => readFileSync(join(project, path), 'utf8')

type Rule = { alert: string; expr: string; annotations: { runbook: string } }
const rules = (parse(read('deploy/prometheus/alerts.yml')) as { groups: { rules: Rule[] }[] }).groups.flatMap(
  (group) => group.rules,
)
type Panel = { title: string; targets?: { expr: string }[] }
const panels = (JSON.parse(read('deploy/grafana/chathub-gateway.json')) as { panels: Panel[] }).panels

/** The first block of each section of the runbooks. */
const firstCommands = new Map(
  read('docs/runbooks.md')
    .split('\n## ')
    .slice(1)
    .map((section) => [
      section.slice(0, section.indexOf('\n')),
      /```sh\n([^`]+)```/.exec(section)?.[1] ?? '',
    ]),
)

let gateway: TestGateway
let ops: string
beforeAll(async () => {
  gateway = await startGateway()
  await new Promise<void>((resolve) => gateway.gateway.opsServer.listen(0, '127.0.0.1', resolve))
  ops = `http://127.0.0.1:${(gateway.gateway.opsServer.address() as AddressInfo).port}`
  await gateway.ask('GET', '/v1/organizations/24/operators')
})
afterAll(async () => {
  gateway.gateway.opsServer.close()
  gateway.gateway.opsServer.closeAllConnections()
  await gateway.close()
})

describe('the dashboard', () => {
  it('is what deploy/grafana/dashboard.mjs makes', () => {
    const made = spawnSync(
      process.execPath,
      [
        '--input-type=module',
        '-e',
        'process.stdout.write((await import("./deploy/grafana/dashboard.mjs")).text)',
      ],
      { cwd: project, encoding: 'utf8' },
    )
    expect(made.stdout).toBe(read('deploy/grafana/chathub-gateway.json'))
  })
})

describe('the runbooks', () => {
  it('have a section for each alert, and each alert leads to its own', () => {
    expect([...firstCommands.keys()].toSorted()).toEqual(rules.map(({ alert }) => alert).toSorted())
    for (const { alert, annotations } of rules)
      expect(annotations.runbook).toBe(`docs/runbooks.md#${alert.toLowerCase()}`)
  })

  it.each([...firstCommands])('%s begins with a command that tells something', async (_, command) => {
    expect(command).not.toBe('')
    const env = { PATH: process.env['PATH'], GATEWAY: gateway.url, OPS: ops, KEY: gateway.key }
    // Not spawnSync: the gateway is in this process.
    // With a socket as stdin, bash would read the start-up files of whoever runs the test.
    const child = spawn('bash', ['--norc', '-o', 'pipefail', '-c', command], {
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let output = ''
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (output += data))
    const code = await new Promise((resolve) => child.once('close', resolve))
    expect([output.slice(0, 300), code]).toEqual([expect.stringMatching(/\S/), 0])
    expect(output).not.toContain('/docs/problems/')
  })
})

describeWithPrometheus('a real Prometheus', ({ command, env }) => {
  const promtool = (...args: string[]) => {
    const options = {
      cwd: join(project, 'deploy/prometheus'),
      env: { ...process.env, ...env },
      encoding: 'utf8',
    } as const
    const { status, stdout, stderr } = spawnSync(join(dirname(command), 'promtool'), args, options)
    return { status, output: stdout + stderr }
  }

  it('accepts the rules and the settings', () => {
    expect(promtool('check', 'config', 'prometheus.yml')).toMatchObject({ status: 0 })
    expect(promtool('check', 'rules', '--lint-fatal', 'alerts.yml')).toMatchObject({ status: 0 })
  })

  it('fires each alert for its reason, and none while all is well', () => {
    const tests = read('deploy/prometheus/alerts.test.yml')
    for (const { alert } of rules) expect(tests).toContain(`- name: ${alert} fires`)
    expect(promtool('test', 'rules', 'alerts.test.yml')).toMatchObject({ status: 0 })
  })

  it('answers every query of the dashboard with data', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'prometheus-'))
    const prometheus = await startPrometheus(
      { command, env, folder },
      {
        global: { scrape_interval: '1s' },
        scrape_configs: [{ job_name: 'chathub-gateway', static_configs: [{ targets: [new URL(ops).host] }] }],
      },
    )
    try {
      const ask = async (expr: string): Promise<unknown[]> => {
        const answer = await fetch(`${prometheus.url}/api/v1/query?query=${encodeURIComponent(expr)}`)
        const { status, error, data } = (await answer.json()) as {
          status: string
          error?: string
          data: { result: unknown[] }
        }
        if (status !== 'success') throw new Error(`${expr}: ${error}`)
        return data.result
      }
      const queries = panels.flatMap(({ title, targets = [] }) =>
        targets.map(({ expr }) => ({
          title,
          // What is there only while something is wrong: the same without that condition.
          expr: expr
            .replaceAll('$job', 'chathub-gateway')
            .replaceAll('$instance', '.*')
            .replaceAll('$__rate_interval', '10s')
            .replace(/ > 0$/, ''),
        })),
      )
      expect(queries.length).toBeGreaterThan(35)
      let number = 0
      let empty: string[] = []
      await until(async () => {
        // Something to count between two scrapes.
        await gateway.ask('GET', '/v1/organizations/24/operators')
        await gateway.ask('POST', '/v1/organizations/24/operators', {
          body: { operators: [{ name: `Olena ${number++}` }] },
        })
        const found = await Promise.all(
          queries.map(async ({ title, expr }) => ((await ask(expr)).length > 0 ? [] : [`${title}: ${expr}`])),
        )
        empty = found.flat()
        return empty.length === 0
      }).catch(() => {})
      expect(empty).toEqual([])
    } finally {
      await prometheus.stop()
      rmSync(folder, { recursive: true, force: true })
    }
  })
})
