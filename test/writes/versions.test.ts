import { afterEach, beforeEach, expect, it } from '@jest/globals'
import type { JournalStore } from '../../src/writes/journal.ts'
import { createClock } from '../support/clock.ts'
import { describeWithRedis } from '../support/needs.ts'
import { openRedis, type TestDatabase } from '../support/redis.ts'
import { operationOf } from './operations-of.ts'
import { openRedisJournal } from './redis-journal.ts'

describeWithRedis('records of operations', () => {
  let database: TestDatabase
  let journal: JournalStore
  const clock = createClock()
  let close = (): void => {}
  beforeEach(async () => {
    database = await openRedis()
    ;({ journal, close } = await openRedisJournal(database, { clock }))
  })
  afterEach(async () => {
    close()
    await database.stop()
  })
  const keyOf = (id: string): string => `${database.prefix}journal:{24}:operation:${id}`
  const put = (id: string, record: object) =>
    database.client().set(keyOf(id), JSON.stringify({ id, organization: 24, state: 'running', ...record }))

  it('of another version are left alone: not read, not begun again, still listed as open', async () => {
    await put('24-another_one', { v: 99 })
    expect(await journal.get('24-another_one')).toBeUndefined()
    const again = operationOf([], { id: '24-another_one' })
    await expect(journal.create(again, [[]])).rejects.toMatchObject({ code: 'write.in-doubt' })
    const openKey = `${database.prefix}journal:{kept}:open`
    await database.client().zadd(openKey, '1', '24-another_one 0 crm', '1', '24-without_a_record 1 crm')
    expect(await journal.open()).toEqual([])
    await clock.advance(60_000)
    expect(await journal.open()).toEqual([])
    expect(await database.client().zrange(openKey, '0', '-1')).toEqual(['24-another_one 0 crm'])
  })
})
