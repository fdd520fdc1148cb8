import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type { Claim, Store, Stored } from '../../src/cache/store.ts'

export type Opened = {
  store: Store
  /** Resolves when a copy kept for `keepMs` is past its time: time is moved, or the event waited for. */
  past(key: string, keepMs: number): Promise<void>
  close(): Promise<void>
}

const text = (stored: Stored | undefined): string | undefined => stored?.bytes.toString()
const copy = (epoch: string, bytes = 'list', ageMs = 0): Stored => ({
  bytes: Buffer.from(bytes),
  epoch,
  ageMs,
})
const keepMs = 60_000
const claim = (urgency: Claim['urgency']): Claim => ({
  urgency,
  leaseMs: keepMs,
  youngMs: keepMs,
  wanted: 'young',
})
/** Redis runs on in real time between two commands; nothing here lasts that long. */
const slackMs = 2000

/** What every store guarantees, whichever stands behind it. Keys are new in each test. */
export const behavesAsStore = (name: string, open: () => Promise<Opened>): void => {
  describe(name, () => {
    let opened: Opened
    let store: Store
    let counter = 0
    const newKey = (): string => `operators:${++counter}`
    beforeAll(async () => {
      opened = await open()
      store = opened.store
    })
    afterAll(() => opened.close())

    it('has an epoch and no copy for a list that it never saw', async () => {
      const { stored, epoch } = await store.read(newKey())
      expect(stored).toBeUndefined()
      expect(typeof epoch).toBe('string')
    })

    it('gives back the bytes that were filled, their epoch, and an age that counts on from theirs', async () => {
      const key = newKey()
      const { epoch } = await store.read(key)
      const bytes = Buffer.from([0, 10, 255, 32, 49, 10, 10])
      expect(await store.fill(key, { bytes, epoch, ageMs: 5000 }, keepMs)).toBe(true)
      const { stored, epoch: still } = await store.read(key)
      expect(still).toBe(epoch)
      expect(stored?.epoch).toBe(epoch)
      expect(stored?.bytes.equals(bytes)).toBe(true)
      expect(stored?.ageMs).toBeGreaterThanOrEqual(5000)
      expect(stored?.ageMs).toBeLessThan(5000 + slackMs)
    })

    it('keeps the newer of two fills', async () => {
      const key = newKey()
      const { epoch } = await store.read(key)
      await store.fill(key, copy(epoch, 'first'), keepMs)
      await store.fill(key, copy(epoch, 'second'), keepMs)
      expect(text((await store.read(key)).stored)).toBe('second')
    })

    it('does not store what a write overtook: a fill under an older epoch changes nothing', async () => {
      const key = newKey()
      const before = await store.read(key)
      const { epoch } = await store.bump(key, undefined, keepMs)
      expect(epoch).not.toBe(before.epoch)
      expect(await store.fill(key, copy(before.epoch, 'overtaken'), keepMs)).toBe(false)
      expect((await store.read(key)).stored).toBeUndefined()
      expect(await store.fill(key, copy(epoch, 'after'), keepMs)).toBe(true)
      expect(text((await store.read(key)).stored)).toBe('after')
    })

    it('gives a new epoch with each write, never one that was there before', async () => {
      const key = newKey()
      const epochs = new Set([(await store.read(key)).epoch])
      for (let i = 0; i < 50; i++) epochs.add((await store.bump(key, undefined, keepMs)).epoch)
      expect(epochs.size).toBe(51)
      expect([...epochs].at(-1)).toBe((await store.read(key)).epoch)
    })

    it('still has the older copy after a write, told apart by its epoch', async () => {
      const key = newKey()
      const { epoch } = await store.read(key)
      await store.fill(key, copy(epoch, 'older'), keepMs)
      const bumped = await store.bump(key, undefined, keepMs)
      expect(bumped.kept).toBe(false)
      const after = await store.read(key)
      expect(text(after.stored)).toBe('older')
      expect(after.stored?.epoch).toBe(epoch)
      expect(after.epoch).toBe(bumped.epoch)
    })

    it('forgets every copy when told to drop it', async () => {
      const key = newKey()
      const { epoch } = await store.read(key)
      await store.fill(key, copy(epoch), keepMs)
      expect((await store.bump(key, 'drop', keepMs)).kept).toBe(false)
      expect((await store.read(key)).stored).toBeUndefined()
      expect(await store.fill(key, copy(epoch), keepMs)).toBe(false)
    })

    it('keeps a patched copy under the new epoch, as old as the list it was made from', async () => {
      const key = newKey()
      const { epoch } = await store.read(key)
      await store.fill(key, copy(epoch, 'list', 3000), keepMs)
      const bumped = await store.bump(key, copy(epoch, 'patched', 3000), keepMs)
      expect(bumped.kept).toBe(true)
      const { stored } = await store.read(key)
      expect(text(stored)).toBe('patched')
      expect(stored?.epoch).toBe(bumped.epoch)
      expect(stored?.ageMs).toBeGreaterThanOrEqual(3000)
      expect(stored?.ageMs).toBeLessThan(3000 + slackMs)
    })

    it('does not keep a copy patched from a list that another write changed meanwhile', async () => {
      const key = newKey()
      const { epoch } = await store.read(key)
      await store.bump(key, undefined, keepMs)
      const bumped = await store.bump(key, copy(epoch, 'patched'), keepMs)
      expect(bumped.kept).toBe(false)
      expect((await store.read(key)).stored).toBeUndefined()
      expect((await store.read(key)).epoch).toBe(bumped.epoch)
    })

    it('forgets a copy at the end of its time, counted from its birth, and keeps the epoch', async () => {
      const key = newKey()
      const { epoch } = await store.bump(key, undefined, keepMs)
      await store.fill(key, copy(epoch, 'short', keepMs - 200), keepMs)
      expect(text((await store.read(key)).stored)).toBe('short')
      await opened.past(key, 200)
      expect(await store.read(key)).toEqual({ stored: undefined, epoch, claimed: false })
      expect(await store.keys(key)).toEqual([])
    })

    it('keeps lists apart', async () => {
      const [one, other] = [newKey(), newKey()]
      await store.fill(one, copy((await store.read(one)).epoch, 'one'), keepMs)
      const before = await store.read(other)
      await store.bump(one, undefined, keepMs)
      expect(await store.read(other)).toEqual(before)
    })

    it('knows the keys that hold a copy, by prefix', async () => {
      const { epoch } = await store.read('organizations')
      await store.fill('organizations', copy(epoch), keepMs)
      const mine = newKey()
      await store.fill(mine, copy((await store.read(mine)).epoch), keepMs)
      await store.bump(newKey(), undefined, keepMs)
      expect(await store.keys('organizations')).toEqual(['organizations'])
      const operators = await store.keys('operators')
      expect(operators).toContain(mine)
      expect(operators.every((key) => key.startsWith('operators:'))).toBe(true)
      for (const key of operators) expect((await store.read(key)).stored).toBeDefined()
    })

    it('gives the right to load to one who asks for it, again and again, and takes it back', async () => {
      const key = newKey()
      expect((await store.read(key, claim('background'))).claimed).toBe(true)
      expect((await store.read(key, claim('foreground'))).claimed).toBe(true)
      await store.release(key, 'foreground')
      await store.release(key, 'foreground')
      expect((await store.read(key, claim('foreground'))).claimed).toBe(true)
    })

    it('claims nothing while there is a young copy of the current epoch', async () => {
      const key = newKey()
      const first = await store.read(key, claim('foreground'))
      expect(first).toMatchObject({ stored: undefined, claimed: true })
      await store.fill(key, copy(first.epoch, 'list', 5000), keepMs)
      const young = await store.read(key, { ...claim('foreground'), youngMs: 10_000 })
      expect([text(young.stored), young.claimed]).toEqual(['list', false])
      const old = await store.read(key, { ...claim('foreground'), youngMs: 5000 })
      expect([old.stored, old.claimed]).toEqual([undefined, true])
      const any = await store.read(key, { ...claim('foreground'), youngMs: 5000, wanted: 'any' })
      expect([text(any.stored), any.claimed]).toEqual(['list', true])
    })

    it('claims the load of a list that a write invalidated, however young its copy', async () => {
      const key = newKey()
      const { epoch } = await store.read(key)
      await store.fill(key, copy(epoch), keepMs)
      await store.bump(key, undefined, keepMs)
      expect(await store.read(key, claim('foreground'))).toMatchObject({ stored: undefined, claimed: true })
      const any = await store.read(key, { ...claim('foreground'), wanted: 'any' })
      expect([text(any.stored), any.stored?.epoch, any.claimed]).toEqual(['list', epoch, true])
    })
  })
}
