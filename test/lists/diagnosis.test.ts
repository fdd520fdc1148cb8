import { describe, expect, it } from '@jest/globals'
import type { TokenStatus } from '../../src/chathub/company-token.ts'
import { Failure } from '../../src/errors.ts'
import { createDiagnose } from '../../src/lists/diagnosis.ts'
import { callerOf, createListsOf } from './lists-harness.ts'

const setUp = (content: Record<number, string[]> = { 24: ['Olena', 'Taras'] }) => {
  const harness = createListsOf(content)
  const state = { token: 'ready', isReachable: true, late: [] as number[] }
  const diagnose = createDiagnose({
    ...harness,
    tokenStatus: () => ({ state: state.token }) as TokenStatus,
    isReachable: () => state.isReachable,
    lateOperators: () => state.late,
  })
  const caller = callerOf([24, 900])
  const ask = async (organization = 24, who = caller) =>
    (await harness.settled(diagnose(who, organization, harness.within()))).value
  const codes = async (organization?: number, who?: typeof caller) =>
    (await ask(organization, who)).advice.map(({ code }) => code)
  return { ...harness, state, caller, ask, codes }
}

describe('the diagnosis of an organization', () => {
  it('says that nothing is wrong, how many operators there are, and when ChatHub was asked', async () => {
    const { ask, clock } = setUp()
    const askedAt = new Date(clock.wall()).toISOString()
    expect(await ask()).toEqual({
      known: true,
      allowed: true,
      operators: 2,
      lastAsked: askedAt,
      advice: [{ code: 'ok', text: expect.any(String) }],
    })
  })

  it('is the same for an organization of others as for one that does not exist', async () => {
    const { ask } = setUp({ 6: ['Foreign'], 24: [] })
    const foreign = await ask(6)
    expect(foreign).toMatchObject({ known: false, allowed: false, operators: null, lastAsked: null })
    expect(foreign.advice.map(({ code }) => code)).toEqual(['organization.unknown', 'organization.access'])
    for (const nobodys of [777, 900]) expect(await ask(nobodys)).toEqual(foreign)
  })

  it('names every reason: no operators, a refused token, a missing scope', async () => {
    const { codes, state, caller } = setUp({ 24: [] })
    state.token = 'refused'
    const reader = { ...caller, scopes: new Set(['operators:read'] as const) }
    expect(await codes(24, reader)).toEqual(['token.refused', 'operators.none', 'scope.missing'])
  })

  it('says that ChatHub could not be asked for the organizations, for the list, or at all', async () => {
    const noOrganizations = setUp()
    noOrganizations.failing.set('organizations', new Failure('chathub.credentials'))
    expect(await noOrganizations.ask()).toMatchObject({
      known: false,
      advice: [{ code: 'chathub.credentials' }],
    })

    const noList = setUp()
    noList.failing.set(24, new Failure('chathub.forbidden'))
    expect(await noList.codes()).toEqual(['chathub.forbidden'])

    const closed = setUp()
    closed.state.isReachable = false
    expect(await closed.codes()).toEqual(['chathub.unavailable'])
  })

  it('counts an old copy in place of an answer as no answer, and still says what is remembered', async () => {
    const { ask, failing, clock } = setUp()
    await ask()
    await clock.advance(600_000)
    failing.set(24, new Failure('chathub.timeout'))
    expect(await ask()).toMatchObject({ operators: 2, advice: [{ code: 'chathub.unavailable' }] })
  })
})
