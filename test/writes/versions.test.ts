import { afterEach, beforeEach, expect, it } from '@jest/globals'
import type { Journal } from '../../src/writes/journal.ts'
import { describeWithRedis } from '../support/needs.ts'
import { openRedis, type TestDatabase } from '../support/redis.ts'
import { operationOf } from './operations-of.ts'
import { openRedisJournal } from './redis-journal.ts'

describeWithRedis('records of operations', () => {
  let database: TestDatabase
  let journal: Journal
  let close = (): void => {}
  beforeEach(async () => {
    database = await openRedis()
    ;({ journal, close } = await openRedisJournal(database))
  })
  afterEach(async () => {
    close()
    await database.stop()
  })
  const keyOf = (id: string): string => `${database.prefix}ledger:{24}:operation:${id}`
  const put = (id: string, record: object) =>
    database.client().set(keyOf(id), JSON.stringify({ id, organization: 24, state: 'running', ...record }))

  it('keep the property names of the first release, which instances of both releases read', async () => {
    const sending = { since: 1, chunk: 0, attempt: 1, rows: [0], baseline: {} }
    const check = { since: 2, baseline: { anna: [3] } }
    const operation = operationOf([], {
      sending: { ...sending, noReply: false },
      givenUp: { ...sending, noReply: true },
      duplicateCheck: check,
      retryKey: 'retry-1',
    })
    const { duplicateCheck: _, retryKey: __, ...same } = operation
    const stored = {
      v: 1,
      ...same,
      sending: { ...sending, silent: false },
      givenUp: { ...sending, silent: true },
      watch: check,
      retryMark: 'retry-1',
    }
    await journal.create(operation, [[]])
    expect(JSON.parse((await database.client().get(keyOf(operation.id))) as string)).toEqual(stored)
    await put(operation.id, stored)
    expect(await journal.get(operation.id)).toEqual(operation)
  })

  it('of an older version are understood', async () => {
    // As it was written when doubt still had a date of its own.
    const doubt = { chunk: 0, attempt: 1, rows: [0], baseline: {}, doubtAt: 1_700_000_000_000 }
    await put('24-an_older_one', { v: 0, sending: doubt })
    expect(await journal.get('24-an_older_one')).toMatchObject({ state: 'running', sending: doubt })
  })

  it('of a newer version are left to newer instances: not read, not begun again, still listed as open', async () => {
    await put('24-a_newer_one', { v: 99 })
    expect(await journal.get('24-a_newer_one')).toBeUndefined()
    const again = operationOf([], { id: '24-a_newer_one' })
    await expect(journal.create(again, [[]])).rejects.toMatchObject({ code: 'redis.unavailable' })
    const openKey = `${database.prefix}ledger:open`
    await database.client().zadd(openKey, '1', '24-a_newer_one', '1', '24-without_a_record')
    expect(await journal.open()).toEqual([])
    expect(await database.client().zrange(openKey, '0', '-1')).toEqual(['24-a_newer_one'])
  })
})
