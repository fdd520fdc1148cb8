import { describe, expect, it } from '@jest/globals'
import { singleInstance } from '../../src/cache/coherence.ts'
import { settle } from '../support/clock.ts'
import { key } from './cache-harness.ts'
import { setUpLoaders } from './loader-harness.ts'

describe('a store', () => {
  it('that takes no writes keeps an instance that is alone from nothing', async () => {
    const { instance, shared } = setUpLoaders()
    const a = instance('a')
    shared.faults.readOnly = true
    const answer = a.coldLoad()
    await settle()
    await a.asked[0]!.succeed('list')
    expect(await answer).toBe('list')
  })

  it('that is away is waited for, for a second, by an instance that may not be alone', async () => {
    const { clock, instance, shared } = setUpLoaders()
    const a = instance('a', { ...singleInstance, expected: () => 2 })
    shared.faults.away = true
    const answer = a.coldLoad()
    await clock.advance(999)
    expect(a.asked).toHaveLength(0)
    await clock.advance(31)
    expect(a.asked).toHaveLength(1)
    await a.asked[0]!.succeed('list')
    expect(await answer).toBe('list')
    expect(a.memory.current(key)).toBeUndefined()
    expect(a.memory.get(key)).toMatchObject({ value: 'list', epoch: 'unconfirmed' })
  })

  it('that comes back in that second is asked again before ChatHub is', async () => {
    const { clock, instance, shared } = setUpLoaders()
    const a = instance('a', { ...singleInstance, expected: () => 2 })
    shared.faults.away = true
    const answer = a.coldLoad()
    await clock.advance(500)
    shared.faults.away = false
    const { epoch } = await shared.inner.read(key)
    await shared.inner.fill(key, { bytes: Buffer.from('theirs'), epoch, ageMs: 0 }, 60_000)
    await clock.advance(30)
    expect(await answer).toBe('theirs')
    expect(a.asked).toHaveLength(0)
  })

  it('whose copy cannot be read has it replaced, without waiting for a claim', async () => {
    const { instance, shared } = setUpLoaders()
    const a = instance('a')
    const { epoch } = await shared.inner.read(key)
    await shared.inner.fill(key, { bytes: Buffer.from('junk'), epoch, ageMs: 0 }, 60_000)
    const answer = a.coldLoad()
    await settle()
    await a.asked[0]!.succeed('list')
    expect(await answer).toBe('list')
    expect((await shared.inner.read(key)).stored?.bytes.toString()).toBe('list')
  })

  it('is read once for a load, and once more for each write that invalidates it', async () => {
    const { instance, shared } = setUpLoaders()
    const a = instance('a')
    const answer = a.coldLoad()
    await settle()
    expect(shared.counts.reads).toBe(1)
    a.memory.invalidate(key, false)
    await shared.inner.bump(key, undefined, 60_000)
    await a.asked[0]!.succeed('older')
    expect(shared.counts.reads).toBe(2)
    await a.asked[1]!.succeed('newer')
    expect(await answer).toBe('newer')
    expect(shared.counts.reads).toBe(2)
  })

  it('is read again before ChatHub is asked when a notice came while it was read', async () => {
    const { instance, shared } = setUpLoaders()
    const a = instance('a')
    const known = await a.loader.lookUp(key, a.context())
    a.memory.invalidate(key, false)
    const { promise } = a.loader.loadOnce(key, a.context(), { known })
    await settle()
    expect(shared.counts.reads).toBe(2)
    await a.asked[0]!.succeed('list')
    expect((await promise).value).toBe('list')
    expect(a.memory.current(key)?.value).toBe('list')
  })

  it('that has what a write made of the list during a load ends the load with it', async () => {
    const { instance, shared } = setUpLoaders()
    const a = instance('a')
    const answer = a.coldLoad()
    await settle()
    const { epoch } = await shared.inner.read(key)
    a.memory.invalidate(key, false)
    await shared.inner.bump(key, { bytes: Buffer.from('patched'), epoch, ageMs: 0 }, 60_000)
    await a.asked[0]!.succeed('older')
    expect(await answer).toBe('patched')
    expect(a.asked).toHaveLength(1)
  })
})

it('a reader whose list another load of this instance has just brought does not ask ChatHub', async () => {
  const { instance } = setUpLoaders()
  const a = instance('a')
  const first = a.coldLoad()
  const known = await a.loader.lookUp(key, a.context())
  await settle()
  await a.asked[0]!.succeed('list')
  await first
  const second = a.loader.loadOnce(key, a.context(), { known })
  expect((await second.promise).value).toBe('list')
  expect(a.asked).toHaveLength(1)
})
