import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { startGateway, type TestGateway } from '../support/gateway.ts'
import { newSeed } from '../support/long.ts'
import { fuzz, reportOf } from './fuzz.ts'
import { companyToken, createTarget } from './target.ts'

// The long form is `npm run fuzz`.
const cases = 1000

const target = createTarget()
let gateway: TestGateway
beforeAll(async () => {
  const simulator = { companyToken, password: target.password }
  gateway = await startGateway({ env: target.env, simulator })
})
afterAll(() => gateway.close())

describe('a request that is generated from the OpenAPI document', () => {
  it(`is answered as the document says, with no 5xx and no secret (${cases} requests)`, async () => {
    const seed = newSeed('generated requests')
    const { url } = gateway
    const { secrets, known } = target
    const credentials = () => target.credentials(url)
    const result = await fuzz({ url, credentials, known, secrets, seed, cases, workers: 8 })
    expect(result.found.length > 0 ? reportOf(result) : '').toBe('')
    // A generator that is refused at the first step tests nothing.
    const { statuses, never, operations } = result
    for (const status of [200, 201, 400, 401, 403, 404, 405, 415, 422])
      expect([status, statuses[status] ?? 0]).not.toEqual([status, 0])
    expect([never, never.length < operations / 4]).toEqual([never, true])
    expect(gateway.logged()).not.toContain('internal error')
  })
})
