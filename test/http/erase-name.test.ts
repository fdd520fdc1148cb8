import { inflateRawSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { ended, insist } from '../failure/writes.ts'
import { startGateway, type TestGateway } from '../support/gateway.ts'
import { describeWithRedis } from '../support/needs.ts'
import { openRedis, type TestDatabase } from '../support/redis.ts'
import { until } from '../support/until.ts'

const suite = (env: () => Record<string, string>): void => {
  let gateway: TestGateway
  beforeAll(async () => {
    gateway = await startGateway({
      env: { CHATHUB_BATCH_SIZE: '2', WRITE_SETTLE_SECONDS: '1', WRITE_DEADLINE_MS: '2000', ...env() },
      clients: [
        { id: 'few', organizations: [24] },
        { id: 'reader', scopes: ['audit:read'] },
      ],
      simulator: {
        organizations: [
          ...[24, 25, 26, 27, 28].map((id) => ({ id, name: `Sales ${id}`, operators: [{ name: 'Ada' }] })),
          { id: 6, name: 'Support', operators: [{ name: 'Zoe Target' }] },
        ],
      },
    })
    await until(async () => (await gateway.ask('GET', '/readyz', { key: '' })).body.redis !== 'away')
  })
  afterAll(() => gateway.close())

  const post = (path: string, body: unknown, headers: Record<string, string> = {}, client = 'all') =>
    gateway.ask('POST', path, { body, headers, key: gateway.keys[client] as string })
  const get = async (path: string) => (await gateway.ask('GET', path)).body
  const erase = (organization: number, operator: number, client?: string) =>
    post('/v1/audit:eraseName', { organization, operator }, {}, client)
  const imported = async (organization: number, ...names: string[]): Promise<string> => {
    const csv = `name\n${names.join('\n')}`
    const path = `/v1/organizations/${organization}/imports`
    const { headers } = await insist(
      () => post(path, csv, { 'Content-Type': 'text/csv' }),
      (answer) => answer.headers['retry-after'],
    )
    await ended(gateway, headers['location'] as string)
    return headers['location'] as string
  }
  const idOf = (organization: number, name: string) =>
    gateway.simulator.operators(organization).find((one) => one.name === name)?.id as number

  it('replaces the name in audit, rows and stored answers, says what, and that ChatHub still has it', async () => {
    const path = await imported(24, 'Ben', 'Zoe Target', 'Cid')
    const again = await imported(24, 'zoe target')
    const key = { 'Idempotency-Key': 'once' }
    const body = { operators: [{ name: 'Zoe Target' }, { name: 'Dan' }] }
    await post('/v1/organizations/24/operators', body, key)
    const zoe = idOf(24, 'Zoe Target')
    await gateway.ask('PATCH', `/v1/organizations/24/operators/${zoe}`, { body: { status: 'inactive' } })
    const before = await get(`/v1/audit?operator=${zoe}`)
    expect(before.items).toHaveLength(2)

    const erased = await erase(24, zoe)
    expect([erased.status, erased.body]).toEqual([
      200,
      {
        organization: 24,
        operator: zoe,
        audit: 2,
        rows: 3,
        answers: 1,
        events: 2,
        running: [],
        chathub: 'kept',
      },
    ])
    const { items } = await get(`/v1/audit?operator=${zoe}`)
    expect(
      items.map(({ kind, operator }: { kind: string; operator: { name: string } }) => [kind, operator.name]),
    ).toEqual([
      ['nameErased', null],
      ['statusChanged', '[erased]'],
      ['added', '[erased]'],
    ])
    // Ids, order and everything else stay.
    expect(items.slice(1)).toEqual(
      before.items.map((item: object) => ({ ...item, operator: { id: zoe, name: '[erased]' } })),
    )
    for (const location of [path, again]) {
      const rows = await get(`${location}/rows`)
      expect(JSON.stringify(rows)).not.toMatch(/zoe/i)
      expect(JSON.stringify(rows)).toContain('[erased]')
      expect((await get(location)).state).toBe('done')
    }
    const answer = await post('/v1/organizations/24/operators', body, key)
    expect(answer.headers['idempotency-replayed']).toBe('true')
    expect(answer.body.results.map(({ name }: { name: string }) => name)).toEqual(['[erased]', 'Dan'])
    expect(JSON.stringify(await dump())).not.toMatch(/zoe target/i)
    expect((await erase(24, zoe)).body).toMatchObject({ audit: 0, rows: 0, answers: 0, events: 0 })
  })

  it('leaves the equal name of another operator that has an id of its own', async () => {
    await imported(25, 'Zoe Target')
    const theirs = idOf(6, 'Zoe Target')
    await gateway.ask('PATCH', `/v1/organizations/6/operators/${theirs}`, { body: { status: 'inactive' } })
    await erase(25, idOf(25, 'Zoe Target'))
    expect((await get(`/v1/audit?operator=${theirs}`)).items[0].operator.name).toBe('Zoe Target')
  })

  it('says when ChatHub has the operator no more, and when it cannot be asked', async () => {
    await imported(26, 'Ben')
    const ben = idOf(26, 'Ben')
    gateway.simulator.setOperators(26, [{ name: 'Ada' }])
    expect((await erase(26, ben)).body).toMatchObject({ audit: 1, rows: 1, chathub: 'absent' })
    gateway.simulator.fault({ mode: 'status', status: 403, route: 'list', organization: 26 })
    expect((await erase(26, ben)).body.chathub).toBe('unknown')
    gateway.simulator.clearFaults()
  })

  it('names operations that still run, and erases once they have ended', async () => {
    const held = gateway.simulator.hold('synchronize', 27)
    const csv = { 'Content-Type': 'text/csv' }
    const { headers, body } = await post('/v1/organizations/27/imports', 'name\nAda\nBen', csv)
    await held.arrived
    const ada = idOf(27, 'Ada')
    expect((await erase(27, ada)).body).toMatchObject({ rows: 0, running: [body.id] })
    held.release()
    await ended(gateway, headers['location'] as string)
    expect((await erase(27, ada)).body).toMatchObject({ rows: 1, running: [] })
  })

  it('makes a row of it neither retried nor undone', async () => {
    const path = await imported(28, 'Eve', 'Fay')
    await erase(28, idOf(28, 'Eve'))
    const { headers } = await post(`${path}:undo`, {})
    await ended(gateway, headers['location'] as string)
    const { items } = await get(`${headers['location']}/rows`)
    expect(items.map(({ outcome, reason }: Record<string, string>) => [outcome, reason])).toEqual([
      ['rejected', 'undo.renamed'],
      ['changed', undefined],
    ])
  })

  it('needs admin; a foreign organization is as one that does not exist', async () => {
    expect((await erase(24, 1, 'reader')).status).toBe(403)
    for (const organization of [6, 777])
      expect([organization, (await erase(organization, 1, 'few')).body.code]).toEqual([
        organization,
        'organization.unknown',
      ])
    expect((await post('/v1/audit:eraseName', { organization: 24 })).status).toBe(422)
  })
}

/** What Redis holds as text, lists aside: these come from ChatHub. */
let dump: () => Promise<unknown> = async () => ''

describe('erasing a name in one process', () => {
  suite(() => ({}))
})

describeWithRedis('erasing a name in Redis', () => {
  let shared: TestDatabase
  beforeAll(async () => {
    shared = await openRedis()
    dump = async () => {
      const client = shared.client()
      const found: unknown[] = []
      for (const key of await client.keys(`${shared.prefix}*`)) {
        const type = await client.type(key)
        if (key.includes(':list:') || key.includes('list:{')) continue
        if (type === 'string') found.push(await client.get(key))
        const inflate = (bytes: Buffer) => inflateRawSync(bytes).toString()
        if (key.includes('events:{')) {
          if (type === 'hash') found.push(await client.hgetall(key))
          continue
        }
        if (type === 'stream') {
          const entries = (await client.xrangeBuffer(key, '-', '+')) as [Buffer, Buffer[]][]
          found.push(entries.map(([, [, bytes]]) => inflate(bytes as Buffer)))
        }
        if (type === 'hash' && key.endsWith(':rows'))
          found.push(Object.values(await client.hgetallBuffer(key)).map(inflate))
      }
      return found
    }
  })
  afterAll(() => shared.stop())
  suite(() => ({ REDIS_URL: shared.url, REDIS_PREFIX: shared.prefix }))
})
