import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from '@jest/globals'
import { Webhook } from 'standardwebhooks'
import { hashKey, makeKey } from '../../src/access/keys.ts'
import { createSimulator } from '../../src/apps/simulator/simulator.ts'
import { scopes } from '../../src/contract/scopes.ts'
import { track } from '../support/children.ts'
import { freePort } from '../support/free-port.ts'
import { startGateway, type TestGateway } from '../support/gateway.ts'
import { isLong } from '../support/long.ts'
import { describeWithPython, describeWithRedis } from '../support/needs.ts'
import { type Running, spawnGateway } from '../support/processes.ts'
import { openRedis, type TestDatabase } from '../support/redis.ts'
import { until } from '../support/until.ts'
import { type Received, type Receiver, startReceiver } from '../webhooks/webhook-receiver.ts'

const closing: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close()
})
const receive = async (): Promise<Receiver> => {
  const receiver = await startReceiver()
  closing.push(receiver.close)
  return receiver
}
const start = async (options: Parameters<typeof startGateway>[0]): Promise<TestGateway> => {
  const gateway = await startGateway(options)
  closing.push(gateway.close)
  return gateway
}
const operator = '/v1/organizations/24/operators/101'
const statusOf = ({ body }: Received) => body.data.to
const flip = async ({ ask }: Pick<TestGateway, 'ask'>, status: string, key?: string) => {
  const answer = await ask('PATCH', operator, { body: { status }, ...(key && { key }) })
  expect(answer.status).toBe(200)
}

describe('webhooks of one process', () => {
  it('tell a change at once, signed, and end with their key', async () => {
    const receiver = await receive()
    const folder = mkdtempSync(join(tmpdir(), 'webhooks-'))
    closing.push(() => rmSync(folder, { recursive: true }))
    const [first, second] = [makeKey('crm'), makeKey('crm')]
    const writeKeys = (...keys: string[]) =>
      writeFileSync(
        join(folder, 'keys.json'),
        JSON.stringify({
          clients: keys.map((key) => ({ id: 'crm', keyHash: hashKey(key), scopes, organizations: [24, 6] })),
        }),
      )
    writeKeys(first, second)
    const gateway = await start({
      env: {
        ...{ CACHE_FRESH_SECONDS: '1', REFRESH_BUDGET_PERCENT: '50' },
        ...{ API_KEYS: '', API_KEYS_FILE: join(folder, 'keys.json') },
        WEBHOOK_PRIVATE_HOSTS: `${receiver.host}=127.0.0.1`,
      },
    })
    const ask: TestGateway['ask'] = (method, path, options) =>
      gateway.ask(method, path, { key: second, ...options })
    const headers = { 'Idempotency-Key': 'one' }
    const wanted = { url: receiver.url, description: 'CRM' }
    const made = await ask('POST', '/v1/webhooks', { key: first, body: wanted, headers })
    expect([made.status, made.headers['cache-control'], made.body.state]).toEqual([201, 'no-store', 'active'])
    const again = await ask('POST', '/v1/webhooks', { key: first, body: wanted, headers })
    expect([again.body.id, again.body.secret]).toEqual([made.body.id, made.body.secret])
    const own = `/v1/webhooks/${made.body.id}`
    expect((await ask('GET', '/v1/webhooks')).body.items.map(({ id }: { id: string }) => id)).toEqual([
      made.body.id,
    ])

    await flip({ ask }, 'inactive')
    await until(() => receiver.taken.length === 1)
    const [{ text, headers: sent }] = receiver.taken as [Received]
    expect(new Webhook(made.body.secret).verify(text, sent)).toMatchObject({
      type: 'operator.statusChanged',
      data: { organization: 24, operator: { id: 101 }, from: 'active', to: 'inactive', client: 'crm' },
    })
    // What changes behind the gateway’s back is told too, though nobody reads the list.
    gateway.simulator.changeOperator(101, { status: 0 })
    await until(() => receiver.taken.length === 2)
    expect(receiver.taken[1]?.body.data).toMatchObject({ via: 'observed', to: 'active' })

    writeKeys(second)
    await until(async () => (await ask('GET', own)).body.reason === 'key')
    await flip({ ask }, 'inactive')
    expect((await ask('POST', `${own}:rotateSecret`, { body: { overlapSeconds: 0 } })).body.state).toBe(
      'active',
    )
    await until(() => receiver.taken.length === 3)
    expect(receiver.taken.map(statusOf)).toEqual(['inactive', 'active', 'inactive'])
    // The last one is counted when its answer has come.
    const counted = 'gw_webhook_deliveries_total{outcome="delivered"} 3'
    await until(async () => (await ask('GET', '/metrics')).text.includes(counted))
    expect((await ask('DELETE', own)).status).toBe(204)
    expect((await ask('GET', own)).body.code).toBe('webhook.unknown')
  })

  it('are refused with what is wanted', async () => {
    const gateway = await start({
      env: { WEBHOOK_HOSTS: 'hooks.example.com' },
      clients: [{ id: 'narrow', organizations: [6] }],
    })
    for (const [body, status, pointer] of [
      [{}, 422, '/url'],
      [{ url: 'https://hooks.example.com/', types: ['operator.gone'] }, 422, '/types/0'],
      [{ url: 'https://hooks.example.com/', secret: 'x' }, 422, '/secret'],
      [{ url: 'https://10.0.0.1/' }, 422, '/url'],
      [{ url: 'http://hooks.example.com/' }, 422, '/url'],
      [{ url: 'https://user:word@hooks.example.com/' }, 422, '/url'],
    ] as const) {
      const answer = await gateway.ask('POST', '/v1/webhooks', { body })
      expect([body, answer.status, answer.body.errors[0].pointer]).toEqual([body, status, pointer])
      expect(answer.body.errors[0].detail).toMatch(/^[A-Z].*\.$/)
    }
    const { body } = await gateway.ask('POST', '/v1/webhooks/wh_x:replay', { body: { after: 'what?' } })
    expect([body.code, body.errors[0].pointer]).toEqual(['request.invalid-body', '/after'])
  })
})

