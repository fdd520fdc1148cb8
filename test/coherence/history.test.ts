import { describe, expect, it } from '@jest/globals'
import { type Event, unexplained } from './history.ts'

const write = (value: string, began: number, ended: number): Event => ({
  kind: 'write',
  register: 'r',
  value,
  began,
  ended,
  by: 0,
})
const read = (value: string, began: number, ended: number): Event => ({
  kind: 'read',
  register: 'r',
  value,
  began,
  ended,
  by: 1,
})
const bad = (...events: Event[]): string[] => unexplained(events, () => 'a').map(({ value }) => value)

describe('the checker of histories', () => {
  it('catches a read of what an acknowledged write had overwritten', () => {
    expect(bad(write('b', 1, 2), read('a', 3, 4))).toEqual(['a'])
    expect(bad(write('b', 1, 2), write('c', 3, 4), read('b', 5, 6))).toEqual(['b'])
  })

  it('catches a read of what nobody had written yet', () => {
    expect(bad(read('b', 1, 2), write('b', 3, 4))).toEqual(['b'])
  })

  it('lets a read beside a write have either value, and a write in doubt happen late or never', () => {
    expect(bad(write('b', 1, 4), read('a', 2, 3), read('b', 2, 3))).toEqual([])
    expect(bad(write('b', 1, Infinity), read('a', 8, 9), read('b', 8, 9))).toEqual([])
    expect(bad(write('b', 1, Infinity), write('c', 2, 3), read('b', 8, 9))).toEqual([])
  })
})
