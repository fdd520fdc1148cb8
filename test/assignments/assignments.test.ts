import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import type { AssignmentStore } from '../../src/assignments/assignments.ts'
import { describeWithRedis } from '../support/needs.ts'
import { openRedis, type TestDatabase } from '../support/redis.ts'
import {
  assignIn,
  day,
  type RequestOptions,
  type StoreUnderTest,
  storeInMemory,
  storeInRedis,
} from './assignment-stores.ts'

let underTest: StoreUnderTest
let store: AssignmentStore
/** Every test in an organization of its own, so that they share one database. */
let organization = 0
beforeEach(() => {
  organization++
})

const take = async (chat: string, active: readonly number[], options?: RequestOptions) => {
  const assigned = await assignIn(store, organization, chat, active, options)
  return assigned && { operator: assigned.hold.operator, ...assigned.why }
}
const operatorsOf = async (chats: string[], active: readonly number[]): Promise<(number | undefined)[]> => {
  const got: (number | undefined)[] = []
  for (const chat of chats) got.push((await take(chat, active))?.operator)
  return got
}
const numbered = (n: number, word: string): string[] => Array.from({ length: n }, (_, i) => `${word}-${i}`)
const spread = (counts: number[]): number => Math.max(...counts) - Math.min(...counts)

const behaviour = (): void => {
  it('gives new chats to the operator with the fewest, in ChatHub’s order', async () => {
    expect(await take('a', [7, 3, 5])).toEqual({ operator: 7, reason: 'fewestChats', given: 0 })
    expect(await operatorsOf(['b', 'c', 'd'], [7, 3, 5])).toEqual([3, 5, 7])
    expect(await take('e', [7, 3, 5])).toEqual({ operator: 3, reason: 'fewestChats', given: 1 })
  })

  it('keeps a held chat with its operator when others come, and says since when', async () => {
    const before = await assignIn(store, organization, 'a', [1, 2])
    for (const active of [
      [1, 2],
      [9, 1],
      [1, 2, 3, 4],
    ])
      expect(await take('a', active, { strategy: 'roundRobin' })).toEqual({ operator: 1, reason: 'held' })
    expect(await store.find(organization, 'a')).toEqual(before?.hold)
  })

  it('moves the chats of operators that left, evenly, and no others', async () => {
    const chats = numbered(60, 'chat')
    const before = await operatorsOf(chats, [1, 2, 3])
    const after = await operatorsOf(chats, [1, 3])
    for (const [i, operator] of before.entries()) if (operator !== 2) expect(after[i]).toBe(operator)
    expect([1, 3].map((id) => after.filter((operator) => operator === id).length)).toEqual([30, 30])
  })

  it('says why a chat moved', async () => {
    await take('a', [1, 2, 3])
    expect(await take('a', [2, 3])).toEqual({
      operator: 2,
      reason: 'fewestChats',
      moved: 'inactive',
      given: 0,
    })
    expect(await take('a', [2, 3], { exclude: [2] })).toMatchObject({ operator: 3, moved: 'excluded' })
    expect(await take('a', [2], { exclude: [3] })).toMatchObject({ operator: 2, moved: 'inactive' })
  })

  it('never chooses an excluded operator; an excluded operator that does not hold the chat moves nothing', async () => {
    expect(await take('a', [1, 2], { exclude: [1, 77] })).toMatchObject({ operator: 2 })
    expect(await take('a', [1, 2], { exclude: [1] })).toEqual({ operator: 2, reason: 'held' })
  })

  it('changes nothing without a candidate: the chat stays with its operator', async () => {
    expect(await take('a', [])).toBeUndefined()
    expect(await store.find(organization, 'a')).toBeUndefined()
    await take('a', [1, 2])
    expect(await take('a', [])).toBeUndefined()
    expect(await take('a', [1], { exclude: [1] })).toBeUndefined()
    expect(await take('a', [1, 2])).toEqual({ operator: 1, reason: 'held' })
    expect(await take('b', [1, 2])).toMatchObject({ operator: 2, given: 0 })
  })

  it('chooses by modulo over the active operators in their order, exactly up to 2^53 − 1', async () => {
    const modulo = { strategy: 'modulo' as const }
    for (const chat of ['0', '1', '2', '7', '9007199254740991']) {
      const index = Number(BigInt(chat) % 3n)
      const operator = [30, 10, 20][index]
      expect(await take(chat, [30, 10, 20], modulo)).toEqual({ operator, reason: 'modulo', index })
    }
    const exclude = [10]
    expect(await take('5', [30, 10, 20], { ...modulo, exclude })).toMatchObject({ operator: 20, index: 1 })
    expect(await take('1', [30, 20], modulo)).toMatchObject({ operator: 20, moved: 'inactive' })
  })

  it('does not change the rotation by modulo, nor a held chat by another strategy', async () => {
    const modulo = { strategy: 'modulo' as const }
    for (const chat of ['0', '2', '4']) await take(chat, [1, 2], modulo)
    expect(await take('a', [1, 2])).toMatchObject({ operator: 1, given: 0 })
    expect(await take('4', [2, 1])).toEqual({ operator: 1, reason: 'held' })
    expect(await store.find(organization, '4')).toMatchObject({ strategy: 'modulo' })
  })

  it('forgets a chat 30 days after its last use; reading is use', async () => {
    await operatorsOf(['a', 'b', 'c'], [1, 2, 3])
    await underTest.age(29 * day)
    await take('a', [1, 2, 3])
    expect(await store.find(organization, 'b')).toMatchObject({ operator: 2 })
    await underTest.age(1.5 * day)
    expect(await store.find(organization, 'c')).toBeUndefined()
    await underTest.age(27.5 * day)
    expect(await store.find(organization, 'a')).toMatchObject({ operator: 1 })
    expect(await store.find(organization, 'b')).toMatchObject({ operator: 2 })
    await underTest.age(31 * day)
    expect(await store.find(organization, 'a')).toBeUndefined()
  })

  it('releases a chat once, and gives its next assignment to the next operator', async () => {
    await take('a', [1, 2])
    expect(await store.release(organization, 'a')).toBe(true)
    expect(await store.release(organization, 'a')).toBe(false)
    expect(await store.find(organization, 'a')).toBeUndefined()
    expect(await take('a', [1, 2])).toEqual({ operator: 2, reason: 'fewestChats', given: 0 })
  })

  it('keeps organizations apart', async () => {
    await take('a', [1, 2])
    organization++
    expect(await store.find(organization, 'a')).toBeUndefined()
    expect(await take('a', [1, 2])).toMatchObject({ operator: 1, given: 0 })
    expect(await store.release(organization - 1, 'a')).toBe(true)
    expect(await store.find(organization, 'a')).toMatchObject({ operator: 1 })
  })

  it('starts a new or returning operator at the fewest of the others', async () => {
    await operatorsOf(numbered(100, 'old'), [1, 2])
    expect(await take('n', [9, 1, 2])).toEqual({ operator: 9, reason: 'fewestChats', given: 50 })
    expect(await operatorsOf(['o', 'p', 'q'], [9, 1, 2])).toEqual([1, 2, 9])
    await operatorsOf(numbered(40, 'without-9'), [1, 2])
    expect(await take('back', [9, 1, 2])).toMatchObject({ operator: 9, given: 71 })
  })

  it('makes one choice for 40 concurrent requests for one chat, and spreads 40 concurrent chats evenly', async () => {
    for (let round = 0; round < 5; round++) {
      const same = await Promise.all(Array.from({ length: 40 }, () => take(`one-${round}`, [1, 2, 3])))
      expect(same.filter((choice) => choice?.reason !== 'held')).toHaveLength(1)
      expect(new Set(same.map((choice) => choice?.operator)).size).toBe(1)
      const chats = numbered(40, `new-${round}`)
      const others = await Promise.all(chats.map((chat) => take(chat, [1, 2, 3])))
      const counts = [1, 2, 3].map((id) => others.filter((choice) => choice?.operator === id).length)
      expect(spread(counts)).toBeLessThanOrEqual(1)
    }
  })

  it('accepts every valid chat id', async () => {
    for (const chat of ['{24}', '%00', 'a:b', '🎧', '__proto__', '*', `${'ж'.repeat(128)}`, '0', '007']) {
      expect(await take(chat, [5])).toMatchObject({ operator: 5, reason: 'fewestChats' })
      expect(await take(chat, [5])).toMatchObject({ reason: 'held' })
      expect(await store.release(organization, chat)).toBe(true)
    }
  })
}

describe('assignments in memory', () => {
  beforeAll(() => {
    underTest = storeInMemory()
    store = underTest.store
  })
  behaviour()

  it('are bounded: the chat that was used longest ago is forgotten', async () => {
    store = storeInMemory(3).store
    await operatorsOf(['a', 'b', 'c'], [1])
    await take('a', [1])
    await take('d', [1])
    expect(await store.find(organization, 'b')).toBeUndefined()
    for (const chat of ['a', 'c', 'd'])
      expect(await store.find(organization, chat)).toMatchObject({ operator: 1 })
  })
})

describeWithRedis('assignments in Redis', () => {
  let database: TestDatabase
  beforeAll(async () => {
    database = await openRedis()
    underTest = await storeInRedis(database)
    store = underTest.store
  })
  afterAll(async () => {
    underTest.close()
    await database.stop()
  })
  behaviour()
})
