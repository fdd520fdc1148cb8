import { createServer } from 'node:net'
import { systemClock } from '../../clock.ts'
import { type Config, ConfigFaults, readConfig } from '../../config.ts'
import { exitCodes } from '../../exit-codes.ts'
import { checkServer, prepareChecks } from '../../redis/check-server.ts'
import type { RedisClient } from '../../redis/connect.ts'
import { createLocalBudget } from '../../throttle/budget.ts'
import { createUpstream } from '../../throttle/upstream.ts'
import { connectOnce } from './connect-once.ts'
import { type Shown, showLine } from './output.ts'

type Finding = { check: string; state: 'ok' | 'warning' | 'fault'; found: string; advice?: string }

const clockOffMaxMs = 1000

const checkPort = (name: string, port: number, host: string): Promise<Finding> =>
  new Promise((resolve) => {
    const server = createServer()
    server.once('error', ({ code }: NodeJS.ErrnoException) =>
      resolve({
        ...{ check: name, state: 'fault', found: `${host}:${port} cannot be used (${code})` },
        advice: `Stop the program that has it, which may be this gateway, or set another ${name}.`,
      }),
    )
    server.listen(port, host, () =>
      server.close(() => resolve({ check: name, state: 'ok', found: `${host}:${port} is free` })),
    )
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
    if (rows.length > 0) return { check, state: 'ok', found }
    return { check, state: 'warning', found, advice: 'Ask SMSBAT which organizations the token may access.' }
  } catch (error) {
    const { detail = (error as Error).message, code } = error as { detail?: string; code?: string }
    const isRefused = code === 'chathub.credentials'
    const found = isRefused ? 'the credential is refused' : detail.replace(/\.$/, '')
    const advice = isRefused
      ? 'Replace CHATHUB_COMPANY_TOKEN, or CHATHUB_LOGIN and CHATHUB_PASSWORD.'
      : 'Compare CHATHUB_BASE_URL and HTTPS_PROXY, and try the address with curl from here.'
    return { check, state: 'fault', found, advice }
  } finally {
    await upstream.close()
  }
}

const checkRedis = async ({ redisUrl, redisPrefix, redisTimeoutMaxMs }: Config): Promise<Finding[]> => {
  if (!redisUrl) return [{ check: 'Redis', state: 'ok', found: 'not set: everything is kept in one process' }]
  let client: RedisClient | undefined
  try {
    client = await connectOnce(redisUrl.reveal(), redisTimeoutMaxMs)
    prepareChecks(client)
    const [checked, time, text] = await Promise.all([
      checkServer(client, redisPrefix),
      client.time(),
      client.info('persistence').then(String, () => ''),
    ])
    const version =
      /redis_version:(\S+)/.exec(await client.info('server').then(String, () => ''))?.[1] ?? 'unknown'
    const offMs = Math.round(Number(time[0]) * 1000 + Number(time[1]) / 1000 - Date.now())
    const isKept = /aof_enabled:1/.test(text)
    const { unsupported, fault, mayEvict } = checked
    const findings: Finding[] = [
      unsupported || fault
        ? {
            ...{ check: 'Redis', state: 'fault', found: unsupported ?? fault?.text ?? '' },
            advice: 'docs/redis.md lists the versions and the rights of its user.',
          }
        : { check: 'Redis', state: 'ok', found: `version ${version} allows all that the gateway uses` },
      mayEvict
        ? {
            ...{
              check: 'eviction',
              state: 'warning',
              found: `maxmemory-policy ${mayEvict} may drop accepted writes`,
            },
            advice: 'CONFIG SET maxmemory-policy noeviction',
          }
        : { check: 'eviction', state: 'ok', found: 'nothing that is kept is evicted' },
      Math.abs(offMs) > clockOffMaxMs
        ? {
            ...{ check: 'clock', state: 'warning', found: `Redis is ${offMs} ms off this machine` },
            advice: 'Synchronize both clocks by NTP.',
          }
        : { check: 'clock', state: 'ok', found: 'within a second of Redis' },
    ]
    if (text !== '')
      findings.push(
        isKept
          ? { check: 'persistence', state: 'ok', found: 'an append-only file' }
          : {
              ...{
                check: 'persistence',
                state: 'warning',
                found: 'no append-only file: a restart forgets running writes',
              },
              advice: 'CONFIG SET appendonly yes',
            },
      )
    return findings
  } catch (error) {
    const advice = 'Compare host, port, TLS and password of REDIS_URL. Is Redis running?'
    return [{ check: 'Redis', state: 'fault', found: (error as Error).message, advice }]
  } finally {
    client?.disconnect()
  }
}

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
    { check: 'settings', state: 'ok', found },
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
