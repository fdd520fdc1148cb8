import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import type { AuditRecord } from '../../src/contract/audit.ts'
import { startGateway, type TestGateway } from '../support/gateway.ts'
import { describeWithRedis } from '../support/needs.ts'
import { openRedis, type TestDatabase } from '../support/redis.ts'
import { until } from '../support/until.ts'
import { asPage, openSession, sessionEnv } from './browser-session.ts'

/** The records of a query, newest first, over all its pages. */
const recordsOf = async (gateway: TestGateway, query = '', key = gateway.key): Promise<AuditRecord[]> => {
  const records: AuditRecord[] = []
  for (let next: string | null = ''; next !== null; ) {
    const answer = await gateway.ask('GET', `/v1/audit?${query}${next && `&cursor=${next}`}`, { key })
    expect(answer.status).toBe(200)
    records.push(...answer.body.items)
    next = answer.body.nextCursor
  }
  return records
}

const suite = (env: () => Record<string, string>): void => {
  let gateway: TestGateway
  beforeAll(async () => {
    gateway = await startGateway({
      env: { ...sessionEnv, CHATHUB_BATCH_SIZE: '3', WRITE_SETTLE_SECONDS: '1', ...env() },
      clients: [
        { id: 'few', organizations: [24], scopes: ['audit:read', 'operators:write'] },
        { id: 'none', organizations: [24], scopes: ['operators:read'] },
      ],
      simulator: {
        organizations: [24, 6, 7].map((id) => ({ id, name: `Organization ${id}`, operators: [] })),
      },
    })
    await until(async () => (await gateway.ask('GET', '/readyz', { key: '' })).body.redis !== 'away')
  })
  afterAll(() => gateway.close())

  const ask = (method: string, path: string, body?: unknown, key = gateway.key) =>
    gateway.ask(method, path, { key, ...(body !== undefined && { body }) })
  const add = async (organization: number, ...names: string[]) => {
    const operators = names.map((name) => ({ name }))
    const answer = await ask('POST', `/v1/organizations/${organization}/operators`, { operators })
    // An operation that goes on: its rows are awaited, not its later look for duplicates.
    const { location } = answer.headers
    if (location) await until(async () => (await ask('GET', location)).body.pending === 0)
    return answer.body.results as { id: number; outcome: string }[]
  }

  it('takes the times of RFC 3339, also where the + of an offset is not encoded', async () => {
    const [bob] = await add(24, 'Bob')
    const found = async (time: string) =>
      (await recordsOf(gateway, `operator=${bob?.id}&from=${time}`)).map(({ kind }) => kind)
    for (const offset of ['Z', '+00:00', '%2B00:00', '-00:00', '+14:00'])
      expect([offset, await found(`2020-01-01T00:00:00${offset}`)]).toEqual([offset, ['added']])
    expect((await ask('GET', '/v1/audit?from=2020-01-01 00:00:00')).status).toBe(400)
  })

  it('has who changed what, from what to what, by which key, request and operation', async () => {
    const before = Date.now()
    const [anna] = await add(24, 'Anna')
    const headers = { 'X-Request-Id': 'request-of-mine' }
    const path = `/v1/organizations/24/operators/${anna?.id}`
    await gateway.ask('PATCH', path, { body: { status: 'inactive' }, headers })
    const [changed, added] = await recordsOf(gateway, `operator=${anna?.id}`)
    expect(changed).toMatchObject({
      organization: 24,
      kind: 'statusChanged',
      operator: { id: anna?.id, name: 'Anna' },
      from: 'active',
      to: 'inactive',
      outcome: 'applied',
      reason: null,
      client: 'all',
      subject: null,
      requestId: 'request-of-mine',
    })
    expect(added).toMatchObject({ kind: 'added', from: null, to: 'active', operator: { name: 'Anna' } })
    expect(added?.operation).toMatch(/^24-/)
    const at = Date.parse(added?.at as string)
    expect([at >= before, at <= Date.now()]).toEqual([true, true])
  })

  it('has nothing for what changed nothing: skipped names, equal statuses, previews', async () => {
    const [anna] = await add(24, 'Nothing')
    const before = await recordsOf(gateway)
    await add(24, 'Nothing')
    await ask('PATCH', `/v1/organizations/24/operators/${anna?.id}`, { status: 'active' })
    const body = { operators: [{ name: 'Preview' }], dryRun: true }
    await ask('POST', '/v1/organizations/24/operators', body)
    expect(await recordsOf(gateway)).toEqual(before)
  })

  it('has what ChatHub refused, as rejected', async () => {
    gateway.simulator.fault({ mode: 'status', status: 400, route: 'synchronize', times: 1 })
    await add(24, 'Refused')
    const [first] = await recordsOf(gateway, 'limit=1')
    expect(first).toMatchObject({
      kind: 'added',
      operator: { id: null, name: 'Refused' },
      outcome: 'rejected',
      reason: 'chathub.rejected',
    })
  })

  it('has tokens, sessions and purges; repeated purges of a client once a minute', async () => {
    const [anna] = await add(7, 'With a token')
    await ask('POST', `/v1/organizations/7/operators/${anna?.id}/tokens`, {})
    await openSession(gateway, { organizations: [7, 24], subject: 'Ms Petit' })
    for (let i = 0; i < 3; i++) await ask('POST', '/v1/cache:purge', { organization: 7 })
    await ask('POST', '/v1/cache:purge', {})
    const found = await recordsOf(gateway, 'organizations=7')
    expect(found.map(({ kind }) => kind)).toEqual(['cachePurged', 'sessionMinted', 'tokenIssued', 'added'])
    expect(found[1]).toMatchObject({ client: 'all', subject: 'Ms Petit', operator: null })
    expect((await recordsOf(gateway)).find(({ kind }) => kind === 'cachePurged')).toMatchObject({
      organization: null,
    })
  })

  it('has the person of a session beside its client, and finds both', async () => {
    const grant = { scopes: ['operators:write', 'operators:read'] as const, subject: 'Ms Petit' }
    const id = await openSession(gateway, { ...grant, scopes: [...grant.scopes], organizations: [24] })
    const body = { operators: [{ name: 'By a person' }] }
    expect((await gateway.ask('POST', '/v1/organizations/24/operators', asPage(id, {}, body))).status).toBe(
      201,
    )
    const [found] = await recordsOf(
      gateway,
      `subject=${encodeURIComponent('Ms Petit')}&organizations=24&limit=1`,
    )
    expect(found).toMatchObject({ kind: 'added', subject: 'Ms Petit' })
    expect(found?.client).toMatch(/^all\/[\w-]{8}$/)
    const byKey = await recordsOf(gateway, 'client=all&limit=1')
    expect(byKey.some(({ id: recordId }) => recordId === found?.id)).toBe(true)
    expect((await gateway.ask('GET', '/v1/session', asPage(id))).body.subject).toBe('Ms Petit')
  })

  it('pages without a gap or a repetition, over several organizations, also while records are added', async () => {
    for (let i = 0; i < 8; i++) await add(i % 2 ? 24 : 6, `Page ${i} a`, `Page ${i} b`, `Page ${i} c`)
    const all = (await recordsOf(gateway, 'limit=1000')).map(({ id }) => id)
    const seen: string[] = []
    let next = ''
    for (;;) {
      const { body } = await ask('GET', `/v1/audit?limit=5${next && `&cursor=${next}`}`)
      seen.push(...body.items.map(({ id }: AuditRecord) => id))
      if (body.nextCursor === null) break
      next = body.nextCursor
      await add(24, `Meanwhile ${seen.length}`)
    }
    expect(seen).toEqual(all)
    const times = (await recordsOf(gateway, 'limit=7')).map(({ at }) => at)
    expect(times).toEqual(times.toSorted().toReversed())
  })

  it('is filtered by operator, operation, organization and time', async () => {
    const all = await recordsOf(gateway)
    const one = all[4] as AuditRecord
    const having = (test: (record: AuditRecord) => boolean) => all.filter(test).map(({ id }) => id)
    const found = async (query: string) => (await recordsOf(gateway, query)).map(({ id }) => id)
    expect(await found(`operation=${one.operation}`)).toEqual(having((r) => r.operation === one.operation))
    expect(await found(`operator=${one.operator?.id}`)).toEqual(
      having((r) => r.operator?.id === one.operator?.id),
    )
    expect(await found('organizations=6')).toEqual(having((r) => r.organization === 6))
    const middle = (all[Math.floor(all.length / 2)] as AuditRecord).at
    const time = encodeURIComponent(middle)
    expect(await found(`from=${time}`)).toEqual(having(({ at }) => at >= middle))
    expect(await found(`to=${time}&limit=3`)).toEqual(having(({ at }) => at <= middle))
    expect(await found('to=0001-01-01T00:00:00Z')).toEqual([])
    expect(await found('from=9999-12-31T23:59:59Z')).toEqual([])
    expect(await found('from=0001-01-01T00:00:00%2B01:00')).toHaveLength(all.length)
  })

  it('shows a caller its organizations alone; a foreign one is as one that does not exist', async () => {
    const key = gateway.keys['few'] as string
    const mine = await recordsOf(gateway, '', key)
    expect(new Set(mine.map(({ organization }) => organization))).toEqual(new Set([24]))
    for (const id of [6, 777]) {
      const { status, body } = await ask('GET', `/v1/audit?organizations=${id}`, undefined, key)
      expect([status, body]).toEqual([200, { items: [], nextCursor: null }])
    }
    const [ofSix] = await recordsOf(gateway, 'organizations=6')
    expect(await recordsOf(gateway, `operation=${ofSix?.operation}`, key)).toEqual([])
    expect((await ask('GET', '/v1/audit', undefined, gateway.keys['none'])).status).toBe(403)
  })

  it('comes as NDJSON and as CSV that no spreadsheet takes for a formula, with the time of the data', async () => {
    await add(24, '=HYPERLINK("https://example.com")')
    const page = (await ask('GET', '/v1/audit?limit=2')).body.items
    const as = (Accept: string) => gateway.ask('GET', '/v1/audit?limit=2', { headers: { Accept } })
    const lines = await as('application/x-ndjson')
    expect(lines.headers['content-type']).toMatch(/^application\/x-ndjson/)
    const text = String(lines.text ?? lines.body)
    expect(
      text
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toEqual(page)
    const csv = await as('text/csv')
    expect(csv.headers['content-disposition']).toMatch(/filename="audit-\d{4}-\d\d-\d\dT\d{6}\.\d{3}Z\.csv"/)
    expect(csv.headers['link']).toMatch(/^<\/v1\/audit\?limit=2&cursor=[\d-]+>; rel="next"$/)
    expect(csv.text.split('\r\n')[1]).toContain(`"'=HYPERLINK(""https://example.com"")"`)
    const next = /<([^>]+)>/.exec(csv.headers['link'] as string)?.[1] as string
    expect((await ask('GET', next)).body.items[0].id).not.toBe(page[1].id)
  })

  it('refuses a cursor and times that are none', async () => {
    for (const query of ['cursor=x', 'from=yesterday', 'to=2026-01-01', 'limit=0', 'operator=a', 'unknown=1'])
      expect([query, (await ask('GET', `/v1/audit?${query}`)).status]).toEqual([query, 400])
  })

  it('gives the list again when the records of random writes are replayed', async () => {
    const kinds = fc.array(
      fc.record({
        what: fc.constantFrom('add', 'active', 'inactive', 'deleted', 'lost', 'refused'),
        who: fc.nat(11),
      }),
      { minLength: 10, maxLength: 25 },
    )
    const [steps] = fc.sample(kinds, 1) as [{ what: string; who: number }[]]
    process.stderr.write(`Writes: ${JSON.stringify(steps)}\n`)
    const list = async () => {
      const { body } = await ask('GET', '/v1/organizations/24/operators')
      return new Map((body.items as { id: number; status: string }[]).map(({ id, status }) => [id, status]))
    }
    let lost = 0
    for (const { what: chosen, who } of steps) {
      // Each costs the settling time.
      const what = chosen === 'lost' && ++lost > 2 ? 'add' : chosen
      const [operators, names] = [[...(await list())], [`Random ${who}`, `Random ${who + 1}`]]
      const [id] = operators[who % operators.length] as [number, string]
      if (what === 'lost') gateway.simulator.fault({ mode: 'drop-response', route: 'synchronize', times: 1 })
      if (what === 'refused')
        gateway.simulator.fault({ mode: 'status', status: 400, route: 'status', times: 1 })
      if (what === 'add' || what === 'lost') await add(24, ...names)
      else
        await ask('PATCH', `/v1/organizations/24/operators/${id}`, {
          status: what === 'refused' ? 'inactive' : what,
        })
      gateway.simulator.clearFaults()
    }
    const state = new Map<number, string>()
    for (const record of (await recordsOf(gateway, 'organizations=24')).toReversed()) {
      const { outcome, operator, from, to } = record
      if (outcome !== 'applied' || operator?.id == null || to === null) continue
      expect([record.id, from]).toEqual([record.id, state.get(operator.id) ?? null])
      state.set(operator.id, to)
    }
    expect(state).toEqual(await list())
  })
}

describe('the audit log of one process', () => {
  suite(() => ({}))
})

describeWithRedis('the audit log in Redis', () => {
  let database: TestDatabase
  beforeAll(async () => {
    database = await openRedis()
  })
  afterAll(() => database.stop())
  suite(() => ({ REDIS_URL: database.url, REDIS_PREFIX: database.prefix }))
})
