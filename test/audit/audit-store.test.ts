import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type { AuditStore, Retention } from '../../src/audit/audit-store.ts'
import { recordsOf, replaceNames } from '../../src/audit/entry.ts'
import { createMemoryAuditStore } from '../../src/audit/memory-audit-store.ts'
import { createClock } from '../support/clock.ts'
import { describeWithRedis } from '../support/needs.ts'
import { openRedis, type TestDatabase } from '../support/redis.ts'
import { added, openMemoryStore, openRedisStore } from './audit-stores.ts'

type Open = (retention?: Partial<Retention>) => Promise<{ store: AuditStore; close(): void }>
const latest = { ms: Number.MAX_SAFE_INTEGER }
let organizations = 1000

/** What every store of audit records guarantees. */
const suite = (open: () => Open): void => {
  const closing: (() => void)[] = []
  afterAll(() => {
    for (const close of closing) close()
  })
  const fresh = async (retention?: Partial<Retention>) => {
    const { store, close } = await open()(retention)
    closing.push(close)
    const organization = ++organizations
    const names = async () =>
      (await store.read(organization, latest, 0, 1000)).flatMap((entry) =>
        recordsOf(organization, entry).map(({ operator }) => operator?.name),
      )
    return { store, organization, names }
  }

  it('keeps changes newest first, and names the organization', async () => {
    const { store, organization, names } = await fresh()
    await store.append(organization, added(['Anna', 'Borys']))
    await store.append(organization, added(['Clara'], { step: { name: 'two', keepMs: 1000 } }))
    expect(await names()).toEqual(['Clara', 'Borys', 'Anna'])
    expect(await store.organizations()).toContain(organization)
    expect(await store.read(organizations + 1, latest, 0, 10)).toEqual([])
  })

  it('keeps a change once that is told again under its key, alone or among others', async () => {
    const { store, organization, names } = await fresh()
    await store.append(organization, added(['Anna', 'Borys']))
    await store.append(organization, added(['Anna', 'Borys']))
    await store.append(organization, added(['Anna', 'Borys', 'Clara']))
    expect(await names()).toEqual(['Clara', 'Borys', 'Anna'])
    await store.append(organization, added(['Anna'], { step: { name: 'another', keepMs: 1000 } }))
    expect(await names()).toHaveLength(4)
  })

  it('keeps each change that has no step', async () => {
    const { store, organization, names } = await fresh()
    const { step: _, ...told } = added(['Anna'])
    await store.append(organization, told)
    await store.append(organization, told)
    expect(await names()).toEqual(['Anna', 'Anna'])
  })

  it('reads from one entry down to a time, that entry included', async () => {
    const { store, organization } = await fresh()
    for (const name of ['1', '2', '3', '4'])
      await store.append(organization, added([name], { step: { name, keepMs: 1000 } }))
    const all = await store.read(organization, latest, 0, 10)
    expect(all).toHaveLength(4)
    const [, second, third] = all as Required<typeof all>
    expect(await store.read(organization, second as { ms: number }, 0, 2)).toEqual([second, third])
    expect(await store.read(organization, latest, Number.MAX_SAFE_INTEGER, 2)).toEqual([])
  })

  it('forgets the oldest entries beyond about the most that are kept', async () => {
    const { store, organization } = await fresh({ entriesMax: 100 })
    for (let i = 0; i < 400; i++)
      await store.append(organization, added(['Anna'], { step: { name: `${i}`, keepMs: 1000 } }))
    const left = await store.read(organization, latest, 0, 1000)
    expect(left.length).toBeGreaterThanOrEqual(100)
    expect(left.length).toBeLessThan(210)
  })

  it('replaces a name without moving an entry, also in what is appended meanwhile', async () => {
    const { store, organization, names } = await fresh()
    for (let i = 0; i < 450; i++)
      await store.append(organization, added(['Anna', 'Borys'], { step: { name: `${i}`, keepMs: 1000 } }))
    const idsOf = async () =>
      (await store.read(organization, latest, 0, 1000)).slice(-450).map(({ ms, seq }) => `${ms}-${seq}`)
    const before = await idsOf()
    const erase = (bytes: Buffer) => replaceNames(bytes, (id, name) => (id === 100 ? '[erased]' : name)).bytes
    const later = Array.from({ length: 20 }, (_, i) =>
      store.append(organization, added(['Anna'], { step: { name: `later ${i}`, keepMs: 1000 } })),
    )
    await Promise.all([store.rewrite(organization, erase), ...later])
    expect(await idsOf()).toEqual(before)
    const left = await names()
    expect(left.filter((name) => name === 'Borys')).toHaveLength(450)
    expect(left).toHaveLength(920)
    await store.rewrite(organization, erase)
    expect((await names()).filter((name) => name === 'Anna')).toEqual([])
  })

  it('lets two replacements at once leave neither name', async () => {
    const { store, organization, names } = await fresh()
    for (let i = 0; i < 300; i++)
      await store.append(organization, added(['Anna', 'Borys'], { step: { name: `${i}`, keepMs: 1000 } }))
    const erase = (erased: number) => (bytes: Buffer) =>
      replaceNames(bytes, (id, name) => (id === erased ? '[erased]' : name)).bytes
    await Promise.all([store.rewrite(organization, erase(100)), store.rewrite(organization, erase(101))])
    expect(new Set(await names())).toEqual(new Set(['[erased]']))
  })
}

describe('the audit records of one process', () => {
  suite(() => openMemoryStore)

  it('are kept also of an organization that begins when the memory is in use; the oldest of all go first', async () => {
    const clock = createClock()
    const store = createMemoryAuditStore(clock, { keepMs: 1000, entriesMax: 10_000 }, 30_000)
    const append = async (organization: number, count: number): Promise<void> => {
      for (let i = 0; i < count; i++)
        await store.append(organization, added(['Anna'], { step: { name: `${i}`, keepMs: 1000 } }))
    }
    await append(1, 300)
    const before = (await store.read(1, latest, 0, 1000)).length
    await clock.advance(1)
    await append(2, 30)
    expect(await store.read(2, latest, 0, 1000)).toHaveLength(30)
    const left = (await store.read(1, latest, 0, 1000)).length
    expect([left > 0, left < before]).toEqual([true, true])
  })
})

describeWithRedis('the audit records in Redis', () => {
  let database: TestDatabase
  beforeAll(async () => {
    database = await openRedis()
  })
  afterAll(() => database.stop())
  suite(() => openRedisStore(database))

  it('leave no copy for ever when a replacement fails in the middle', async () => {
    const { store, close } = await openRedisStore(database)()
    const organization = ++organizations
    for (const name of ['one', 'two'])
      await store.append(organization, added([name], { step: { name, keepMs: 1000 } }))
    let replaced = 0
    const failing = (bytes: Buffer): Buffer => {
      if (++replaced === 2) throw new Error('an entry that cannot be read')
      return bytes
    }
    await expect(store.rewrite(organization, failing)).rejects.toThrow()
    const client = database.client()
    const copies = await client.keys(`${database.prefix}audit:{${organization}}:copy:*`)
    expect(await Promise.all(copies.map((key) => client.pttl(key)))).not.toContain(-1)
    close()
  })
})
