import { describe, expect, it } from '@jest/globals'
import { Failure } from '../../src/errors.ts'
import { createDiagnose } from '../../src/lists/diagnosis.ts'
import type { ChatHubState } from '../../src/throttle/health.ts'
import { callerOf, createListsOf } from './lists-harness.ts'

const setUp = (content: Record<number, string[]> = { 24: ['Olena', 'Taras'] }) => {
  const harness = createListsOf(content)
  const state = { chathub: 'ok' as ChatHubState, late: [] as number[] }
  const diagnose = createDiagnose({
    ...harness,
    checkChatHub: async () => state.chathub,
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
    state.chathub = 'refused'
    const reader = { ...caller, scopes: new Set(['operators:read'] as const) }
    expect(await codes(24, reader)).toEqual(['token.refused', 'operators.none', 'scope.missing'])
  })

  it('says that an organization is allowed and not whether it is known when ChatHub refuses the credential', async () => {
    const { ask, state, failing } = setUp()
    state.chathub = 'refused'
    for (const what of ['organizations', 24] as const) failing.set(what, new Failure('chathub.credentials'))
    const { advice, ...rest } = await ask()
    expect(rest).toEqual({ known: null, allowed: true, operators: null, lastAsked: null })
    expect(advice.map(({ code }) => code)).toEqual(['token.refused'])
    // An organization of others still looks like one that does not exist.
    expect(await ask(6)).toMatchObject({ known: false, allowed: false })
  })

  it('says that ChatHub cannot be reached, and still what is remembered', async () => {
    const { ask, failing, state, clock } = setUp()
    await ask()
    await clock.advance(600_000)
    for (const what of ['organizations', 24] as const) failing.set(what, new Failure('chathub.timeout'))
    state.chathub = 'unavailable'
    expect(await ask()).toMatchObject({
      known: true,
      allowed: true,
      operators: 2,
      advice: [{ code: 'chathub.unavailable' }],
    })
  })

  it('says when ChatHub answers and does not give this list', async () => {
    const refused = setUp()
    refused.failing.set(24, new Failure('chathub.forbidden'))
    expect(await refused.codes()).toEqual(['chathub.forbidden'])

    const old = setUp()
    await old.ask()
    await old.clock.advance(600_000)
    old.failing.set(24, new Failure('chathub.timeout'))
    expect(await old.ask()).toMatchObject({ operators: 2, advice: [{ code: 'list.stale' }] })
  })
})
