import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { startGateway, type TestGateway } from '../support/gateway.ts'

type Row = { id: number; name?: string; status?: string; statusCode?: number }

let gateway: TestGateway
beforeAll(async () => {
  gateway = await startGateway()
})
afterAll(() => gateway.close())

const get = (path: string, headers: Record<string, string> = {}) => gateway.ask('GET', path, { headers })
const list = async (organization: number, query = '') =>
  (await get(`/v1/organizations/${organization}/operators${query && `?${query}`}`)).body
const ids = async (organization: number, query = ''): Promise<number[]> =>
  (await list(organization, query)).items.map(({ id }: Row) => id)
const refresh = (organization: number) =>
  get(`/v1/organizations/${organization}/operators`, { 'Cache-Control': 'no-cache' })
const name = (text: string) => `name=${encodeURIComponent(text)}`
const q = (text: string) => `q=${encodeURIComponent(text)}`

describe('the operators of an organization', () => {
  it('are returned completely without a limit, deleted ones too, with names exactly as ChatHub gave them', async () => {
    for (const organization of gateway.simulator.organizations()) {
      const truth = gateway.simulator.operators(organization.id)
      expect(await list(organization.id)).toEqual({
        organization,
        items: truth.map((one) => ({
          id: one.id,
          name: one.name,
          status: ['active', 'inactive', 'deleted'][one.status],
        })),
        total: truth.length,
        nextCursor: null,
      })
    }
  })

  it('are filtered by one status or several', async () => {
    expect(await ids(6, 'status=active')).toEqual([1, 2, 3])
    expect(await ids(6, 'status=deleted')).toEqual([5])
    expect(await ids(6, 'status=inactive,deleted')).toEqual([4, 5])
    expect(await list(6, 'status=unknown')).toMatchObject({ items: [], total: 0 })
  })

  it('keep a status that ChatHub never documented', async () => {
    gateway.simulator.setOperators(24, [
      { id: 101, name: 'John Smith' },
      { id: 109, name: 'Nova', status: 7 },
    ])
    await refresh(24)
    expect((await list(24, 'status=unknown')).items).toEqual([
      { id: 109, name: 'Nova', status: 'unknown', statusCode: 7 },
    ])
    expect((await list(24, 'fields=status')).items[1]).toEqual({ id: 109, status: 'unknown', statusCode: 7 })
  })

  it('are found by name regardless of case, where accents matter', async () => {
    expect(await ids(6, name('олена   ШЕВЧЕНКО'))).toEqual([1, 5])
    expect(await ids(6, name('José Núñez'.normalize('NFD')))).toEqual([2])
    expect(await ids(6, name('Jose Nunez'))).toEqual([])
    expect(await ids(42, name('anna müller'))).toEqual([24])
    expect(await ids(42, name('王小明'))).toEqual([23])
    expect(await ids(6, `${name('Олена Шевченко')}&status=active`)).toEqual([1])
  })

  it('are searched for a part of the name, without accents', async () => {
    expect(await ids(6, q('nunez'))).toEqual([2])
    expect(await ids(42, q('ZOLC'))).toEqual([]) // ł has no form without its stroke
    expect(await ids(42, q('zoe angstrom'))).toEqual([22])
    expect(await ids(42, q('muller'))).toEqual([24])
    expect(await ids(6, q("o'n"))).toEqual([3])
    expect(await ids(42, q('=sum('))).toEqual([25])
    expect(await ids(6, `${q('олена')}&status=deleted`)).toEqual([5])
  })

  it('are sorted by several keys, in a total order', async () => {
    expect(await ids(6, 'sort=-id')).toEqual([5, 4, 3, 2, 1])
    expect(await ids(6, 'sort=name,-id')).toEqual([4, 2, 3, 5, 1])
    expect(await ids(6, 'sort=status,-name')).toEqual([1, 3, 2, 5, 4])
  })

  it('have only the fields that were asked for, and always the id', async () => {
    expect((await list(6, 'fields=name&limit=1')).items).toEqual([{ id: 1, name: 'Олена Шевченко' }])
    expect((await list(6, 'fields=id&limit=1')).items).toEqual([{ id: 1 }])
    expect((await list(6, 'fields=status,name&limit=1')).items).toEqual([
      { id: 1, name: 'Олена Шевченко', status: 'active' },
    ])
  })

  it('are returned in pages that together are the list, with the total of all', async () => {
    const whole = await list(42, 'sort=name')
    const seen: Row[] = []
    let query = 'sort=name&limit=2'
    for (let pages = 0; pages < 5; pages++) {
      const page = await list(42, query)
      expect(page.total).toBe(5)
      seen.push(...page.items)
      if (page.nextCursor === null) break
      query = `sort=name&limit=2&cursor=${page.nextCursor}`
    }
    expect(seen).toEqual(whole.items)
  })

  it('are paged correctly when the list changes between pages', async () => {
    for (const sort of ['', 'sort=id&']) {
      gateway.simulator.setOperators(
        24,
        [1, 2, 3, 4, 5, 6].map((id) => ({ id: 200 + id, name: `P ${id}` })),
      )
      await refresh(24)
      const { nextCursor } = await list(24, `${sort}limit=3`)
      // The last of the page goes and somebody comes: nobody is skipped, nobody seen twice.
      const rows = [201, 202, 204, 205, 206, 207].map((id) => ({ id, name: `P ${id - 200}` }))
      gateway.simulator.setOperators(24, rows)
      await refresh(24)
      expect(await ids(24, `${sort}limit=3&cursor=${nextCursor}`)).toEqual([204, 205, 206])
    }
  })

  it('continue after the last operator of a page although many were inserted before it', async () => {
    gateway.simulator.setOperators(
      24,
      [1, 2, 3, 4].map((id) => ({ id: 300 + id, name: `P ${id}` })),
    )
    await refresh(24)
    const { nextCursor } = await list(24, 'limit=2')
    gateway.simulator.setOperators(
      24,
      [9, 8, 7, 1, 2, 3, 4].map((id) => ({ id: 300 + id, name: `P ${id}` })),
    )
    await refresh(24)
    expect(await ids(24, `limit=2&cursor=${nextCursor}`)).toEqual([303, 304])
  })

  it('name every fault of a query at once', async () => {
    const { status, body } = await get(
      '/v1/organizations/0/operators?status=active,gone&sort=age&limit=0&fields=password&page=1',
    )
    expect([status, body.code]).toEqual([400, 'request.invalid'])
    for (const query of [
      'status=',
      'status=active,,deleted',
      'status=Active',
      'sort=',
      'sort=name;id',
      'limit=1001',
      'limit=-1',
      'limit=1.5',
      'limit=1e2',
      'limit=',
      'cursor=abc',
      'cursor=W10',
      'fields=',
      'cursor=',
      'name=a&name=b',
      'q=%E0%A4%A',
    ]) {
      const answer = await get(`/v1/organizations/24/operators?${query}`)
      expect([query, answer.status, answer.body.code, answer.body.errors?.length]).toEqual([
        query,
        400,
        'request.invalid',
        1,
      ])
    }
    const all = await get('/v1/organizations/24/operators?status=x&sort=x&limit=x&fields=x&page=1')
    expect(all.body.errors.map(({ pointer }: { pointer: string }) => pointer).toSorted()).toEqual([
      '/query/fields',
      '/query/limit',
      '/query/page',
      '/query/sort',
      '/query/status',
    ])
  })

  it('of one list cost ChatHub exactly one call, for all readers and all kinds of reads', async () => {
    gateway.simulator.clearArrivals()
    await gateway.ask('POST', '/v1/cache:purge', { body: { organization: 42 } })
    const paths = ['operators', 'operators?status=active', 'statistics', 'operators/21']
    const reads = Array.from({ length: 51 }, (_, turn) => get(`/v1/organizations/42/${paths[turn % 4]}`))
    for (const { status } of await Promise.all(reads)) expect(status).toBe(200)
    await get('/api/operator?organizationId=42')
    const lists = gateway.simulator.arrivals().filter(({ route }) => route === 'list')
    expect(lists.map(({ organization }) => organization)).toEqual([42])
  })
})

