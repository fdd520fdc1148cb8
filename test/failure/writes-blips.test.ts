import { afterEach, beforeEach, expect, it } from '@jest/globals'
import { type Cutter, startCutter } from '../support/cutter.ts'
import { startGateway, type TestGateway } from '../support/gateway.ts'
import { describeWithRedis } from '../support/needs.ts'
import { openRedis, type TestDatabase } from '../support/redis.ts'
import { hasLostNothing, joinedLongAgo } from '../support/settled.ts'
import { ended, insist, namesIn } from './writes.ts'

let gateway: TestGateway
let database: TestDatabase
let link: Cutter
beforeEach(async () => {
  database = await openRedis()
  const client = database.client()
  await hasLostNothing(client, database.prefix)
  link = await startCutter(Number(new URL(database.url).port))
  gateway = await startGateway({
    env: {
      REDIS_URL: link.url,
      REDIS_PREFIX: database.prefix,
      WRITE_SETTLE_SECONDS: '1',
      WRITE_DEADLINE_MS: '8000',
      CHATHUB_BATCH_SIZE: '1',
    },
  })
  await joinedLongAgo(client, [gateway], database.prefix)
  await insist(
    () =>
      gateway.ask('POST', '/v1/organizations/24/operators', { body: { operators: [{ name: 'Warm up' }] } }),
    ({ headers }) => headers['retry-after'],
  )
})
afterEach(async () => {
  await gateway.close()
  await link.close()
  await database.stop()
})

const add = () =>
  gateway.ask('POST', '/v1/organizations/24/operators', {
    headers: { 'Idempotency-Key': 'k' },
    body: { operators: [{ name: 'Anna' }, { name: 'Borys' }], onDuplicate: 'allow' },
  })
const startImport = () =>
  gateway.ask('POST', '/v1/organizations/24/imports?onDuplicate=allow', {
    headers: { 'Idempotency-Key': 'k', 'Content-Type': 'text/csv' },
    body: 'name\nAnna\n',
  })
const annas = () => namesIn(gateway, 24).filter((name) => name === 'Anna').length
const isRecord = (text: string): boolean => text.includes(':operation:24-')
const isGet = (text: string): boolean => /\$3\r\nget\r\n/i.test(text)

describeWithRedis('a connection to Redis that is lost', () => {
  it('while an import is kept: it is kept once, and a repetition finds it', async () => {
    const cut = link.cut((text) => isRecord(text) && text.includes('"v":2'), { forward: true })
    const first = await startImport()
    await cut
    expect(first.status).toBe(202)
    await ended(gateway, first.headers['location'] as string)
    expect((await startImport()).body.id).toBe(first.body.id)
    expect(annas()).toBe(1)
  })

  it('while a repetition reads what it wrote: the next repetition finds it', async () => {
    const first = await startImport()
    await ended(gateway, first.headers['location'] as string)
    const cut = link.cut((text) => isRecord(text) && isGet(text), { forward: false })
    const second = await startImport()
    await cut
    expect([second.status, second.body.code]).toEqual([503, 'redis.unavailable'])
    const third = await insist(startImport, ({ headers }) => headers['retry-after'])
    expect([third.status, third.body.id]).toEqual([202, first.body.id])
    await ended(gateway, third.headers['location'] as string)
    expect(annas()).toBe(1)
  })

  it('after everything was sent: no caller is told that nothing was sent', async () => {
    // Rows of several chunks are read for the answer, after the operation is final.
    let over = false
    const cut = link.cut(
      (text) => {
        over ||= text.includes('"state":"done"')
        return over && /\$4\r\nhget\r\n/i.test(text)
      },
      { forward: false },
    )
    const first = await add()
    await cut
    expect([first.status, first.body.state, first.body.created]).toEqual([202, 'done', 2])
    const again = await insist(add, ({ headers }) => headers['retry-after'])
    expect([again.status, again.body.created]).toEqual([201, 2])
    expect(annas()).toBe(1)
  })
})
