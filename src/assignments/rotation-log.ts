import { randomBytes } from 'node:crypto'
import { type Changes, type Counter, change, type Rotation } from './assign.ts'

/*
 * A rotation is stored as `1 <generation> `, all counters, and a log of changes. Counters and changes are groups:
 * `=<chats>:<operators>;` of active operators, `~<chats>:<operators>;` of those that left, `!:<operators>;` of those to
 * forget. Operators ascend, in base 36, each as its distance to the one before. An unknown version counts as nothing.
 */
export const headBytes = 11

/** A rotation as far as this process has read it: `bytes` of its text, `head` first. */
export type StoredRotation = { head: Buffer; bytes: number; rotation: Rotation }
export const unread = (): StoredRotation => ({ head: Buffer.alloc(0), bytes: 0, rotation: new Map() })
const isReadable = (head: Buffer): boolean => head.toString('latin1').startsWith('1 ')

/** What was read before, continued with `read`. The rotation is changed in place. */
export const readOn = ({ head: known, bytes, rotation }: StoredRotation, read: Buffer): StoredRotation => {
  const head = bytes > 0 ? known : Buffer.from(read.subarray(0, headBytes))
  if (isReadable(head)) change(rotation, decodeGroups(read.toString('latin1')))
  return { head, bytes: bytes + read.length, rotation }
}

/** True when there is no readable text, or its log has grown long. */
export const isOutdated = ({ head, bytes, rotation }: StoredRotation): boolean =>
  !isReadable(head) || bytes > 32_768 + 6 * rotation.size

/** The text of a rotation without a log. */
export const newText = (rotation: Rotation, changes: Changes): string =>
  `1 ${randomBytes(6).toString('base64url')} ${encodeGroups(new Map([...rotation, ...changes]))}`

/** How changes are stored, and what their text continues: an outdated text is replaced. */
export const textOf = (stored: StoredRotation, changes: Changes) => {
  if (changes.size === 0) return { mode: 'keep', continued: stored, text: '' }
  if (!isOutdated(stored)) return { mode: 'append', continued: stored, text: encodeGroups(changes) }
  return { mode: 'replace', continued: unread(), text: newText(stored.rotation, changes) }
}

export const encodeGroups = (changes: Changes): string => {
  const groups = new Map<string, number[]>()
  for (const [operator, counter] of changes) {
    const name = counter ? `${counter.isActive ? '=' : '~'}${counter.count}` : '!'
    const group = groups.get(name)
    if (group) group.push(operator)
    else groups.set(name, [operator])
  }
  const distances = (ids: number[]): string[] =>
    ids.toSorted((a, b) => a - b).map((id, place, sorted) => (id - (sorted[place - 1] ?? 0)).toString(36))
  return [...groups].map(([name, ids]) => `${name}:${distances(ids)};`).join('')
}

const decodeGroups = (text: string): Changes => {
  const changes: Changes = new Map()
  for (const [, kind, count, distances = ''] of text.matchAll(/([=~!])(\d*):([\da-z,]+);/g)) {
    const counter: Counter | undefined =
      kind === '!' ? undefined : { count: Number(count), isActive: kind === '=' }
    let operator = 0
    for (const distance of distances.split(',')) {
      operator += Number.parseInt(distance, 36)
      changes.set(operator, counter)
    }
  }
  return changes
}
