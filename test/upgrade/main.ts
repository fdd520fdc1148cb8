import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { hashKey, makeKey } from '../../src/access/keys.ts'
import type { StartedImport } from '../../src/client/api.ts'
import { createClient } from '../../src/client/client.ts'
import { scopes } from '../../src/contract/scopes.ts'
import { stopEverything } from '../support/children.ts'
import { type Running, spawnReady, spawnSimulator } from '../support/processes.ts'
import { startRedis } from '../support/redis.ts'
import { until } from '../support/until.ts'

/**
 * An old and a new version side by side on one Redis: in the middle of an import, with listeners, one is stopped and the other goes
 * on. Then the other way round, as after a version that is taken back. Nothing may be lost or doubled. Where there are no
 * tags yet, two commits are named.
 */
const project = fileURLToPath(new URL('../..', import.meta.url))
const { values } = parseArgs({ options: { old: { type: 'string', default: '0fec91b' } } })

const buildOld = (commit: string): string => {
  const folder = mkdtempSync(join(tmpdir(), 'old-version-'))
  const archive = execFileSync('git', ['archive', commit], { cwd: project, maxBuffer: 1 << 28 })
  execFileSync('tar', ['-x', '-C', folder], { input: archive })
  symlinkSync(join(project, 'node_modules'), join(folder, 'node_modules'))
  execFileSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'src'], {
    cwd: folder,
    stdio: 'inherit',
  })
  return folder
}
const old = buildOld(values.old)
const versions = { old: join(old, 'dist/main.js'), new: join(project, 'dist/main.js') }

const key = makeKey('upgrade')
const clients = [
  { id: 'upgrade', keyHash: hashKey(key), scopes, organizations: '*', requestsPerMinute: 1_000_000 },
]
const redis = await startRedis()
const simulator = await spawnSimulator(['--port', '0', '--organizations', '3', '--operators', '30'])
const start = (version: keyof typeof versions): Promise<Running> =>
  spawnReady(process.execPath, [versions[version]], {
    PORT: '0',
    CHATHUB_BASE_URL: simulator.url,
    CHATHUB_COMPANY_TOKEN: 'ct_demo-company-token',
    CHATHUB_REQUESTS_PER_SECOND: '10',
    CHATHUB_BATCH_SIZE: '10',
    REDIS_URL: redis.url,
    GATEWAY_INSTANCES: '2',
    API_KEYS: JSON.stringify({ clients }),
    TOKEN_ENCRYPTION_SECRET: 'a secret of at least thirty-two bytes',
    ...(version === 'new' && { WEBHOOK_PRIVATE_HOSTS: '127.0.0.1:9=127.0.0.0/8' }),
  })
const operators = async (): Promise<{ id: number; name: string }[]> =>
  (await fetch(`${simulator.url}/__sim/operators?organizationId=24`)).json() as Promise<
    { id: number; name: string }[]
  >

let failures = 0
const check = (what: string, holds: boolean, detail = ''): void => {
  process.stdout.write(`${holds ? 'holds ' : 'BROKEN'}  ${what}${holds ? '' : `: ${detail}`}\n`)
  if (!holds) failures++
}

/** One version stops in the middle of an import, and the other carries it on. */
const handOver = async (from: keyof typeof versions, to: keyof typeof versions): Promise<void> => {
  const [leaving, staying] = [await start(from), await start(to)]
  const talk = (running: Running) => createClient({ baseUrl: running.url, key })
  const heard = new Map<string, number>()
  let resyncs = 0
  const stop = new AbortController()
  const listen = async (): Promise<void> => {
    for await (const event of talk(staying).events.subscribe({}, { signal: stop.signal })) {
      if (event.type === 'resync') resyncs++
      if (event.type === 'operator.added')
        heard.set(event.operator?.name ?? '', (heard.get(event.operator?.name ?? '') ?? 0) + 1)
    }
  }
  const listening = listen().catch(() => {})
  const names = Array.from({ length: 200 }, (_, index) => `${from} ${to} ${String(index).padStart(3, '0')}`)
  const before = (await operators()).length
  const idempotencyKey = `upgrade-${from}`
  const single = { operators: [{ name: `${from} single` }] }
  await talk(leaving).operators.add(24, single, { idempotencyKey })
  const operation = await talk(leaving).operators.import(24, `name\n${names.join('\n')}\n`)
  await until(async () => (await operators()).length > before + 40)
  const { code } = await leaving.stop()
  check(
    `${from} → ${to}: the leaving version ends orderly in the middle of an import`,
    code === 0,
    `code ${code}`,
  )
  check(`${from} → ${to}: some rows are left for the other`, (await operators()).length < before + 200)
  const { id } = operation as StartedImport
  const ended = await talk(staying).operations.wait(id)
  check(
    `${from} → ${to}: the other carries the import to its end`,
    ended.state === 'done' && ended.created === 200,
    JSON.stringify(ended),
  )
  const now = (await operators()).map(({ name }) => name)
  const counts = names.map((name) => now.filter((each) => each === name).length)
  check(
    `${from} → ${to}: each of 200 names is in ChatHub exactly once`,
    counts.every((count) => count === 1),
    counts.join(),
  )
  const again = await talk(staying).operators.add(24, single, { idempotencyKey })
  const singles = (await operators()).filter(({ name }) => name === `${from} single`)
  check(
    `${from} → ${to}: a repeated request has the answer of before`,
    singles.length === 1,
    JSON.stringify(again),
  )
  await until(() => resyncs > 0 || names.every((name) => heard.has(name)), 'the events of the import').catch(
    () => {},
  )
  const once = names.filter((name) => heard.get(name) === 1).length
  check(
    `${from} → ${to}: a listener at the other hears each addition once, or of a gap`,
    resyncs > 0 || once === 200,
    `${once} of 200`,
  )
  const list = await talk(staying).operators.list(24)
  check(
    `${from} → ${to}: the list is that of ChatHub`,
    list.total === now.length,
    `${list.total}, ChatHub has ${now.length}`,
  )
  stop.abort()
  await listening
  await staying.stop()
}

await handOver('old', 'new')
await handOver('new', 'old')
await simulator.stop()
await redis.stop()
await stopEverything()
rmSync(old, { recursive: true, force: true })
process.stdout.write(
  `${failures === 0 ? 'Nothing is lost or doubled' : `${failures} broken`}, ${values.old} and this version.\n`,
)
process.exit(failures === 0 ? 0 : 1)
