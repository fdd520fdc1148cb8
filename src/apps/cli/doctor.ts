import { createServer } from 'node:net'
import { systemClock } from '../../clock.ts'
import { type Config, ConfigFaults, readConfig } from '../../config.ts'
import { exitCodes } from '../../exit-codes.ts'
import { type Checked, checkServer, prepareChecks } from '../../redis/check-server.ts'
import type { RedisClient } from '../../redis/connect.ts'
import { createLocalBudget } from '../../throttle/budget.ts'
import { createUpstream } from '../../throttle/upstream.ts'
import { connectOnce } from './connect-once.ts'
import { type Shown, showLine } from './output.ts'

type Finding = { check: string; state: 'ok' | 'warning' | 'fault'; found: string; advice?: string }

const clockOffMaxMs = 1000

const ok = (check: string, found: string): Finding => ({ check, state: 'ok', found })
const warning = (check: string, found: string, advice: string): Finding => ({
  check,
  state: 'warning',
  found,
  advice,
})
const fault = (check: string, found: string, advice: string): Finding => ({
  check,
  state: 'fault',
  found,
  advice,
})

const checkPort = (name: string, port: number, host: string): Promise<Finding> =>
  new Promise((resolve) => {
    const server = createServer()
    server.once('error', ({ code }: NodeJS.ErrnoException) => {
      const advice = `Stop the program that has it, which may be this gateway, or set another ${name}.`
      resolve(fault(name, `${host}:${port} cannot be used (${code})`, advice))
    })
    server.listen(port, host, () => server.close(() => resolve(ok(name, `${host}:${port} is free`))))
  })

/** One request with the credential of the settings. It logs in if there is no token. */
const checkChatHub = async (config: Config): Promise<Finding> => {
  const clock = systemClock
  const budget = createLocalBudget({ requestsPerSecond: () => config.requestsPerSecond, clock, opensAt: 0 })
  const upstream = createUpstream({
    ...config,
    proxies: config,
    budget,
    redis: undefined,
    clock,
    report: () => {},
  })
  const check = `ChatHub ${config.chathubUrl.origin}`
  try {
    const context = {
      lane: 'people',
      client: 'doctor',
      deadline: clock.now() + config.writeDeadlineMs,
    } as const
    const { rows } = await upstream.chathub.organizations(context)
    const names = rows.slice(0, 5).map(({ id, name }) => `${id} ${name}`)
    const found = `the credential is accepted; ${rows.length} organizations: ${names.join(', ')}`
    return rows.length > 0
      ? ok(check, found)
      : warning(check, found, 'Ask SMSBAT which organizations the token may access.')
  } catch (error) {
    const { detail = (error as Error).message, code } = error as { detail?: string; code?: string }
    if (code === 'chathub.credentials') {
      const advice = 'Replace CHATHUB_COMPANY_TOKEN, or CHATHUB_LOGIN and CHATHUB_PASSWORD.'
      return fault(check, 'the credential is refused', advice)
    }
    const advice = 'Compare CHATHUB_BASE_URL and HTTPS_PROXY, and try the address with curl from here.'
    return fault(check, detail.replace(/\.$/, ''), advice)
  } finally {
    await upstream.close()
  }
}

const checkRedis = async ({ redisUrl, redisPrefix, redisTimeoutMaxMs }: Config): Promise<Finding[]> => {
  if (!redisUrl) return [ok('Redis', 'not set: everything is kept in one process')]
  let client: RedisClient | undefined
  try {
    client = await connectOnce(redisUrl.reveal(), redisTimeoutMaxMs)
    prepareChecks(client)
    const [checked, time, server, persistence] = await Promise.all([
      checkServer(client, redisPrefix),
      client.time(),
      client.info('server').then(String, () => ''),
      client.info('persistence').then(String, () => ''),
    ])
    const offMs = Math.round(Number(time[0]) * 1000 + Number(time[1]) / 1000 - Date.now())
    return [
      findingOfServer(checked, /redis_version:(\S+)/.exec(server)?.[1] ?? 'unknown'),
      checked.mayEvict
        ? warning(
            'eviction',
            `maxmemory-policy ${checked.mayEvict} may drop accepted writes`,
            'CONFIG SET maxmemory-policy noeviction',
          )
        : ok('eviction', 'nothing that is kept is evicted'),
      Math.abs(offMs) > clockOffMaxMs
        ? warning('clock', `Redis is ${offMs} ms off this machine`, 'Synchronize both clocks by NTP.')
        : ok('clock', 'within a second of Redis'),
      // A server that forbids INFO says nothing about it.
      ...(persistence === '' ? [] : [findingOfPersistence(persistence)]),
    ]
  } catch (error) {
    const advice = 'Compare host, port, TLS and password of REDIS_URL. Is Redis running?'
    return [fault('Redis', (error as Error).message, advice)]
  } finally {
    client?.disconnect()
  }
}

const findingOfServer = ({ unsupported, fault: refused }: Checked, version: string): Finding => {
  const found = unsupported ?? refused?.text
  return found === undefined
    ? ok('Redis', `version ${version} allows all that the gateway uses`)
    : fault('Redis', found, 'docs/redis.md lists the versions and the rights of its user.')
}

const findingOfPersistence = (info: string): Finding =>
  info.includes('aof_enabled:1')
    ? ok('persistence', 'an append-only file')
    : warning(
        'persistence',
        'no append-only file: a restart forgets running writes',
        'CONFIG SET appendonly yes',
      )

/** Reads the settings, asks ChatHub once, tries Redis and the ports. It changes nothing. */
const examine = async (): Promise<{ findings: Finding[]; exitCode: number }> => {
  let config: Config
  try {
    config = readConfig(process.env)
  } catch (error) {
    if (!(error instanceof ConfigFaults)) throw error
    const findings = error.faults.map((text): Finding => ({ check: 'settings', state: 'fault', found: text }))
    return { findings, exitCode: exitCodes.config }
  }
  const { host, port, opsPort, warnings, clientEntries, clients } = config
  const found = clients
    ? `no fault; ${clientEntries.length} key${clientEntries.length === 1 ? '' : 's'}`
    : 'no fault; callers by JWT alone'
  const checked = await Promise.all([
    checkPort('PORT', port, host),
    ...(opsPort === undefined ? [] : [checkPort('OPS_PORT', opsPort, host)]),
    checkChatHub(config),
  ])
  const findings: Finding[] = [
    ok('settings', found),
    ...warnings.map((text): Finding => ({ check: 'settings', state: 'warning', found: text })),
    ...checked,
    ...(await checkRedis(config)),
  ]
  const isFault = findings.some(({ state }) => state === 'fault')
  return { findings, exitCode: isFault ? exitCodes.unavailable : 0 }
}

/** Prints each finding with what to do. Exit code 78: settings; 69: something else has a fault. */
export const runDoctor = async (shown: Shown): Promise<void> => {
  const { findings, exitCode } = await examine()
  for (const finding of findings) {
    const { state, check, found, advice } = finding
    showLine(finding, `${state.padEnd(7)}  ${check}: ${found}${advice ? `. ${advice}` : ''}`, shown)
  }
  process.exitCode = exitCode
}
