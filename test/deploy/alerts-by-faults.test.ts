import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, it } from '@jest/globals'
import { parse, stringify } from 'yaml'
import { createSimulator } from '../../src/apps/simulator/simulator.ts'
import { systemClock } from '../../src/clock.ts'
import { freePort } from '../support/free-port.ts'
import { startGateway } from '../support/gateway.ts'
import { isLong } from '../support/long.ts'
import { describeWithPrometheus } from '../support/needs.ts'
import { type Running, spawnGateway } from '../support/processes.ts'
import { type Prometheus, startPrometheus } from '../support/prometheus.ts'
import { startRedis } from '../support/redis.ts'
import { callers, type Fault, faultsOf, organizations, readAll, type World } from './alert-faults.ts'

/** Every duration of the rules is divided by this. Their expressions are the same otherwise. */
const factor = 60
const unitSeconds = { s: 1, m: 60, h: 3600 }
const shortened = (text: string): string =>
  text.replaceAll(
    /\b(\d+)([smh])\b/g,
    (_, count: string, unit: keyof typeof unitSeconds) => `${(Number(count) * unitSeconds[unit]) / factor}s`,
  )

type Rule = { alert: string; expr: string; for?: string }
type Rules = { groups: { rules: Rule[] }[] }
const file = fileURLToPath(new URL('../../deploy/prometheus/alerts.yml', import.meta.url))
const rules = parse(readFileSync(file, 'utf8')) as Rules
for (const rule of rules.groups.flatMap((group) => group.rules)) {
  rule.expr = rule.expr.replaceAll(/\[\w+\]/g, shortened)
  if (rule.for) rule.for = shortened(rule.for)
}
const alerts = rules.groups.flatMap((group) => group.rules.map(({ alert }) => alert))

