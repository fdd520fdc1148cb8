import { describe, expect, it } from '@jest/globals'
import { ask, companyToken, listOf24, toAdd, withSimulator } from './ask.ts'

const inHours = (hours: number) => new Date(Date.now() + hours * 3_600_000).toISOString()

describe('the company token', () => {
  const json = { login: 'demo', password: 'demo-password' }
  const logIn = (url: string, body: unknown = json) =>
    ask(url, 'POST', '/api/company/get-token', { token: '', json: body })

  it.each(['string', 'text', 'object'] as const)('comes as %s and is accepted', (tokenShape) =>
    withSimulator({ tokenShape }, async (simulator, url) => {
      const { body } = await logIn(url)
      const [token] = simulator.issuedTokens()
      expect(token).toMatch(/^ct_[\w-]{43}$/)
      if (tokenShape === 'text') expect(body).toBe(token)
      if (tokenShape === 'string') expect(JSON.parse(body)).toBe(token)
      if (tokenShape === 'object') {
        expect(JSON.parse(body)).toEqual({ token, expiration: expect.stringMatching(/Z$/) })
      }
      expect((await ask(url, 'GET', listOf24, { token: token! })).status).toBe(200)
    }),
  )

  it('is refused for a wrong password, and for logins less than a second apart', () =>
    withSimulator({ monotonic: () => 0 }, async (_simulator, url) => {
      expect((await logIn(url, { login: 'demo', password: 'wrong' })).status).toBe(401)
      expect(await logIn(url)).toMatchObject({ status: 429 })
    }))

  it('is accepted in both headers, but not if it is wrong, revoked or expired', async () => {
    let now = Date.now()
    await withSimulator({ companyTokenMs: 5000, now: () => now }, async (simulator, url) => {
      const headers = { 'x-authorization-key': companyToken }
      expect((await ask(url, 'GET', listOf24, { token: '', headers })).status).toBe(200)
      const refused = await ask(url, 'GET', listOf24, { token: 'ct_wrong' })
      expect(refused.status).toBe(401)
      expect(JSON.parse(refused.body)).toMatchObject({ status: 401, title: 'Unauthorized' })
      expect((await ask(url, 'GET', listOf24, { token: '' })).status).toBe(401)

      await logIn(url)
      const token = simulator.issuedTokens()[0]!
      expect((await ask(url, 'GET', listOf24, { token })).status).toBe(200)
      now += 5001
      expect((await ask(url, 'GET', listOf24, { token })).status).toBe(401)

      simulator.revokeToken()
      expect((await ask(url, 'GET', listOf24)).status).toBe(401)
      simulator.acceptToken('ct_new')
      expect((await ask(url, 'GET', listOf24, { token: 'ct_new' })).status).toBe(200)
    })
  })
})

describe('operator tokens', () => {
  const issue = (url: string, json: unknown) => ask(url, 'POST', '/api/operator/get-token', { json })
  const validate = async (url: string, token: string) =>
    JSON.parse((await ask(url, 'POST', '/api/operator/validate-token', { json: { token } })).body)

  it('are issued for at most 24 hours, to existing operators', () =>
    withSimulator({}, async (simulator, url) => {
      const { status, body } = await issue(url, { id: 101, expiresAt: inHours(23) })
      expect(status).toBe(200)
      expect(JSON.parse(body)).toMatch(/^op_[\w-]{43}$/)
      expect(simulator.issuedTokens()).toEqual([JSON.parse(body)])
      expect((await issue(url, { id: 101, expiresAt: inHours(24.1) })).status).toBe(400)
      expect((await issue(url, { id: 101, expiresAt: inHours(-1) })).status).toBe(400)
      expect((await issue(url, { id: 101, expiresAt: 'tomorrow' })).status).toBe(400)
      expect((await issue(url, { id: 999, expiresAt: inHours(1) })).status).toBe(404)
    }))

  it('are validated with 200, valid or not', () =>
    withSimulator({}, async (simulator, url) => {
      const expiresAt = inHours(2)
      const token = JSON.parse((await issue(url, { id: 101, expiresAt })).body) as string
      expect(await validate(url, token)).toEqual({ isValid: true, operatorId: 101, clientId: 1, expiresAt })
      expect(await validate(url, 'op_none')).toEqual({ isValid: false, error: expect.any(String) })
      simulator.revokeToken(token)
      expect(await validate(url, token)).toMatchObject({ isValid: false })
    }))

  it('read their own list only', () =>
    withSimulator({}, async (_simulator, url) => {
      const { body } = await issue(url, { id: 101, expiresAt: inHours(2) })
      const token = JSON.parse(body) as string
      expect((await ask(url, 'GET', '/api/operator', { token })).status).toBe(200)
      expect((await ask(url, 'GET', '/api/operator?organizationId=6', { token })).status).toBe(403)
      expect((await ask(url, 'POST', '/api/operator/synchronize', { token, ...toAdd('A') })).status).toBe(403)
    }))
})
