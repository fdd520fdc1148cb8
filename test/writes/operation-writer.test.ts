import { describe, expect, it } from '@jest/globals'
import { settle } from '../support/clock.ts'
import { createHarness, lost, outcomesOf, rejected, unavailable, unsent } from './writes-harness.ts'

/** Counts how often the organization's lock is taken. */
const countLocks = ({ journal }: ReturnType<typeof createHarness>) => {
  let locks = 0
  const { withLock } = journal
  journal.withLock = (...args) => {
    locks++
    return withLock(...args)
  }
  return () => locks
}

describe('a write of one chunk', () => {
  it('is planned, sent and kept under one lock', async () => {
    const harness = createHarness()
    const locks = countLocks(harness)
    harness.setPeople('Anna')
    const result = await harness.add(['anna', 'Borys'])
    expect(outcomesOf(result)).toEqual(['exists 1', 'created 2'])
    expect('roster' in result && result.roster?.byId(2)?.name).toBe('Borys')
    expect(harness.calls).toEqual(['list', 'add Borys'])
    expect([locks(), harness.commits]).toEqual([1, ['patched']])
    expect(await harness.journal.open()).toEqual([])
  })

  it('adds names and reactivates operators under one lock too', async () => {
    const harness = createHarness()
    harness.setPeople('Anna')
    await harness.setStatus(1, 'deleted')
    const locks = countLocks(harness)
    const result = await harness.add(['Anna', 'Borys', 'anna'], { onDeleted: 'reactivate' })
    expect(outcomesOf(result)).toEqual(['reactivated 1', 'created 2', 'exists 1'])
    expect([locks(), harness.people()[0]?.status]).toEqual([1, 'active'])
  })

  it('is kept with its rows in flight before the request leaves', async () => {
    const harness = createHarness()
    const release = harness.hold()
    const adding = harness.add(['Anna'])
    await settle()
    const [operation] = await harness.journal.open()
    expect([operation?.state, operation?.sending?.rows]).toEqual(['running', [0]])
    release()
    await adding
    expect((await harness.journal.get(operation?.id ?? ''))?.state).toBe('done')
  })

  it('leaves no record when its rows need nothing from ChatHub', async () => {
    const harness = createHarness()
    harness.setPeople('Anna')
    const result = await harness.add(['Anna'], { requestKey: 'request_a' })
    expect(outcomesOf(result)).toEqual(['exists 1'])
    expect(harness.calls).toEqual(['list'])
    expect(await harness.journal.get('24-request_a')).toBeUndefined()
  })

  it('leaves no record when it is refused for duplicates, or only previewed', async () => {
    const harness = createHarness()
    const duplicates = { onDuplicate: 'fail' } as const
    const preview = (names: string[]) =>
      harness.writer.preview(harness.writeOf(names, duplicates), harness.context())
    for (const call of [() => harness.add(['Anna', 'anna'], duplicates), () => preview(['Anna', 'anna'])])
      await expect(call()).rejects.toMatchObject({
        code: 'operator.duplicate',
        errors: [{ pointer: '/operators/1/name' }],
      })
    expect((await preview(['Anna'])).map(({ outcome }) => outcome)).toEqual(['created'])
    expect([harness.people(), await harness.journal.open()]).toEqual([[], []])
    expect(outcomesOf(await harness.add(['Anna'], duplicates))).toEqual(['created 1'])
  })

  it('that ChatHub does not take is refused, and nothing of it is kept', async () => {
    const harness = createHarness()
    harness.failNext(unavailable)
    await expect(harness.add(['Anna'])).rejects.toMatchObject({ code: 'chathub.unavailable' })
    expect(await harness.journal.open()).toEqual([])
    await harness.pass(100_000)
    expect(harness.people()).toEqual([])
  })

  it('that ChatHub rejects ends with rejected rows', async () => {
    const harness = createHarness()
    harness.failNext(rejected)
    expect(outcomesOf(await harness.add(['Anna', 'anna']))).toEqual(['rejected -', 'rejected -'])
  })

  it('is forgotten when it is done, if so requested, but not while it is in doubt', async () => {
    const harness = createHarness()
    harness.setPeople('Anna')
    await harness.setStatus(1, 'inactive', { forget: true })
    const key = `24-request_1`
    expect([harness.people()[0]?.status, await harness.journal.get(key)]).toEqual(['inactive', undefined])
    harness.failNext(lost)
    const changing = harness.setStatus(1, 'active', { forget: true })
    await settle()
    expect((await harness.journal.get('24-request_2'))?.state).toBe('running')
    await harness.pass(10_000)
    expect(outcomesOf(await changing)).toEqual(['changed 1'])
  })
})

