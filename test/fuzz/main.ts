// npm run fuzz -- [--cases 200000] [--seed n] [--workers 16] [--redis] [--faults]
import { randomInt } from 'node:crypto'
import { parseArgs } from 'node:util'
import { spawnGateway, spawnSimulator, stopEverything } from '../support/processes.ts'
import { startRedis } from '../support/redis.ts'
import { createDice } from './dice.ts'
import { fuzz, reportOf } from './fuzz.ts'
import { companyToken, createTarget } from './target.ts'

const { values } = parseArgs({
  options: {
    cases: { type: 'string', default: '200000' },
    seed: { type: 'string', default: String(randomInt(2 ** 31)) },
    workers: { type: 'string', default: '16' },
    /** A real Redis behind the gateway. */
    redis: { type: 'boolean', default: false },
    /** In every second thousand of requests ChatHub fails at random. */
    faults: { type: 'boolean', default: false },
  },
})
const [cases, seed, workers] = [values.cases, values.seed, values.workers].map(Number) as [
  number,
  number,
  number,
]
process.stdout.write(`seed ${seed}, ${cases} requests, ${workers} at a time\n`)

const target = createTarget()
const redis = values.redis ? await startRedis() : undefined
const simulator = await spawnSimulator(['--port', '0'], {
  CHATHUB_LOGIN: 'demo',
  CHATHUB_PASSWORD: target.password,
  CHATHUB_COMPANY_TOKEN: companyToken,
})
const gateway = await spawnGateway({
  env: {
    ...target.env,
    PORT: '0',
    CHATHUB_BASE_URL: simulator.url,
    LOG_LEVEL: 'error',
    ...(redis && { REDIS_URL: redis.url }),
  },
})
// A gateway that ends is the worst fault of all: what it said last is the whole evidence.
let isDone = false
void gateway.exited.then((exit) => {
  if (isDone) return
  const said = gateway.output().split('\n').slice(-60).join('\n')
  process.stdout.write(
    `seed ${seed}: the gateway ended with ${JSON.stringify(exit)}. It said at last:\n${said}\n`,
  )
  process.exit(1)
})

const control = async (method: string, path: string, body?: unknown): Promise<unknown> => {
  const answer = await fetch(`${simulator.url}/__sim/${path}`, {
    method,
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  return answer.status === 204 ? undefined : answer.json()
}
const organizations = ((await control('GET', 'organizations')) as { id: number }[]).map(({ id }) => id)
const rows = [
  { id: 101, name: 'John Smith', status: 0 },
  { id: 102, name: 'Sarah Johnson', status: 0 },
  { id: 103, name: 'Old', status: 2 },
]
const modes = [
  { mode: 'status', status: 500 },
  { mode: 'status', status: 429 },
  { mode: 'reset' },
  { mode: 'broken-2xx' },
  { mode: 'drop-response' },
  { mode: 'delay-answer', ms: 300 },
  { mode: 'raw', body: '[{"id":"x"}]' },
]
const result = await fuzz({
  url: gateway.url,
  credentials: () => target.credentials(gateway.url),
  known: target.known,
  secrets: target.secrets,
  seed,
  cases,
  workers,
  isFaulty: values.faults,
  everyThousand: async (number) => {
    // Lists that only grow would make later requests slower than earlier ones.
    if (number % 10_000 === 0) {
      for (const id of organizations)
        await control('PUT', `operators/${id}`, id === organizations[0] ? rows : [])
      process.stdout.write(`  ${number}\n`)
    }
    await control('DELETE', 'faults')
    if (values.faults && (number / 1000) % 2 === 1)
      await control('POST', 'faults', { ...createDice(seed + number).pick(modes), probability: 0.3 })
  },
})
process.stdout.write(`seed ${seed}\n${reportOf(result)}\n`)
const live = await fetch(`${gateway.url}/livez`)
const errors = gateway
  .output()
  .split('\n')
  .filter((line) => /"level":(50|60)/.test(line))
process.stdout.write(
  `afterwards /livez ${live.status}, ${errors.length} lines of the level error\n${errors.slice(0, 5).join('\n')}\n`,
)
isDone = true
await stopEverything()
await redis?.stop()
process.exit(result.found.length > 0 || !live.ok ? 1 : 0)