describeWithPrometheus('the alerts', ({ command, env: processEnv }) => {
  const folder = mkdtempSync(join(tmpdir(), 'alerts-'))
  afterAll(() => rmSync(folder, { recursive: true, force: true }))
  writeFileSync(join(folder, 'alerts.yml'), stringify(rules))

  it(`are still rules when every duration is divided by ${factor}`, () => {
    const promtool = join(dirname(command), 'promtool')
    const checked = spawnSync(promtool, ['check', 'rules', 'alerts.yml'], {
      cwd: folder,
      env: { ...process.env, ...processEnv },
      encoding: 'utf8',
    })
    expect([checked.status, checked.stderr]).toEqual([0, ''])
    expect(readFileSync(join(folder, 'alerts.yml'), 'utf8')).toContain('[360s]')
  })

  if (!isLong) return

  const world = { keysFile: join(folder, 'clients.json') } as World
  const ports: Record<'main' | 'spare' | 'webhooks', number> = { main: 0, spare: 0, webhooks: 0 }
  let prometheus: Prometheus

  const start = (opsPort: number): Promise<Running> =>
    spawnGateway({
      env: {
        PORT: '0',
        OPS_PORT: String(opsPort),
        CHATHUB_BASE_URL: world.simulator.url,
        CHATHUB_COMPANY_TOKEN: 'ct_demo-company-token',
        CHATHUB_REQUESTS_PER_SECOND: '20',
        CHATHUB_PROBE_SECONDS: '1',
        CHATHUB_TIMEOUT_MS: '500',
        CACHE_FRESH_SECONDS: '1',
        CACHE_REVALIDATE_SECONDS: '0',
        CACHE_WAIT_MS: '200',
        WRITE_SETTLE_SECONDS: '1',
        WRITE_LATE_WINDOW_SECONDS: '30',
        REDIS_URL: world.redis.url,
        REDIS_TIMEOUT_MS: '1000',
        GATEWAY_INSTANCES: '2',
        API_KEYS_FILE: world.keysFile,
        LOG_LEVEL: 'warn',
      },
    })
  beforeAll(async () => {
    world.redis = await startRedis()
    world.simulator = await createSimulator({ organizations })
    for (const name of ['main', 'spare', 'webhooks'] as const) ports[name] = await freePort()
    writeFileSync(world.keysFile, callers)
    world.startSpare = () => start(ports.spare)
    ;[world.main, world.spare] = await Promise.all([start(ports.main), start(ports.spare)])
    // The 24 hours for which an event is tried cannot be waited for: here the gateway's clock is put forward.
    let jumpedMs = 0
    const now = () => systemClock.now() + jumpedMs
    const wall = () => systemClock.wall() + jumpedMs
    const jump = (ms: number): number => (jumpedMs += ms)
    const env = { WEBHOOK_PRIVATE_HOSTS: '127.0.0.1:9=127.0.0.1' }
    world.webhooks = await startGateway({ env, clock: { ...systemClock, now, wall, jump } })
    const { opsServer } = world.webhooks.gateway
    await new Promise<void>((resolve) => opsServer.listen(ports.webhooks, '127.0.0.1', resolve))
    const targets = Object.values(ports).map((opsPort) => `127.0.0.1:${opsPort}`)
    prometheus = await startPrometheus(
      { command, env: processEnv, folder },
      {
        global: { scrape_interval: '500ms', scrape_timeout: '500ms', evaluation_interval: '500ms' },
        rule_files: ['alerts.yml'],
        scrape_configs: [{ job_name: 'chathub-gateway', static_configs: [{ targets }] }],
      },
    )
  })
  afterAll(async () => {
    const { redis, simulator, main, spare, webhooks } = world
    await prometheus.stop()
    await Promise.all([main.stop(), spare.stop()])
    webhooks.gateway.opsServer.close()
    webhooks.gateway.opsServer.closeAllConnections()
    await webhooks.close()
    await simulator.close()
    await redis.stop()
  })

  const firing = async (): Promise<Set<string>> => {
    type Alert = { state: string; labels: { alertname: string } }
    const answer = (await (await fetch(`${prometheus.url}/api/v1/alerts`)).json()) as {
      data: { alerts: Alert[] }
    }
    return new Set(
      answer.data.alerts.filter(({ state }) => state === 'firing').map(({ labels }) => labels.alertname),
    )
  }
  /** Seconds until each of the alerts fires, or no longer does. @throws after eight minutes */
  const secondsTo = async (names: readonly string[], fires: boolean, during: Fault['during']) => {
    const startedAt = performance.now()
    const seconds = new Map<string, number>()
    while (seconds.size < names.length) {
      const elapsed = (performance.now() - startedAt) / 1000
      if (elapsed > 480)
        throw new Error(
          `${names.filter((name) => !seconds.has(name))} ${fires ? 'never fired' : 'still fires'}`,
        )
      await during?.().catch(() => {})
      if (!during) await pause(100)
      const now = await firing()
      for (const name of names)
        if (!seconds.has(name) && now.has(name) === fires)
          seconds.set(name, (performance.now() - startedAt) / 1000)
    }
    return seconds
  }

  it('each fire while their fault lasts, and clear after it', async () => {
    await readAll(world)
    // `ALERT=BudgetFull` makes one fault alone.
    const only = process.env['ALERT']
    const faults = faultsOf(world).filter((fault) => !only || fault.alerts.includes(only))
    const lines = ['| alert | fault | fires after | clears after |', '|---|---|---:|---:|']
    for (const { alerts: names, fault, begin, end, during } of faults) {
      await secondsTo(names, false, undefined)
      await begin()
      const fired = await secondsTo(names, true, during)
      await end()
      const cleared = await secondsTo(names, false, during)
      for (const name of names)
        lines.push(
          `| ${name} | ${fault} | ${fired.get(name)?.toFixed(0)} s | ${cleared.get(name)?.toFixed(0)} s |`,
        )
      process.stderr.write(`${lines.at(-1)}\n`)
    }
    process.stderr.write(`${lines.join('\n')}\n`)
    const made = faultsOf(world).flatMap((fault) => fault.alerts)
    expect(made.toSorted()).toEqual(alerts.toSorted())
  }, 3_600_000)
})
