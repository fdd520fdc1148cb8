import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { hashKey, makeKey } from '../../src/access/keys.ts'
import { scopes } from '../../src/contract/scopes.ts'
import { freePort } from '../support/free-port.ts'
import { type Running, spawnReady, spawnSimulator } from '../support/processes.ts'
import { startRedis } from '../support/redis.ts'

/** One of the two places where an instance runs. */
export type Slot = {
  url: string
  running: Running
  /** Counts the starts. What a caller knows of an instance ends with its life. */
  life: number
  isUp: boolean
  /** Instances that ran here before. */
  ended: Running[]
}
export type Fleet = Awaited<ReturnType<typeof startFleet>>

const companyToken = 'ct_planted-company-token-of-the-soak'
const password = 'planted-password-of-the-soak'
const sessionSecret = 'a-planted-secret-of-the-soak-of-32-bytes'
export const page = 'https://crm.example.com'
/** The settling time and the window for late requests, ms. */
const settleMs = 1000
export const lateWindowMs = 20_000
export const requestsPerSecond = 40

/** Redis, the simulator and two gateways as people run them, with a file of keys that can be replaced. */
export const startFleet = async (seed: number, died: (said: string) => void) => {
  const folder = await mkdtemp(join(tmpdir(), 'soak-'))
  const keysFile = join(folder, 'keys.json')
  const secrets = new Set([companyToken, password, sessionSecret])
  let key = makeKey('soak')
  let next = key
  const writeKeys = async (keys: string[]): Promise<void> => {
    const rights = { id: 'soak', scopes, organizations: '*', requestsPerMinute: 10_000_000 }
    const clients = keys.map((each) => ({ ...rights, keyHash: hashKey(each) }))
    for (const each of [...keys, ...clients.map(({ keyHash }) => keyHash)]) secrets.add(each)
    // A rename is seen whole. A file that is written in place may be read half.
    await writeFile(`${keysFile}.new`, JSON.stringify({ clients }))
    await rename(`${keysFile}.new`, keysFile)
  }
  await writeKeys([key])
  // With `everysec` a killed Redis may lose two seconds on a busy disk. So each command is with the kernel before its answer.
  const redis = await startRedis({ args: ['--appendonly', 'yes', '--appendfsync', 'no'] })
  const simulator = await spawnSimulator(
    ['--port', '0', '--seed', `${seed}`, '--organizations', '8', '--operators', '1600'],
    { CHATHUB_LOGIN: 'demo', CHATHUB_PASSWORD: password, CHATHUB_COMPANY_TOKEN: companyToken },
  )
  const env = {
    CHATHUB_BASE_URL: simulator.url,
    CHATHUB_COMPANY_TOKEN: companyToken,
    CHATHUB_LOGIN: 'demo',
    CHATHUB_PASSWORD: password,
    CHATHUB_REQUESTS_PER_SECOND: `${requestsPerSecond}`,
    CHATHUB_TIMEOUT_MS: '2000',
    WRITE_SETTLE_SECONDS: `${settleMs / 1000}`,
    WRITE_LATE_WINDOW_SECONDS: `${lateWindowMs / 1000}`,
    CACHE_FRESH_SECONDS: '5',
    CACHE_REVALIDATE_SECONDS: '10',
    ORGANIZATIONS_FRESH_SECONDS: '10',
    REDIS_URL: redis.url,
    // The machine may be busy with other work.
    REDIS_TIMEOUT_MS: '1000',
    GATEWAY_INSTANCES: '2',
    API_KEYS_FILE: keysFile,
    SESSION_SECRET: sessionSecret,
    CORS_ORIGINS: page,
  }
  const launch = (port: number): Promise<Running> =>
    spawnReady(process.execPath, ['--expose-gc', '--import', './test/soak/probe.mjs', 'dist/main.js'], {
      ...env,
      PORT: `${port}`,
    })
  /** A machine that is busy with other work may need several minutes. */
  const relaunch = async (port: number, tries = 5): Promise<Running> =>
    launch(port).catch((error) => {
      if (tries === 1) throw error
      return relaunch(port, tries - 1)
    })
  /** Tells of an end that nobody asked for. */
  const watch = (slot: Slot): void => {
    const { running } = slot
    void running.exited.then(({ code, signal }) => {
      if (slot.isUp && slot.running === running) died(`${code} ${signal}: ${running.output().slice(-1000)}`)
      slot.isUp = false
    })
  }
  const open = async (): Promise<Slot> => {
    const running = await launch(await freePort())
    const slot = { url: running.url, running, life: 1, isUp: true, ended: [] }
    watch(slot)
    return slot
  }
  const slots: [Slot, Slot] = [await open(), await open()]

  return {
    slots,
    redis,
    simulator,
    secrets,
    key: () => key,
    /** A command to the simulator. It waits while that is frozen. */
    control: async <T>(method: string, path: string, body?: unknown): Promise<T> => {
      const init = { method, ...(body !== undefined && { body: JSON.stringify(body) }) }
      const command = () => fetch(`${simulator.url}/__sim/${path}`, init)
      // A connection that was kept may end as it is used again. Each command may come twice.
      const answer = await command().catch(command)
      return (answer.status === 204 ? undefined : await answer.json()) as T
    },
    /** Adds a second key of the same client to the file. Returns the one in use. */
    addKey: async (): Promise<string> => {
      next = makeKey('soak')
      await writeKeys([key, next])
      return key
    },
    nextKey: (): string => next,
    useNextKey: (): void => {
      key = next
    },
    dropOldKeys: (): Promise<void> => writeKeys([key]),
    /** Ends an instance by this signal and starts another one in its place. */
    /** Nothing is done while the instance is being replaced already: two faults may come at once. */
    replace: async (slot: Slot, signal: NodeJS.Signals, pause: () => Promise<unknown>): Promise<void> => {
      if (!slot.isUp) return
      slot.isUp = false
      slot.running.signal(signal)
      await slot.running.exited
      slot.ended.push(slot.running)
      await pause()
      slot.running = await relaunch(Number(new URL(slot.url).port))
      slot.life++
      slot.isUp = true
      watch(slot)
    },
    /** Ends the instances orderly. Returns their exit codes. */
    stopInstances: async (): Promise<(number | null)[]> => {
      for (const slot of slots) slot.isUp = false
      return (await Promise.all(slots.map(({ running }) => running.stop()))).map(({ code }) => code)
    },
    stop: async (): Promise<void> => {
      await simulator.stop()
      await redis.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}
