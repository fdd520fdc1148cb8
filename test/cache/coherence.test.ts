import { afterAll, beforeAll, expect, it } from '@jest/globals'
import { startGateway, type TestGateway } from '../support/gateway.ts'
import { isLong } from '../support/long.ts'
import { describeWithRedisServer } from '../support/needs.ts'
import { startRedis, type TestRedis } from '../support/redis.ts'

const pairs = isLong ? 100_000 : 60
const list = '/v1/organizations/24/operators'

describeWithRedisServer('three instances on one Redis', () => {
  let redis: TestRedis
  let a: TestGateway
  let b: TestGateway
  let c: TestGateway

  beforeAll(async () => {
    redis = await startRedis()
    const env = { REDIS_URL: redis.url, CHATHUB_REQUESTS_PER_SECOND: '5000', LOG_LEVEL: 'silent' }
    a = await startGateway({ env })
    b = await startGateway({ env, beside: a })
    c = await startGateway({ env, beside: a })
  })
  afterAll(async () => {
    await c.close()
    await b.close()
    await a.close()
    await redis.stop()
  })

  it(
    `serves no stale list in ${pairs} writes on one instance read on another`,
    async () => {
      const instances = [a, b, c]
      let stale = 0
      let fresh = 0
      let marked = 0
      // The registry is young at first, so that the first write waits a lease; every one after that costs a round trip.
      await a.ask('PATCH', `${list}/101`, { body: { status: 'inactive' } })
      for (let i = 0; i < pairs; i++) {
        const status = i % 2 === 0 ? 'active' : 'inactive'
        const writer = instances[i % 3] as TestGateway
        const reader = instances[(i + 1 + (i % 2)) % 3] as TestGateway
        const written = await writer.ask('PATCH', `${list}/101`, { body: { status } })
        expect(written.status).toBe(200)
        const read = await reader.ask('GET', list)
        // An instance that Redis did not answer in time, for a moment, says that its list is old.
        const how = read.headers['cache-status'] ?? ''
        if (/ttl=-/.test(how)) marked++
        else if (read.body.items[0].status !== status) stale++
        if (/; hit; ttl=\d/.test(how)) fresh++
      }
      process.stdout.write(
        `${pairs} pairs: ${stale} stale, ${fresh} answered fresh without asking ChatHub, ${marked} marked as stale\n`,
      )
      expect(stale).toBe(0)
      expect(fresh).toBeGreaterThan(0)
    },
    isLong ? 6_000_000 : 300_000,
  )
})
