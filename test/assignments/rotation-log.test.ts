import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { type Changes, type Counter, change, type Rotation } from '../../src/assignments/assign.ts'
import {
  encodeGroups,
  headBytes,
  isOutdated,
  newText,
  readOn,
  unread,
} from '../../src/assignments/rotation-log.ts'

const operator = fc.integer({ min: 1, max: 2 ** 31 - 1 })
const counter: fc.Arbitrary<Counter> = fc.record({ count: fc.nat(1_000_000), isActive: fc.boolean() })
const rotations: fc.Arbitrary<Rotation> = fc
  .array(fc.tuple(operator, counter), { maxLength: 30 })
  .map((entries) => new Map(entries))

/** A rotation and changes to some of its operators and to others. */
const changed = rotations.chain((rotation) =>
  fc.record({
    rotation: fc.constant(rotation),
    changes: fc
      .array(
        fc.tuple(
          fc.oneof(operator, fc.constantFrom(...rotation.keys(), 7)),
          fc.option(counter, { nil: undefined }),
        ),
      )
      .map((entries): Changes => new Map(entries)),
  }),
)
const bytes = (text: string): Buffer => Buffer.from(text)

describe('the text of a rotation', () => {
  it('is read as the rotation, and each appended change as that change', () => {
    fc.assert(
      fc.property(changed, ({ rotation, changes }) => {
        const first = readOn(unread(), bytes(newText(rotation, new Map())))
        expect(first.rotation).toEqual(rotation)
        const then = readOn(first, bytes(encodeGroups(changes)))
        change(rotation, changes)
        expect(then.rotation).toEqual(rotation)
      }),
    )
  })

  it('gives the same rotation when read at once, in parts, or after a rewrite', () => {
    fc.assert(
      fc.property(changed, ({ rotation, changes }) => {
        const [text, log] = [newText(rotation, new Map()), encodeGroups(changes)]
        const continued = readOn(readOn(unread(), bytes(text)), bytes(log))
        expect(readOn(unread(), bytes(text + log))).toEqual(continued)
        expect(readOn(unread(), bytes(newText(rotation, changes))).rotation).toEqual(continued.rotation)
      }),
    )
  })

  it('has a unique head, which stays the same while text is only appended', () => {
    const [one, other] = [newText(new Map(), new Map()), newText(new Map(), new Map())]
    const read = readOn(unread(), bytes(one))
    expect(read.head.toString()).toBe(one.slice(0, headBytes))
    expect(readOn(read, bytes('=1:5;')).head).toEqual(read.head)
    expect(other.slice(0, headBytes)).not.toBe(one.slice(0, headBytes))
  })

  it('takes two bytes per operator when ids are close, and nine bytes per change', () => {
    const counters = Array.from(
      { length: 50_000 },
      (_, i) => [100_001 + i, { count: 12, isActive: true }] as const,
    )
    expect(newText(new Map(counters), new Map()).length).toBeLessThan(2.1 * counters.length)
    expect(encodeGroups(new Map([[150_000, { count: 13, isActive: true }]])).length).toBe(9)
  })

  it('is outdated when it is missing, has another version, or has a long log', () => {
    const text = newText(new Map([[5, { count: 1, isActive: true }]]), new Map())
    const [read, entry] = [readOn(unread(), bytes(text)), '=2:5;']
    expect([unread(), readOn(unread(), bytes(`2${text.slice(1)}`)), read].map(isOutdated)).toEqual([
      true,
      true,
      false,
    ])
    expect(readOn(unread(), bytes(`2${text.slice(1)}`)).rotation.size).toBe(0)
    expect(isOutdated(readOn(read, bytes(entry.repeat(1000))))).toBe(false)
    expect(isOutdated(readOn(read, bytes(entry.repeat(7000))))).toBe(true)
  })
})
