import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { hashKey, makeKey } from '../../src/access/keys.ts'
import { scopes } from '../../src/contract/scopes.ts'
import { spawnReady } from '../support/processes.ts'
import { startRedis } from '../support/redis.ts'

export const question =
  'What can one client have kept in a Redis of 32 MB, and what do others get afterwards?'

const maxMemory = 32 * 1024 * 1024
const keys = { attacker: makeKey('attacker'), other: makeKey('other') }
const origin = 'https://crm.example.com'
const operators = '/v1/organizations/24/operators'
const many = 500

type Sent = { status: number; body: Record<string, string>; text: string }
type Send = (
  method: string,
  path: string,
  body?: unknown,
  headers?: Record<string, string>,
  key?: string,
) => Promise<Sent>

/** Sends so many requests, 16 at a time. Returns how many were accepted. */
const flood = async (count: number, send: (number: number) => Promise<Sent>): Promise<number> => {
  let next = 0
  let accepted = 0
  const run = async (): Promise<void> => {
    while (next < count) {
      const { status } = await send(next++)
      if (status < 300) accepted++
    }
  }
  await Promise.all(Array.from({ length: 16 }, run))
  return accepted
}

/** A file that hardly compresses. */
const fileOf = (rows: number): string =>
  `name\n${Array.from({ length: rows }, () => randomBytes(75).toString('base64')).join('\n')}`
const csv = { 'Content-Type': 'text/csv' }
const importsOf = (send: Send, organization: number, rows: number, key?: string) =>
  send('POST', `/v1/organizations/${organization}/imports`, fileOf(rows), csv, key)
const keyed = (key: string | number) => ({ 'Idempotency-Key': `key-${key}` })

type Attack = { name: string; count: number; run(send: Send, count: number): Promise<number> }
const attacks: Attack[] = [
  {
    name: 'imports of 50,000 rows, each cancelled at once',
    count: 12,
    run: async (send, count) => {
      let accepted = 0
      for (let i = 0; i < count; i++) {
        const { status, body } = await importsOf(send, 6, 50_000)
        if (status === 202) accepted++
        if (body['id']) await send('POST', `/v1/operations/${body['id']}:cancel`, {})
      }
      return accepted
    },
  },
  {
    name: `idempotency keys, each with an answer of ${many} names`,
    count: 2000,
    run: async (send, count) => {
      const body = { operators: Array.from({ length: many }, (_, i) => ({ name: `Known ${i}` })) }
      await send('POST', operators, body)
      return flood(count, (i) => send('POST', operators, body, keyed(i)))
    },
  },
  {
    name: 'sessions of 1,000 organizations',
    count: 6000,
    run: (send, count) => {
      const organizations = Array.from({ length: 1000 }, (_, i) => 2_000_000_000 + i)
      const grant = { organizations, scopes: ['operators:read'], origin }
      return flood(count, async () => {
        const minted = await send('POST', '/v1/sessions', grant)
        if (minted.status !== 201) return minted
        return send('POST', '/v1/session', { ticket: minted.body['ticket'] }, { Origin: origin }, '')
      })
    },
  },
  {
    name: 'gateway tokens by get-token',
    count: 20_000,
    run: (send, count) => {
      const login = { login: 'attacker', password: keys.attacker }
      return flood(count, () => send('POST', '/api/company/get-token', login, {}, ''))
    },
  },
  {
    name: 'operations of one row',
    count: 12_000,
    run: (send, count) => flood(count, () => importsOf(send, 6, 1)),
  },
]

const runOne = async (dist: string, { count, run: attack }: Attack) => {
  const redis = await startRedis({ args: ['--maxmemory', `${maxMemory}`] })
  const simulator = await spawnReady(process.execPath, [join(dist, 'apps/simulator/main.js')], {})
  const client = { scopes, organizations: '*', requestsPerMinute: 10_000_000 }
  const gateway = await spawnReady(process.execPath, [join(dist, 'main.js')], {
    PORT: '0',
    CHATHUB_BASE_URL: simulator.url,
    CHATHUB_COMPANY_TOKEN: 'ct_demo-company-token',
    CHATHUB_REQUESTS_PER_SECOND: '1000',
    REDIS_URL: redis.url,
    REDIS_TIMEOUT_MS: '1000',
    SESSION_SECRET: 'a-secret-of-at-least-32-characters',
    AUDIT_ENTRIES_MAX: '100',
    ANONYMOUS_REQUESTS_PER_MINUTE: '10000000',
    LOG_LEVEL: 'silent',
    API_KEYS: JSON.stringify({
      clients: Object.entries(keys).map(([id, key]) => ({ ...client, id, keyHash: hashKey(key) })),
    }),
  })
  const send: Send = async (method, path, body, headers = {}, key = keys.attacker) => {
    const isText = typeof body === 'string'
    const request = fetch(gateway.url + path, {
      method,
      headers: {
        ...(key && { 'X-API-Key': key }),
        ...(body !== undefined && !isText && { 'Content-Type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { body: isText ? body : JSON.stringify(body) }),
    })
    const answer = await request.catch(() => undefined)
    if (!answer) return { status: 0, body: {}, text: '' }
    const text = await answer.text()
    const isJson = answer.headers.get('content-type')?.includes('json') ?? false
    return { status: answer.status, body: isJson ? JSON.parse(text) : {}, text }
  }
  const accepted = await attack(send, count)
  const used = Number(/used_memory:(\d+)/.exec(await redis.client().info('memory'))?.[1])
  const asOther = async (...[method, path, body, headers]: Parameters<Send>) =>
    (await send(method, path, body, headers, keys.other)).status
  const others = [
    (await importsOf(send, 24, 5000, keys.other)).status,
    await asOther('POST', operators, { operators: [{ name: 'Anna' }] }, keyed('other')),
    await asOther('PATCH', `${operators}/101`, { status: 'inactive' }),
    await asOther('GET', operators),
  ]
  for (const one of [gateway, simulator]) await one.stop()
  await redis.stop()
  return { accepted, used, others }
}

/** Accepted, MiB, and what another client got, on commit ff39c13 with this script. */
const before: Record<string, [string, string, string]> = {
  imports: ['6', '32 MiB', '503 503 503 200'],
  idempotency: ['951', '32 MiB', '503 503 503 200'],
  sessions: ['650', '32 MiB', '503 503 503 200'],
  gateway: ['20000', '8 MiB', '202 201 200 200'],
  operations: ['12000', '16 MiB', '202 201 200 200'],
}

export const run = async ({ dist, say }: { dist: string; say(text: string): void }) => {
  const rows: { figure: string; before: string; after: string; aim: string }[] = []
  for (const attack of attacks) {
    const { name, count } = attack
    const { accepted, used, others } = await runOne(dist, attack)
    say(`${name}: ${accepted} accepted, ${used} bytes, others ${others}`)
    const [wasAccepted = '', wasUsed = '', wasOthers = ''] = before[name.split(' ')[0] as string] ?? []
    const used32 = `${Math.round(used / 1024 / 1024)} MiB`
    const shown = others.join(' ')
    rows.push(
      { figure: `${count} ${name}: accepted`, before: wasAccepted, after: `${accepted}`, aim: 'the quota' },
      { figure: '… memory in use, of 32 MiB', before: wasUsed, after: used32, aim: '≤ 80 %' },
      {
        figure: '… import, POST, PATCH, GET of another client',
        before: wasOthers,
        after: shown,
        aim: '202 201 200 200',
      },
    )
  }
  return rows
}