/** Runs the receiver of docs/webhooks.md in this language. */
const tellReceiver = async (
  language: string,
  { command, env }: { command: string; env: Record<string, string> },
  args: string[],
  handle: string,
): Promise<void> => {
  const page = readFileSync(new URL('../../docs/webhooks.md', import.meta.url), 'utf8')
  const [, block = ''] = new RegExp(`\`\`\`${language}\n([^]*?)\`\`\``).exec(page) ?? []
  const port = await freePort()
  const gateway = await start({ env: { WEBHOOK_PRIVATE_HOSTS: `127.0.0.1:${port}=127.0.0.1` } })
  const url = `http://127.0.0.1:${port}/`
  const { body } = await gateway.ask('POST', '/v1/webhooks', { body: { url } })
  const child = spawn(command, args, {
    env: { PATH: process.env['PATH'], ...env, WEBHOOK_SECRET: body.secret },
    cwd: new URL('../..', import.meta.url),
    stdio: ['pipe', 'pipe', 'ignore'],
  })
  void track(child)
  closing.push(() => child.kill('SIGKILL'))
  let said = ''
  child.stdout.on('data', (text) => {
    said += text
  })
  child.stdin.end(`${handle}\n${block.replace('3000', String(port))}`)
  const forged = { 'webhook-id': 'a', 'webhook-timestamp': '1', 'webhook-signature': 'v1,x' }
  const isRefused = () =>
    fetch(url, { method: 'POST', body: '{}', headers: forged }).then(
      ({ status }) => status === 401,
      () => false,
    )
  await until(isRefused)
  for (const status of ['inactive', 'active']) await flip(gateway, status)
  await until(() => said === 'inactive\nactive\n')
}

describe('the receiver of docs/webhooks.md in Node', () => {
  it('takes what is signed alone', async () => {
    const node = { command: process.execPath, env: {} }
    await tellReceiver(
      'js',
      node,
      ['--input-type=module', '-'],
      'const handle = (one) => console.log(one.data.to)',
    )
  })
})

describeWithPython('the receiver of docs/webhooks.md in Python', ({ command, env }) => {
  it('takes what is signed alone', async () => {
    await tellReceiver(
      'python',
      { command, env },
      ['-u', '-'],
      'handle = lambda one: print(one["data"]["to"])',
    )
  })
})

