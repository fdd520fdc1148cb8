import { afterEach, expect, it } from '@jest/globals'
import { createClock } from '../support/clock.ts'
import { startGateway, type TestGateway } from '../support/gateway.ts'
import { describeWithRedisServer } from '../support/needs.ts'
import { startRedis, type TestRedis } from '../support/redis.ts'
import { until } from '../support/until.ts'

let gateway: TestGateway
let redis: TestRedis
afterEach(async () => {
  redis.resume()
  await gateway.close()
  await redis.stop()
})

describeWithRedisServer('a write while Redis hangs', () => {
  it('is answered half a second after its deadline, whatever it waits for', async () => {
    redis = await startRedis()
    const clock = createClock()
    // A command waits for 1 s, which is longer than the deadline and the half second.
    gateway = await startGateway({ clock, env: { REDIS_URL: redis.url, WRITE_DEADLINE_MS: '400' } })
    await until(async () => (await gateway.ask('GET', '/v1/upstream')).body.redis.state === 'ready')
    redis.pause()
    const before = clock.pending()
    const answer = gateway.ask('POST', '/v1/organizations/24/operators', {
      body: { operators: [{ name: 'Anna' }] },
    })
    // The command and the deadline.
    await until(() => clock.pending() >= before + 2)
    await clock.advance(900)
    expect(await answer).toMatchObject({ status: 504, body: { code: 'write.in-doubt' } })
  })
})
