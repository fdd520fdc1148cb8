import { describe, expect, it } from '@jest/globals'
import { authorize, hasScope, mayTouch } from '../../src/access/authorize.ts'
import { type Caller, createSystemCaller } from '../../src/access/caller.ts'
import { includes, scopes } from '../../src/contract/scopes.ts'

const caller = (organizations: Caller['organizations'] = new Set([24])): Caller => ({
  id: 'crm',
  kind: 'key',
  scopes: new Set(['operators:read']),
  organizations,
  requestsPerMinute: 60,
  expiresAt: undefined,
})
const refusal = (...[who, right]: Parameters<typeof authorize>): unknown => {
  try {
    authorize(who, right)
    return undefined
  } catch (error) {
    return error
  }
}

describe('authorize', () => {
  it('lets a caller use the scopes that it has, and no other', () => {
    for (const scope of scopes) {
      const error = refusal(caller(), { scope })
      if (scope === 'operators:read') expect(error).toBeUndefined()
      else expect(error).toMatchObject({ code: 'scope.missing', status: 403 })
    }
  })

  it('lets writers of operators switch their status, and nothing else includes another scope', () => {
    expect(includes).toEqual({ 'operators:write': ['operators:status'] })
    for (const own of scopes)
      for (const scope of scopes) {
        const included = own === scope || (own === 'operators:write' && scope === 'operators:status')
        expect([own, scope, hasScope({ scopes: new Set([own]) }, scope)]).toEqual([own, scope, included])
      }
  })

  it('names the missing scope', () => {
    expect(refusal(caller(), { scope: 'admin' })).toMatchObject({
      errors: [{ pointer: '/scopes', code: 'missing', detail: expect.stringContaining('admin') }],
    })
  })

  it('lets a caller touch its organizations, and answers 404 for every other', () => {
    expect(refusal(caller(), { organization: 24 })).toBeUndefined()
    expect(refusal(caller(), { organization: 6 })).toMatchObject({
      code: 'organization.unknown',
      status: 404,
    })
    expect(refusal(caller(new Set()), { organization: 24 })).toMatchObject({ code: 'organization.unknown' })
    expect(refusal(caller('*'), { organization: 2147483647 })).toBeUndefined()
  })

  it('checks the scope first, so that a caller without it learns of no organization', () => {
    const right = { scope: 'admin', organization: 6 } as const
    expect(refusal(caller(), right)).toMatchObject({ code: 'scope.missing' })
  })

  it('lets the gateway itself do everything', () => {
    for (const scope of scopes)
      expect(refusal(createSystemCaller(), { scope, organization: 6 })).toBeUndefined()
  })
})

describe('mayTouch', () => {
  it('is true for the caller’s organizations alone', () => {
    expect([24, 6].map((organization) => mayTouch(caller(), organization))).toEqual([true, false])
    expect(mayTouch(caller('*'), 6)).toBe(true)
  })
})