describeWithRedis('webhooks of several instances', () => {
  let database: TestDatabase
  const key = makeKey('all')
  const settingsFor = (receiver: Receiver) => ({
    ...{ REDIS_URL: database.url, REDIS_PREFIX: database.prefix, REDIS_TIMEOUT_MS: '1000' },
    ...{ TOKEN_ENCRYPTION_SECRET: 's'.repeat(40), WEBHOOK_PRIVATE_HOSTS: `${receiver.host}=127.0.0.1` },
  })
  const isReady = async (ask: () => Promise<{ redis?: string }>) =>
    until(async () => (await ask()).redis === 'ready')

  it('are delivered once each, in order; without TOKEN_ENCRYPTION_SECRET there are none', async () => {
    database = await openRedis()
    closing.push(() => database.stop())
    const receiver = await receive()
    const one = await start({ env: settingsFor(receiver) })
    const two = await start({ env: settingsFor(receiver), beside: one })
    for (const { ask } of [one, two])
      await isReady(async () => (await ask('GET', '/readyz', { key: '' })).body)
    expect((await two.ask('POST', '/v1/webhooks', { body: { url: receiver.url } })).status).toBe(201)
    const wanted = Array.from({ length: 10 }, (_, i) => (i % 2 === 0 ? 'inactive' : 'active'))
    for (const [i, status] of wanted.entries()) await flip(i % 3 === 0 ? one : two, status)
    await until(() => receiver.all.length >= 10)
    await two.ask('POST', '/v1/webhooks', { body: { url: receiver.url, organizations: [6] } })
    expect(receiver.all.map(statusOf)).toEqual(wanted)

    const three = await start({ env: { ...settingsFor(receiver), TOKEN_ENCRYPTION_SECRET: '' }, beside: one })
    await isReady(async () => (await three.ask('GET', '/readyz', { key: '' })).body)
    const refused = await three.ask('POST', '/v1/webhooks', { body: { url: receiver.url } })
    expect([refused.status, refused.body.code]).toEqual([501, 'webhook.unavailable'])
  })

  if (isLong)
    it('lose nothing when the delivering process is killed again and again', async () => {
      database = await openRedis()
      closing.push(() => database.stop())
      const receiver = await receive()
      const simulator = await createSimulator({ loginSpacingMs: 0 })
      closing.push(simulator.close)
      const client = { id: 'all', keyHash: hashKey(key), scopes, organizations: '*', requestsPerMinute: 1e6 }
      const launch = async (): Promise<Running> => {
        const spawned = await spawnGateway({
          env: {
            ...settingsFor(receiver),
            ...{ PORT: '0', CHATHUB_BASE_URL: simulator.url, CHATHUB_COMPANY_TOKEN: 'ct_demo-company-token' },
            ...{ CHATHUB_REQUESTS_PER_SECOND: '500', API_KEYS: JSON.stringify({ clients: [client] }) },
          },
        })
        closing.push(() => spawned.stop())
        await isReady(async () => (await (await fetch(`${spawned.url}/readyz`)).json()) as { redis: string })
        return spawned
      }
      const send = async ({ url }: Running, method: string, path: string, body: object) => {
        const headers = { 'X-API-Key': key, 'Content-Type': 'application/json' }
        for (;;) {
          const answer = await fetch(url + path, { method, headers, body: JSON.stringify(body) })
          if (answer.status < 300 && answer.status !== 202) return
        }
      }
      let running = await launch()
      await send(running, 'POST', '/v1/webhooks', { url: receiver.url })
      const wanted: string[] = []
      for (let kill = 0; kill < 5; kill++) {
        // Some deliveries hang when the process dies.
        receiver.reply = () => (receiver.all.length % 3 === 2 ? 'hang' : 204)
        for (let i = 0; i < 7; i++) {
          const status = wanted.length % 2 === 0 ? 'inactive' : 'active'
          await send(running, 'PATCH', operator, { status })
          wanted.push(status)
        }
        running.signal('SIGKILL')
        await running.exited
        receiver.reply = () => 204
        running = await launch()
      }
      const ids = () => [
        ...new Map(receiver.taken.map((message) => [message.id, statusOf(message)])).values(),
      ]
      await until(() => ids().length === wanted.length)
      expect(ids()).toEqual(wanted)
      process.stderr.write(
        `${receiver.taken.length - wanted.length} of ${wanted.length} events were delivered twice\n`,
      )
    })
})
