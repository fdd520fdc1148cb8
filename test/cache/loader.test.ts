import { describe, expect, it } from '@jest/globals'
import { Failure } from '../../src/errors.ts'
import { settle } from '../support/clock.ts'
import { key, times } from './cache-harness.ts'
import { setUpLoaders } from './loader-harness.ts'

const claimMs = 2000

describe('of several instances', () => {
  it('one loads, and the others take its copy from the store', async () => {
    const { clock, instance, shared } = setUpLoaders()
    const [a, b] = [instance('a'), instance('b')]
    const answers = [a.coldLoad(), b.coldLoad()]
    await clock.advance(500)
    expect([a.asked.length, b.asked.length]).toEqual([1, 0])
    await a.asked[0]!.succeed('list')
    await clock.advance(30)
    expect(await Promise.all(answers)).toEqual(['list', 'list'])
    expect(b.asked).toHaveLength(0)
    expect(shared.claims.size).toBe(0)
  })

  it('one that lives keeps its claim for as long as its load takes', async () => {
    const { clock, instance } = setUpLoaders()
    const [a, b] = [instance('a'), instance('b')]
    void a.coldLoad()
    const waiting = b.coldLoad().catch((error) => error)
    await clock.advance(9000)
    expect([a.asked.length, b.asked.length]).toEqual([1, 0])
    await a.asked[0]!.succeed('late')
    await clock.advance(30)
    expect(await waiting).toBe('late')
  })

  it('one that dies while it loads costs the others the lease of its claim and no more', async () => {
    const { clock, instance, shared } = setUpLoaders()
    const b = instance('b')
    shared.claims.set(key, { owner: 'dead', urgency: 'foreground', until: clock.now() + claimMs })
    const waiting = b.coldLoad()
    await clock.advance(claimMs - 1)
    expect(b.asked).toHaveLength(0)
    await clock.advance(31)
    expect(b.asked).toHaveLength(1)
    await b.asked[0]!.succeed('list')
    expect(await waiting).toBe('list')
  })

  it('one whose load fails gives its claim back, and the next one loads', async () => {
    const { clock, instance, shared } = setUpLoaders()
    const [a, b] = [instance('a'), instance('b')]
    const failing = a.coldLoad().catch((error) => error.code)
    const waiting = b.coldLoad()
    await settle()
    await a.asked[0]!.fail(new Failure('chathub.unavailable'))
    expect(await failing).toBe('chathub.unavailable')
    expect(shared.claims.size).toBe(0)
    await clock.advance(30)
    await b.asked[0]!.succeed('list')
    expect(await waiting).toBe('list')
  })

  it('one that waits for a claim gives up at its deadline', async () => {
    const { clock, instance, shared } = setUpLoaders()
    const b = instance('b')
    shared.claims.set(key, { owner: 'other', urgency: 'foreground', until: Number.POSITIVE_INFINITY })
    const waiting = b.coldLoad().catch((error) => error)
    await clock.advance(10_030)
    expect(await waiting).toMatchObject({ code: 'chathub.timeout', retryAfterMs: 1000 })
  })

  it('one that needs a new list waits for no claim, and takes no copy', async () => {
    const { instance, shared, clock } = setUpLoaders()
    const b = instance('b')
    shared.claims.set(key, { owner: 'other', urgency: 'foreground', until: Number.POSITIVE_INFINITY })
    const { promise } = b.loader.loadOnce(key, b.context(), { isNew: true })
    await settle()
    expect(b.asked).toHaveLength(1)
    await b.asked[0]!.succeed('new')
    expect((await promise).value).toBe('new')
    expect(shared.claims.get(key)?.owner).toBe('other')
    await clock.advance(1)
    const again = b.loader.loadOnce(key, b.context(), { isNew: true })
    await settle()
    expect(b.asked).toHaveLength(2)
    await b.asked[1]!.succeed('newer')
    expect((await again.promise).value).toBe('newer')
  })

  /** An instance that has a list, and another millisecond. */
  const setUpKnown = async () => {
    const { instance, shared, clock } = setUpLoaders()
    const a = instance('a')
    void a.coldLoad()
    await settle()
    await a.asked[0]!.succeed('list')
    await clock.advance(1)
    return { a, shared }
  }

  it('one that is about to write a list that it knows asks the store nothing, and leaves it to the write', async () => {
    const { a, shared } = await setUpKnown()
    const before = { ...shared.counts }
    const { promise } = a.loader.loadOnce(key, a.context('writes'), { isNew: true, forWrite: true })
    await settle()
    await a.asked[1]!.succeed('new')
    const { epoch } = await promise
    expect([a.memory.current(key)?.value, shared.counts, shared.claims.size]).toEqual(['new', before, 0])
    expect((await shared.inner.read(key)).epoch).toBe(epoch)
  })

  it('one that is about to write loads again under a claim when a notice invalidates its list', async () => {
    const { a, shared } = await setUpKnown()
    const { promise } = a.loader.loadOnce(key, a.context('writes'), { isNew: true, forWrite: true })
    await settle()
    const { epoch } = await shared.inner.bump(key, undefined, 1000)
    a.memory.invalidate(key, false)
    await a.asked[1]!.succeed('overtaken')
    expect([a.memory.current(key), shared.claims.size]).toEqual([undefined, 1])
    await a.asked[2]!.succeed('new')
    expect(await promise).toMatchObject({ value: 'new', epoch })
    expect([shared.claims.size, (await shared.inner.read(key)).stored?.bytes.toString()]).toEqual([0, 'new'])
  })

  it('one that is about to write a list that is not current here claims and stores it', async () => {
    const { instance, shared } = setUpLoaders()
    const a = instance('a')
    const { promise } = a.loader.loadOnce(key, a.context('writes'), { isNew: true, forWrite: true })
    await settle()
    expect(shared.claims.size).toBe(1)
    await a.asked[0]!.succeed('new')
    await promise
    expect([shared.counts.fills, shared.claims.size]).toEqual([1, 0])
  })
})

describe('a claim', () => {
  it('is not taken for a list that is young enough to be served', async () => {
    const { clock, instance, shared } = setUpLoaders()
    const [a, b] = [instance('a'), instance('b')]
    void a.coldLoad()
    await settle()
    await a.asked[0]!.succeed('list')
    const { claims } = shared.counts
    await clock.advance(times.freshMs + times.revalidateMs - 1)
    expect(await b.coldLoad()).toBe('list')
    expect(shared.counts.claims).toBe(claims)
  })

  it('is given back when this instance remembers a copy that the store has lost', async () => {
    const { instance, shared } = setUpLoaders()
    const a = instance('a')
    void a.coldLoad()
    await settle()
    await a.asked[0]!.succeed('list')
    shared.faults.lostCopies = true
    expect(await a.coldLoad()).toBe('list')
    await settle()
    expect(a.asked).toHaveLength(1)
    expect(shared.claims.size).toBe(0)
  })

  it('is not asked for while ChatHub refuses the list', async () => {
    const { instance, shared } = setUpLoaders()
    const a = instance('a')
    const refused = a.coldLoad().catch((error) => error.code)
    await settle()
    await a.asked[0]!.fail(new Failure('chathub.forbidden'))
    expect(await refused).toBe('chathub.forbidden')
    const { claims } = shared.counts
    expect(await a.coldLoad().catch((error) => error.code)).toBe('chathub.forbidden')
    expect(shared.counts.claims).toBe(claims)
    expect(shared.claims.size).toBe(0)
  })
})
