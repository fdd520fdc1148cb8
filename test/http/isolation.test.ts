import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { startGateway, type TestGateway } from '../support/gateway.ts'

let gateway: TestGateway
beforeAll(async () => {
  gateway = await startGateway({ clients: [{ id: 'few', organizations: [24] }] })
  await ask('GET', '/v1/operators', undefined, 'all')
})
afterAll(() => gateway.close())

const ask = (method: string, path: string, body?: unknown, client = 'few') =>
  gateway.ask(method, path, { key: gateway.keys[client] as string, ...(body !== undefined && { body }) })

describe('an answer about several organizations', () => {
  it('contains nothing of foreign organizations', async () => {
    for (const path of [
      '/v1/organizations',
      '/v1/operators',
      '/v1/statistics',
      '/api/company/organization',
      '/v1/operators?q=о',
    ]) {
      const { status, text } = await ask('GET', path)
      expect([path, status]).toEqual([path, 200])
      expect(text).not.toMatch(/Sales|Back Office|Олена|"id":6\b|"id":42\b/)
    }
  })

  it('is made for each caller separately, also directly after another caller', async () => {
    const all = await ask('GET', '/v1/organizations', undefined, 'all')
    const few = await ask('GET', '/v1/organizations')
    expect([all.body.total, few.body.total]).toEqual([3, 1])
    expect(few.headers['etag']).not.toBe(all.headers['etag'])
    const { status } = await gateway.ask('GET', '/v1/organizations', {
      key: gateway.keys['few'] as string,
      headers: { 'If-None-Match': all.headers['etag'] as string },
    })
    expect(status).toBe(200)
  })
})