describe('a write whose request got no answer', () => {
  it('is looked for after the settling time, and answered with what was found', async () => {
    const harness = createHarness()
    harness.failNext(lost)
    const adding = harness.add(['Anna'])
    await harness.pass(10_000)
    expect(outcomesOf(await adding)).toEqual(['created 1'])
    expect(harness.calls).toEqual(['list', 'add Anna', 'list'])
  })

  it('is answered with its operation at the deadline', async () => {
    const harness = createHarness({ settleMs: 60_000 })
    harness.failNext(unsent)
    const adding = harness.add(['Anna'])
    await harness.pass(15_000)
    expect(outcomesOf(await adding)).toEqual(['operation running'])
  })
})

describe('a write of several chunks', () => {
  it('is answered with all rows when it ends before the deadline', async () => {
    const harness = createHarness({ batchSize: 2 })
    const adding = harness.add(['A', 'B', 'C', 'D', 'E'])
    expect(outcomesOf(await adding)).toEqual([1, 2, 3, 4, 5].map((id) => `created ${id}`))
    expect(harness.calls.slice(1)).toEqual(['add A,B', 'add C,D', 'add E'])
  })

  it('begins with the first chunk that needs ChatHub', async () => {
    const harness = createHarness({ batchSize: 1 })
    harness.setPeople('A', 'B')
    const adding = harness.add(['A', 'B', 'C'])
    expect(outcomesOf(await adding)).toEqual(['exists 1', 'exists 2', 'created 3'])
  })
})

describe('a repetition of a request', () => {
  it('gets the outcome of the first one, and sends nothing', async () => {
    const harness = createHarness()
    const once = () => harness.add(['Anna'], { requestKey: 'request_a', onDuplicate: 'allow' })
    expect(outcomesOf(await once())).toEqual(['created 1'])
    expect(outcomesOf(await once())).toEqual(['created 1'])
    expect(harness.people()).toHaveLength(1)
  })

  it('gets the operation of the first one while that keeps the lock', async () => {
    const harness = createHarness({ settleMs: 60_000 })
    const once = () => harness.add(['Anna'], { requestKey: 'request_a' })
    harness.failNext(lost)
    const first = once()
    await harness.pass(15_000)
    const second = once()
    await harness.pass(15_000)
    expect([outcomesOf(await first), outcomesOf(await second)]).toEqual([
      ['operation running'],
      ['operation running'],
    ])
    expect(harness.calls).toEqual(['list', 'add Anna'])
  })
})

describe('another write to an organization with a request in doubt', () => {
  it('waits until that is reconciled', async () => {
    const harness = createHarness()
    harness.failNext(lost)
    const first = harness.add(['Anna'])
    const second = harness.add(['ANNA', 'Borys'])
    await harness.pass(10_000)
    expect([outcomesOf(await first), outcomesOf(await second)]).toEqual([
      ['created 1'],
      ['exists 1', 'created 2'],
    ])
  })

  it('is refused when that cannot be reconciled before the deadline', async () => {
    const harness = createHarness({ settleMs: 60_000 })
    harness.failNext(lost)
    const first = harness.add(['Anna'])
    const second = expect(harness.add(['Borys'])).rejects.toMatchObject({ code: 'queue.full' })
    await harness.pass(15_000)
    await Promise.all([first, second])
    expect(harness.people().map(({ name }) => name)).toEqual(['Anna'])
  })

  it('comes after a change of status that was proven absent', async () => {
    const harness = createHarness()
    harness.setPeople('Anna')
    harness.failNext(unsent)
    const first = harness.setStatus(1, 'inactive')
    const second = harness.setStatus(1, 'deleted')
    await harness.pass(10_000)
    await Promise.all([first, second])
    expect(harness.calls.filter((call) => call.startsWith('set'))).toEqual([
      'set 1 inactive',
      'set 1 inactive',
      'set 1 deleted',
    ])
    expect(harness.people()[0]?.status).toBe('deleted')
  })
})
