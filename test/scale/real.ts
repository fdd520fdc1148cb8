import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { hashKey, makeKey } from '../../src/access/keys.ts'
import { statusOf } from '../../src/chathub/wire.ts'
import { scopes } from '../../src/contract/scopes.ts'
import { type Running, spawnReady, spawnSimulator } from '../support/processes.ts'
import { startRedis } from '../support/redis.ts'
import { until } from '../support/until.ts'
import type { Actor, List } from './actor.ts'
import type { Cost } from './cost.ts'
import { startReplyMeter } from './reply-meter.ts'
import { batchSize } from './scenario.ts'
import { watchRedis } from './watched-redis.ts'

/** High, so that nobody waits for the budget. Each request takes its slot all the same. */
export const requestsPerSecond = 10_000

/** Of a call of the script that reads the log. */
const readBytes = 330

/** Redis, the simulator and so many gateways as people run them, on one machine. */
export const startReal = async (
  instances: number,
  organizations: number,
  operators: number,
  /** MONITOR costs Redis as much as the work itself. */
  { isWatched } = { isWatched: true },
) => {
  const redis = await startRedis()
  let answered = (_words: string[] | undefined, _bytes: number): void => {}
  const meter = isWatched ? await startReplyMeter(redis.port, (...answer) => answered(...answer)) : undefined
  const simulator = await spawnSimulator([
    ...['--port', '0', '--organizations', `${organizations}`, '--operators', `${organizations * operators}`],
  ])
  let delivered = 0
  const receiver = createServer((_request, response) => {
    delivered++
    response.end()
  })
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve))
  const receiverPort = (receiver.address() as AddressInfo).port
  const key = makeKey('scale')
  const clients = [
    { id: 'scale', keyHash: hashKey(key), scopes, organizations: '*', requestsPerMinute: 10_000_000 },
  ]
  const env = {
    PORT: '0',
    CHATHUB_BASE_URL: simulator.url,
    CHATHUB_COMPANY_TOKEN: 'ct_demo-company-token',
    CHATHUB_REQUESTS_PER_SECOND: `${requestsPerSecond}`,
    CHATHUB_BATCH_SIZE: `${batchSize}`,
    CHATHUB_PROBE_SECONDS: '0',
    REFRESH_BUDGET_PERCENT: '0',
    // Nothing gets old while it is measured.
    CACHE_FRESH_SECONDS: '3600',
    ORGANIZATIONS_FRESH_SECONDS: '3600',
    // The machine has fewer cores than processes.
    REDIS_TIMEOUT_MS: '1000',
    OVERLOAD_WAIT_MS: '60000',
    WRITE_DEADLINE_MS: '60000',
    READ_DEADLINE_MS: '60000',
    REDIS_URL: meter?.url ?? redis.url,
    GATEWAY_INSTANCES: `${instances}`,
    API_KEYS: JSON.stringify({ clients }),
    TOKEN_ENCRYPTION_SECRET: 'a secret of at least thirty-two bytes',
    WEBHOOK_PRIVATE_HOSTS: `127.0.0.1:${receiverPort}=127.0.0.0/8`,
  }
  const running: Running[] = []
  for (let instance = 0; instance < instances; instance++)
    running.push(
      await spawnReady(process.execPath, ['--import', './test/scale/probe.mjs', 'dist/main.js'], env),
    )
  const scripts = new Map(
    running[0]
      ?.lines()
      .flatMap(({ msg, hash, name }) => (msg === 'script' ? [[String(hash), String(name)]] : [])),
  )
  const watched = await watchRedis(redis, (hash) => scripts.get(hash) ?? 'eval', isWatched)
  answered = watched.answered

  const control = async <T>(method: string, path: string): Promise<T> => {
    const answer = await fetch(`${simulator.url}/__sim/${path}`, { method })
    return (answer.status === 204 ? undefined : await answer.json()) as T
  }
  const ask = async (
    instance: number,
    method: string,
    path: string,
    body?: unknown,
    more = {},
  ): Promise<void> => {
    const answer = await fetch(`${running[instance]?.url}/v1/${path}`, {
      method,
      headers: { 'X-API-Key': key, 'Content-Type': 'application/json', ...more },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
    const text = await answer.text()
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`)
  }
  type Row = { id: number; name: string; status: number; organizationId: number }
  const rows = await control<Row[]>('GET', 'operators')
  const lists = (await control<{ id: number; name: string }[]>('GET', 'organizations')).map(
    ({ id, name }): List => ({
      ...{ id, name },
      operators: rows.flatMap((row) =>
        row.organizationId === id ? [{ id: row.id, name: row.name, ...statusOf(row.status) }] : [],
      ),
    }),
  )

  const readers = new AbortController()
  let isHeard = false
  let isCalledBack = false
  /** Of the last rest: how often the log was read in a second, and the bytes of an answer. */
  let resting = { reads: 0, answerBytes: 0 }
  const infoBytes = (await watched.info('memory')).length
  const actor: Actor = {
    read: (instance, list) => ask(instance, 'GET', `organizations/${list}/operators`),
    add: (instance, list, name, idempotencyKey) =>
      ask(
        ...([instance, 'POST', `organizations/${list}/operators`, { operators: [{ name }] }] as const),
        idempotencyKey ? { 'Idempotency-Key': idempotencyKey } : {},
      ),
    setStatus: async (instance, list, operator, status) => {
      const before = delivered
      await ask(instance, 'PATCH', `organizations/${list}/operators/${operator}`, { status })
      if (isCalledBack) await until(() => delivered > before)
      if (isHeard) await watched.quiet()
    },
    import: async (instance, list, names) => {
      const count = async (): Promise<number> =>
        (await control<Row[]>('GET', `operators?organizationId=${list}`)).length
      const wanted = (await count()) + names.length
      const csv = { 'Content-Type': 'text/csv' }
      await ask(instance, 'POST', `organizations/${list}/imports?header=false`, names.join('\n'), csv)
      await until(async () => (await count()) === wanted)
      await watched.quiet()
    },
    assign: (instance, list, chat) =>
      ask(instance, 'POST', `organizations/${list}/assignments`, { chatId: chat }),
    listen: async (list) => {
      isHeard = true
      for (const { url } of running)
        void fetch(`${url}/v1/events?organizations=${list}`, {
          headers: { 'X-API-Key': key },
          signal: readers.signal,
        })
          .then(({ body }) => body?.pipeTo(new WritableStream()))
          .catch(() => {})
      await sleep(3000)
    },
    callBack: async (list) => {
      readers.abort()
      const hook = { url: `http://127.0.0.1:${receiverPort}/`, organizations: [list] }
      await ask(0, 'POST', 'webhooks', hook)
      isCalledBack = true
      await sleep(5000)
    },
    rest: (seconds) => sleep(seconds * 1000),
    spent: async () => {
      await watched.quiet()
      const { work, all, bytes, seconds } = await watched.taken()
      const requests = (await control<unknown[]>('GET', 'arrivals')).length
      await control('DELETE', 'arrivals')
      const reads = work.steps.get('eventsRead') ?? 0
      // The log is also read once a second, where somebody listens to it.
      const isRest = work.sent === reads && seconds > 5
      if (isRest) resting = { reads: reads / seconds, answerBytes: reads > 0 ? work.bytesOut / reads : 0 }
      const unasked = resting.reads * seconds
      const own: Cost = {
        sent: work.sent - unasked,
        inside: work.inside - 5 * unasked,
        requests,
        bytesIn: bytes.bytesIn - (all.bytesIn - work.bytesIn) - unasked * readBytes,
        bytesOut: work.bytesOut - unasked * resting.answerBytes,
      }
      return {
        work: own,
        all: { ...bytes, sent: all.sent, inside: all.inside, requests },
        steps: isRest ? all.steps : work.steps,
        seconds,
      }
    },
  }
  return {
    ...{ actor, lists, redis, running },
    infoBytes,
    info: watched.info,
    stop: async (): Promise<void> => {
      readers.abort()
      await Promise.all(running.map((one) => one.stop()))
      receiver.close()
      watched.close()
      meter?.close()
      await simulator.stop()
      await redis.stop()
    },
  }
}
