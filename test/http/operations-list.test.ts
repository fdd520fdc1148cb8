import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type { Scope } from '../../src/contract/scopes.ts'
import { ended, type Operation } from '../failure/writes.ts'
import { startGateway, type TestGateway } from '../support/gateway.ts'
import { describeWithRedis } from '../support/needs.ts'
import { openRedis, type TestDatabase } from '../support/redis.ts'
import { until } from '../support/until.ts'
import { asPage, openSession, sessionEnv } from './browser-session.ts'

const suite = (env: () => Record<string, string>): void => {
  let gateway: TestGateway
  const made: string[] = []
  beforeAll(async () => {
    const scopes: Scope[] = ['operators:write', 'operators:import', 'sessions:mint']
    gateway = await startGateway({
      env: { ...sessionEnv, ...env() },
      clients: [
        { id: 'crm', scopes },
        { id: 'other', scopes },
        { id: 'admin', scopes: ['admin'], organizations: [24] },
      ],
      simulator: { organizations: [24, 6].map((id) => ({ id, name: `Organization ${id}`, operators: [] })) },
    })
    await until(async () => (await gateway.ask('GET', '/readyz', { key: '' })).body.redis !== 'away')
    for (let i = 0; i < 7; i++) made.push(await imported(i % 2 ? 6 : 24, `Row ${i}`))
  })
  afterAll(() => gateway.close())

  const as = (client: string) => ({ key: gateway.keys[client] as string })
  const imported = async (organization: number, name: string, ask: object = as('crm')): Promise<string> => {
    const given = ask as { headers?: Record<string, string> }
    const headers = { ...given.headers, 'Content-Type': 'text/csv' }
    const path = `/v1/organizations/${organization}/imports`
    const answer = await gateway.ask('POST', path, { ...ask, headers, body: `name\n${name}` })
    await ended({ ...gateway, ...as('all') }, answer.headers['location'] as string)
    return answer.body.id
  }
  const listed = async (query = '', ask: object = as('crm')): Promise<string[]> => {
    const { status, body } = await gateway.ask('GET', `/v1/operations?${query}`, ask)
    expect(status).toBe(200)
    return body.items.map(({ id }: Operation) => id)
  }
  const newest = () => made.toReversed()

  it('are those of the caller, newest first, filtered', async () => {
    expect(await listed()).toEqual(newest())
    expect(await listed('', as('other'))).toEqual([])
    expect(await listed('organization=6&kind=import,add&state=done')).toEqual(
      newest().filter((id) => id.startsWith('6-')),
    )
    expect(await listed('state=running,queued')).toEqual([])
    expect(await listed('kind=undo')).toEqual([])
    expect((await gateway.ask('GET', '/v1/operations?kind=x', as('crm'))).status).toBe(400)
  })

  it('come in pages without a gap', async () => {
    const seen: string[] = []
    for (let cursor = ''; ; ) {
      const path = `/v1/operations?limit=3${cursor && `&cursor=${encodeURIComponent(cursor)}`}`
      const { body } = await gateway.ask('GET', path, as('crm'))
      seen.push(...body.items.map(({ id }: Operation) => id))
      if (body.nextCursor === null) break
      cursor = body.nextCursor
    }
    expect(seen).toEqual(newest())
  })

  it('are for admin those of all callers, within its organizations', async () => {
    const theirs = await imported(24, 'Another', as('other'))
    expect(await listed('', as('admin'))).toEqual([theirs, ...newest().filter((id) => id.startsWith('24-'))])
    for (const organization of [6, 777])
      expect(await listed(`organization=${organization}`, as('admin'))).toEqual([])
  })

  it('are for a session those of its person', async () => {
    const open = async (subject?: string) => {
      const grant = {
        organizations: [24],
        scopes: ['operators:import' as const],
        ...(subject && { subject }),
      }
      return asPage(await openSession(gateway, grant, gateway.keys['crm']))
    }
    const mine = await imported(24, 'Of a person', await open('Ms Petit'))
    expect(await listed('', await open('Ms Petit'))).toEqual([mine])
    for (const subject of ['Mr Noir', undefined]) expect(await listed('', await open(subject))).toEqual([])
    expect(await listed('', as('crm'))).not.toContain(mine)
  })
}

describe('the operations of one process', () => {
  suite(() => ({}))
})

describeWithRedis('the operations in Redis', () => {
  let database: TestDatabase
  beforeAll(async () => {
    database = await openRedis()
  })
  afterAll(() => database.stop())
  suite(() => ({ REDIS_URL: database.url, REDIS_PREFIX: database.prefix }))
})
