import { describe, expect, it } from '@jest/globals'
import { callerOf, createListsOf, everything } from './lists-harness.ts'

const range = (from: number, to: number): number[] =>
  Array.from({ length: to - from + 1 }, (_, i) => from + i)
/** Organizations from 1 to `count` with an operator each; its id is that of the organization times 1000, plus 1. */
const withOrganizations = (count: number) =>
  createListsOf(Object.fromEntries(range(1, count).map((id) => [id, [`Olena ${id}`]])))

describe('the directory', () => {
  it('has at most 8 loads in flight, and answers in the order of the organizations', async () => {
    const { directory, settled, within, mostInFlight, calls } = withOrganizations(30)
    const { value } = await settled(directory.search(everything, {}, within()))
    expect(value.content.items.map(({ organization }) => organization.id)).toEqual(range(1, 30))
    expect(value.content.unavailable).toEqual([])
    expect([calls.length, mostInFlight.people]).toEqual([30, 8])
  })

  it('has at most 8 loads in flight for all requests of a client, and as many for another', async () => {
    const { directory, settled, within, mostInFlight } = withOrganizations(100)
    const caller = callerOf(range(1, 50))
    const ask = (organizations: number[]) => directory.search(caller, { organizations }, within())
    const both = await settled(Promise.all([ask(range(1, 25)), ask(range(26, 50))]))
    expect(both.value.map(({ content }) => content.total)).toEqual([25, 25])
    expect(mostInFlight.people).toBe(8)
    const other = { ...callerOf(range(76, 100)), id: 'other' }
    await settled(
      Promise.all([
        directory.search(callerOf(range(51, 75)), {}, within()),
        directory.search(other, {}, within()),
      ]),
    )
    expect(mostInFlight.people).toBe(16)
  })

  it('reads what is fresh without a load', async () => {
    const { directory, lists, settled, within, calls } = withOrganizations(12)
    for (const id of [3, 7]) await settled(lists.read(everything, id, within()))
    calls.length = 0
    await settled(directory.statistics(everything, within()))
    expect(calls.map(({ organization }) => organization)).toEqual(
      range(1, 12).filter((id) => id !== 3 && id !== 7),
    )
  })

  it('answers with what it has just before the deadline, and names the others', async () => {
    const { directory, hanging, settled, within, mostInFlight } = withOrganizations(30)
    for (const id of range(11, 30)) hanging.add(id)
    const { value, ms } = await settled(directory.statistics(everything, within(1000)))
    expect(value.content.organizations.map(({ id }) => id)).toEqual(range(1, 10))
    expect([value.content.total, value.content.unavailable]).toEqual([10, range(11, 30)])
    expect([ms, mostInFlight.people]).toEqual([900, 8])
  })

  it('loads what was unavailable once in the background, also 8 at a time', async () => {
    const { directory, hanging, settled, within, clock, calls, mostInFlight } = withOrganizations(30)
    for (const id of range(1, 30)) hanging.add(id)
    const both = [
      directory.search(everything, {}, within(500)),
      directory.search(everything, {}, within(500)),
    ]
    await settled(Promise.all(both))
    hanging.clear()
    await clock.advance(2000)
    const background = calls
      .filter(({ lane }) => lane === 'refreshes')
      .map(({ organization }) => organization)
    expect(background.toSorted((a, b) => a - b)).toEqual(range(1, 30))
    expect(mostInFlight.refreshes).toBe(8)
    calls.length = 0
    const { value } = await settled(directory.search(everything, {}, within()))
    expect([value.content.total, value.content.unavailable, calls]).toEqual([30, [], []])
  })

  it('waits for ChatHub once for all old lists, then serves the old copies', async () => {
    const { directory, hanging, settled, within, clock } = withOrganizations(30)
    await settled(directory.search(everything, {}, within()))
    await clock.advance(300_000)
    for (const id of range(1, 30)) hanging.add(id)
    const { value, ms } = await settled(directory.search(everything, {}, within()))
    expect([value.content.total, value.content.unavailable]).toEqual([30, []])
    expect(ms).toBeLessThan(1000)
    expect(value.freshness.ageMs).toBeGreaterThanOrEqual(300_000)
    expect(value.freshness.ttlMs).toBeLessThan(0)
  })

  it('touches only organizations of the caller, though a hint leads to another', async () => {
    const { directory, lists, settled, within, calls } = withOrganizations(5)
    await settled(lists.read(everything, 5, within()))
    calls.length = 0
    const caller = callerOf([1, 2])
    await expect(settled(directory.find(caller, 5001, within()))).rejects.toMatchObject({
      code: 'operator.unknown',
    })
    const { value } = await settled(directory.search(caller, { organizations: [2, 5] }, within()))
    expect(value.content.items.map(({ id }) => id)).toEqual([2001])
    expect(calls.map(({ organization }) => organization)).toEqual([1, 2])
  })
})

describe('finding an operator', () => {
  it('asks for the one list that it was last seen in', async () => {
    const { directory, lists, settled, within, clock, calls } = withOrganizations(20)
    await settled(lists.read(everything, 17, within()))
    await clock.advance(7_200_000)
    calls.length = 0
    const { value } = await settled(directory.find(everything, 17_001, within()))
    expect([value.roster.organization.id, value.operator.name]).toEqual([17, 'Olena 17'])
    expect(calls.map(({ organization }) => organization)).toEqual([17])
  })

  it('stops loading lists when it has found it', async () => {
    const { directory, settled, within, calls } = withOrganizations(100)
    const { value } = await settled(directory.find(everything, 3001, within()))
    expect(value.operator.id).toBe(3001)
    expect(calls.length).toBeLessThanOrEqual(16)
  })

  it('is 404 only after every list was looked at, else 503 with Retry-After', async () => {
    const { directory, hanging, settled, within } = withOrganizations(10)
    hanging.add(9)
    await expect(settled(directory.find(everything, 77, within(1000)))).rejects.toMatchObject({
      code: 'chathub.unavailable',
      retryAfterMs: 1000,
    })
    hanging.clear()
    await expect(settled(directory.find(everything, 77, within()))).rejects.toMatchObject({
      code: 'operator.unknown',
    })
  })

  it('looks into no list older than the request asks for', async () => {
    const { directory, content, settled, within, clock } = withOrganizations(3)
    await settled(directory.search(everything, {}, within()))
    content[2] = ['Olena', 'Brand New']
    await expect(settled(directory.find(everything, 2002, within()))).rejects.toMatchObject({
      code: 'operator.unknown',
    })
    const { value } = await settled(directory.find(everything, 2002, within(), { notBefore: clock.now() }))
    expect(value.operator.name).toBe('Brand New')
  })
})