describe('the operators as a file', () => {
  const file = (path: string, type: string, headers: Record<string, string> = {}) =>
    get(path, { Accept: type, ...headers })

  it('are CSV or NDJSON by Accept, with the time of the data in the file name, and JSON otherwise', async () => {
    const path = '/v1/organizations/24/operators'
    const json = await get(path)
    const csv = await file(path, 'text/csv')
    expect(csv.headers['content-type']).toBe('text/csv; charset=utf-8')
    expect(csv.headers['content-disposition']).toMatch(
      /^attachment; filename="operators-24-\d{4}-\d\d-\d\dT\d{6}\.\d{3}Z\.csv"$/,
    )
    expect(csv.headers['cache-status']).toContain('hit')
    expect(csv.text.startsWith('\uFEFFid,name,status,statusCode\r\n')).toBe(true)
    const lines = csv.text.trimEnd().split('\r\n').slice(1)
    expect(lines).toHaveLength(json.body.total)
    const ndjson = await file(path, 'application/x-ndjson')
    const rows = ndjson.text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(rows).toEqual(json.body.items)
    // The list in memory is still served as JSON, also to browsers.
    for (const accept of ['*/*', 'application/json', 'text/html,application/xhtml+xml,*/*;q=0.8'])
      expect((await get(path, { Accept: accept })).body).toEqual(json.body)
    expect((await get(path, { Accept: 'text/csv;q=0.1, application/json' })).body).toEqual(json.body)
  })

  it('have the columns of `fields`, follow filter and order, and name the next page', async () => {
    const csv = await file('/v1/organizations/24/operators?fields=status&limit=1&sort=-id', 'text/csv')
    const [head, row, end] = csv.text.split('\r\n')
    const first = (await list(24, 'limit=1&sort=-id')).items[0]
    expect([head, row, end]).toEqual(['\uFEFFid,status', `${first.id},${first.status}`, ''])
    const next = /^<(.+)>; rel="next"$/.exec(csv.headers['link'] ?? '')?.[1] as string
    const second = await file(next, 'text/csv')
    expect(second.text.split('\r\n')[1]).toBe(
      `${(await list(24, 'limit=2&sort=-id')).items[1].id},${(await list(24, 'limit=2&sort=-id')).items[1].status}`,
    )
    expect((await file('/v1/organizations/24/operators', 'text/csv')).headers['link']).toBeUndefined()
  })

  it('hold no formula', async () => {
    await gateway.ask('POST', '/v1/organizations/6/operators', {
      body: { operators: [{ name: '=HYPERLINK("x")' }] },
    })
    const csv = await file('/v1/organizations/6/operators?q=hyperlink', 'text/csv')
    expect(csv.text.split('\r\n')[1]).toMatch(/^\d+,"'=HYPERLINK\(""x""\)",active,$/)
  })

  it('are not sent again when they have not changed', async () => {
    const path = '/v1/organizations/24/operators'
    const { etag = '' } = (await file(path, 'text/csv')).headers
    expect((await file(path, 'text/csv', { 'If-None-Match': etag })).status).toBe(304)
    expect((await get(path)).headers['etag']).not.toBe(etag)
  })

  it('of all organizations name the organization of each', async () => {
    const { body } = await get('/v1/operators')
    const csv = await file('/v1/operators', 'text/csv')
    expect(csv.text.split('\r\n')[0]).toBe('\uFEFForganization,organizationName,id,name,status,statusCode')
    expect(csv.text.trimEnd().split('\r\n')).toHaveLength(body.total + 1)
    expect(csv.headers['content-disposition']).toMatch(/filename="operators-\d{4}-/)
    expect(csv.headers['unavailable-organizations']).toBeUndefined()
  })

  it('of some organizations say which are missing, in the file name too', async () => {
    const partial = await startGateway({ env: { READ_DEADLINE_MS: '5000' } })
    partial.simulator.fault({ route: 'list', organization: 6, mode: 'status', status: 403 } as never)
    const headers = { Accept: 'application/x-ndjson' }
    const { headers: got, text } = await partial.ask('GET', '/v1/operators', { headers })
    expect(got['content-disposition']).toContain('operators-partial-')
    expect(got['unavailable-organizations']).toBe('6')
    expect(text).not.toContain('"organization":{"id":6,')
    await partial.close()
  })

  it('are refused in another media type', async () => {
    expect((await file('/v1/organizations/24/operators', 'application/pdf')).body.code).toBe(
      'request.not-acceptable',
    )
  })
})

it('the next page of a table is of the same query, also where that has a question mark', async () => {
  for (const who of ['What? One', 'What? Two']) gateway.simulator.addOperator(42, who)
  await refresh(42)
  const first = await get('/v1/organizations/42/operators?q=what?&limit=1', { Accept: 'text/csv' })
  const next = /^<(.*)>; rel="next"$/.exec(first.headers['link'] ?? '')?.[1] ?? ''
  expect(new URL(next, gateway.url).searchParams.get('q')).toBe('what?')
  const { text, headers } = await get(next, { Accept: 'text/csv' })
  expect([text.split('\n').filter((line) => line.includes('What?')).length, headers['link']]).toEqual([
    1,
    undefined,
  ])
})
