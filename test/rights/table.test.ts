import type { Socket } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { endpoints } from '../../src/contract/endpoints.ts'
import { createOpenApi } from '../../src/contract/openapi.ts'
import type { OpenApi } from '../fuzz/document.ts'
import { startGateway, type TestGateway } from '../support/gateway.ts'
import { createCompany } from './company.ts'
import { createConnection, duplexPair } from './connection.ts'
import { type Result, runTable, scopeSetsOf } from './table.ts'
import { openWorld } from './world.ts'

describe('every endpoint of the OpenAPI document, for every kind of credential and every scope', () => {
  let gateway: TestGateway
  let result: Result
  beforeAll(async () => {
    const described = createOpenApi(Object.values(endpoints), '0') as unknown as OpenApi
    const company = await createCompany(scopeSetsOf(described))
    gateway = await startGateway({ env: { ...company.env, LOG_LEVEL: 'silent' } })
    company.seed(gateway.simulator)
    const connection = createConnection(() => {
      const [near, far] = duplexPair()
      gateway.gateway.server.emit('connection', far as Socket)
      return near
    })
    const world = await openWorld(connection, company)
    const { text } = await connection.ask({ method: 'GET', path: '/openapi.json', headers: {} })
    const document = JSON.parse(text) as OpenApi
    result = await runTable({
      document,
      world,
      connection,
      simulator: gateway.simulator,
      extent: 'short',
    })
    connection.close()
    await company.close()
  })
  afterAll(() => gateway.close())

  it('has a row', () => {
    expect(result.missing).toEqual([])
    for (const what of ['401', '403', 'foreign and unknown', 'own'])
      expect([what, (result.counts[what] ?? 0) > 100]).toEqual([what, true])
  })

  it('refuses who has no right, tells foreign and unknown alike, and sends nothing to ChatHub for them', () => {
    expect(result.differences).toEqual([])
  })

  it('serves the caller’s own, and answers it in another way than a foreign one', () => {
    expect(result.withoutSuccess).toEqual([])
    expect(result.blind).toEqual([])
  })
})
