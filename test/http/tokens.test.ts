import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { startGateway, type TestGateway } from '../support/gateway.ts'
import { seen } from './seen.ts'

let gateway: TestGateway
beforeAll(async () => {
  gateway = await startGateway({ clients: [{ id: 'few', organizations: [24] }] })
})
afterAll(() => gateway.close())
beforeEach(() => gateway.simulator.clearArrivals())

const mint = (organization: number, id: number, body: unknown = {}, client = 'all') =>
  gateway.ask('POST', `/v1/organizations/${organization}/operators/${id}/tokens`, {
    key: gateway.keys[client] as string,
    body,
  })
const validate = (body: unknown) => gateway.ask('POST', '/v1/tokens:validate', { body })
const asked = () => gateway.simulator.arrivals().filter(({ route }) => route === 'operator-token')
/** ChatHub names whole seconds. */
const expectBetween = (at: number, before: number, after = Date.now()) => {
  expect(at).toBeGreaterThan(before - 1000)
  expect(at).toBeLessThanOrEqual(after)
}

describe('operator tokens', () => {
  it('are those of ChatHub with their expiry, and the answer may not be stored', async () => {
    const before = Date.now()
    const { status, body, headers } = await mint(24, 102, { expiresIn: 3600 })
    expect(status).toBe(201)
    expect(gateway.simulator.issuedTokens()).toContain(body.token)
    expectBetween(Date.parse(body.expiresAt) - 3_600_000, before)
    expect(headers['cache-control']).toBe('no-store')
    expect(headers).not.toHaveProperty('etag')
  })

  it('are valid for a day less a minute by default', async () => {
    const before = Date.now()
    const { body } = await mint(24, 101)
    expectBetween(Date.parse(body.expiresAt) - 86_340_000, before)
  })

  it('are new each time', async () => {
    const [one, two] = [await mint(24, 101), await mint(24, 101)]
    expect(one.body.token).not.toBe(two.body.token)
  })

  it('are not issued for longer than a day less a minute, nor for an invalid duration', async () => {
    for (const expiresIn of [86_341, 0, -1, 59, 1.5, '3600', null]) {
      const { status, body } = await mint(24, 101, { expiresIn })
      expect([expiresIn, status, body.errors[0].pointer]).toEqual([expiresIn, 422, '/expiresIn'])
    }
    expect(asked()).toEqual([])
    expect((await mint(24, 101, { expiresIn: 86_340 })).status).toBe(201)
  })

  it('are issued to active operators only, although ChatHub would issue them for any operator', async () => {
    const { status, body } = await mint(24, 103)
    expect([status, body.code]).toEqual([409, 'operator.not-active'])
    expect((await mint(6, 5)).status).toBe(409)
    expect(asked()).toEqual([])
  })

  it('of operators of another organization are not requested', async () => {
    for (const [organization, id, client, code] of [
      [24, 1, 'all', 'operator.unknown'],
      [24, 999, 'few', 'operator.unknown'],
      [6, 1, 'few', 'organization.unknown'],
      [777, 1, 'few', 'organization.unknown'],
    ] as const) {
      const { status, body } = await mint(organization, id, {}, client)
      expect([organization, id, status, body.code]).toEqual([organization, id, 404, code])
    }
    expect(asked()).toEqual([])
  })

  it('are validated by ChatHub', async () => {
    const { token, expiresAt } = (await mint(24, 102, { expiresIn: 600 })).body
    const { body, headers } = await validate({ token })
    expect(body).toEqual({ valid: true, operatorId: 102, expiresAt, error: null })
    expect(headers['cache-control']).toBe('no-store')
    gateway.simulator.revokeToken(token)
    expect((await validate({ token })).body).toMatchObject({
      valid: false,
      operatorId: null,
      expiresAt: null,
    })
  })

  it('of an operator of another organization answer like unknown ones, after the same calls', async () => {
    const expired = (await mint(24, 101)).body.token
    gateway.simulator.revokeToken(expired)
    const foreign = (await mint(6, 2)).body.token
    const own = (await mint(24, 101)).body.token
    const asFew = async (path: string, token: string) => {
      gateway.simulator.clearArrivals()
      const answer = await gateway.ask('POST', path, { key: gateway.keys['few'] as string, body: { token } })
      return { ...seen(answer), calls: gateway.simulator.arrivals().map(({ route }) => route) }
    }
    for (const path of ['/v1/tokens:validate', '/api/operator/validate-token']) {
      // Lists are loaded for an unknown token too, so that the calls tell nothing.
      await gateway.ask('POST', '/v1/cache:purge', { body: {} })
      const first = await asFew(path, 'op_unknown')
      expect(first.calls).toEqual(expect.arrayContaining(['validate', 'list']))
      const unknown = await asFew(path, 'op_unknown')
      expect(unknown.calls).toEqual(['validate'])
      for (const token of [foreign, expired, 'op_nothing']) expect(await asFew(path, token)).toEqual(unknown)
      await gateway.ask('POST', '/v1/cache:purge', { body: {} })
      expect((await asFew(path, foreign)).calls.toSorted()).toEqual(first.calls.toSorted())
      expect(unknown.text).not.toMatch(/"operatorId":\d/)
      expect((await asFew(path, own)).text).toContain('"operatorId":101')
      const forAll = await gateway.ask('POST', path, { body: { token: foreign } })
      expect(forAll.body.operatorId).toBe(2)
    }
  })

  it('cannot be validated while a list of the caller is missing, whether they are foreign, own or unknown', async () => {
    const tokens = [(await mint(6, 2)).body.token, (await mint(24, 101)).body.token, 'op_unknown']
    await gateway.ask('POST', '/v1/cache:purge', { body: {} })
    gateway.simulator.fault({ mode: 'status', status: 503, route: 'list' })
    for (const token of tokens) {
      const key = gateway.keys['few'] as string
      const { status, body } = await gateway.ask('POST', '/v1/tokens:validate', { key, body: { token } })
      expect([status, body.code]).toEqual([503, 'chathub.unavailable'])
    }
    gateway.simulator.clearFaults()
  })

  it('that are malformed are not valid, with a reason that does not repeat ChatHub’s text', async () => {
    const { body } = await validate({ token: 'op_nothing' })
    expect(body).toMatchObject({ valid: false, error: expect.any(String) })
    expect(body.error).not.toContain('Invalid or expired token')
    for (const wrong of [{}, { token: '' }, { token: 5 }, { token: 'a'.repeat(8193) }, { token: 'a', id: 1 }])
      expect((await validate(wrong)).status).toBe(422)
  })

  it('are not returned when ChatHub’s answer is not a token', async () => {
    for (const answer of ['<html>sorry</html>', '{"message":"later"}', '', '""', '"a b"']) {
      gateway.simulator.fault({ mode: 'raw', route: 'operator-token', body: answer, times: 1 })
      const { status, body } = await mint(24, 101)
      expect([answer, status, body.code]).toEqual([answer, 502, 'chathub.invalid-response'])
    }
  })
})
