import { describe, expect, it } from '@jest/globals'
import { Failure } from '../../src/errors.ts'
import { callerOf, createListsOf, everything } from './lists-harness.ts'

const unknown = expect.objectContaining({ code: 'organization.unknown' })

describe('operator lists', () => {
  it('are refused before anything is looked at when the caller may not touch the organization', async () => {
    const { lists, organizations, purge, within, settled, calls } = createListsOf({ 24: ['Olena'] })
    await settled(lists.read(everything, 24, within()))
    calls.length = 0
    const stranger = callerOf([6])
    expect(() => lists.peek(stranger, 24)).toThrow(unknown)
    expect(() => lists.remembered(stranger, 24)).toThrow(unknown)
    expect(() => organizations.isAbsent(stranger, 24)).toThrow(unknown)
    await expect(lists.read(stranger, 24, within())).rejects.toEqual(unknown)
    await expect(organizations.get(stranger, 24, within())).rejects.toEqual(unknown)
    await expect(purge(stranger, 24)).rejects.toEqual(unknown)
    await expect(purge(stranger)).rejects.toMatchObject({ code: 'request.invalid-body' })
    expect(calls).toEqual([])
    expect(lists.peek(everything, 24)?.copy.value.operators).toHaveLength(1)
  })

  it('are peeked at only while fresh, and remembered after that', async () => {
    const { lists, within, settled, clock } = createListsOf({ 24: ['Olena'] })
    expect(lists.peek(everything, 24)).toBeUndefined()
    const { value } = await settled(lists.read(everything, 24, within()))
    expect(lists.peek(everything, 24)?.copy.value).toBe(value.copy.value)
    await clock.advance(60_000)
    expect(lists.peek(everything, 24)).toBeUndefined()
    expect(lists.remembered(everything, 24)?.value).toBe(value.copy.value)
  })

  it('cost no call for an organization that a list of the last ten seconds does not have', async () => {
    const { lists, organizations, within, settled, clock, calls } = createListsOf({ 24: ['Olena'] })
    await settled(organizations.list(everything, {}, within()))
    await expect(lists.read(everything, 900, within())).rejects.toEqual(unknown)
    expect(calls).toEqual([])
    await clock.advance(10_001)
    await expect(settled(lists.read(everything, 900, within()))).rejects.toEqual(unknown)
    expect(calls).toHaveLength(1)
  })

  it('after a purge of one organization come from ChatHub, and the others from memory', async () => {
    const { lists, purge, within, settled, calls } = createListsOf({ 6: ['Taras'], 24: ['Olena'] })
    for (const id of [6, 24]) await settled(lists.read(everything, id, within()))
    calls.length = 0
    await purge(callerOf([24]), 24)
    for (const id of [6, 24]) await settled(lists.read(everything, id, within()))
    expect(calls.map(({ organization }) => organization)).toEqual([24])
  })

  it('after a purge of everything come from ChatHub, the list of organizations too', async () => {
    const { lists, organizations, purge, content, within, settled, calls } = createListsOf({ 24: ['Olena'] })
    await settled(lists.read(everything, 24, within()))
    content[6] = ['Taras']
    expect((await settled(organizations.list(everything, {}, within()))).value.found).toHaveLength(1)
    await purge(everything)
    calls.length = 0
    expect((await settled(organizations.list(everything, {}, within()))).value.found).toHaveLength(2)
    await settled(lists.read(everything, 24, within()))
    expect(calls).toHaveLength(1)
  })
})

describe('loading a list', () => {
  const failure = new Failure('chathub.unavailable')

  it('is organization.unknown when ChatHub refuses the list and does not know the organization', async () => {
    for (const code of ['chathub.forbidden', 'chathub.invalid-response'] as const) {
      const { lists, failing, within, settled } = createListsOf({ 24: [] })
      failing.set(900, new Failure(code))
      await expect(settled(lists.read(everything, 900, within()))).rejects.toEqual(unknown)
      failing.set(24, new Failure(code))
      await expect(settled(lists.read(everything, 24, within()))).rejects.toMatchObject({ code })
    }
  })

  it('keeps the last name while the list of organizations is unavailable, and fails where there is no last name', async () => {
    const { lists, failing, within, settled, clock } = createListsOf({ 6: ['Taras'], 24: ['Olena'] })
    await settled(lists.read(everything, 24, within()))
    await clock.advance(4_000_000) // nothing may be served any more
    failing.set('organizations', failure)
    const { value } = await settled(lists.read(everything, 24, within(), { notBefore: clock.now() }))
    expect(value.copy.value.organization).toEqual({ id: 24, name: 'Organization 24' })
    await expect(settled(lists.read(everything, 6, within()))).rejects.toBe(failure)
  })

  it('asks ChatHub a second time when the list has shrunk to less than half, and reports it', async () => {
    const { lists, content, reports, within, settled, clock, calls } = createListsOf({
      24: ['a', 'b', 'c', 'd', 'e'],
    })
    await settled(lists.read(everything, 24, within()))
    calls.length = 0
    content[24] = ['a', 'b']
    const { value } = await settled(lists.read(everything, 24, within(), { notBefore: clock.now() }))
    expect([value.copy.value.operators.length, calls.length]).toEqual([2, 2])
    expect(reports).toContainEqual({
      name: 'list-shrank',
      before: 5,
      after: 2,
      confirmed: true,
      organization: 24,
    })
  })
})
