import { afterAll, afterEach, expect, it } from '@jest/globals'
import { isLong } from '../support/long.ts'
import { describeWithRedisServer } from '../support/needs.ts'
import { type Running, stopEverything } from '../support/processes.ts'
import { startRedis, type TestRedis } from '../support/redis.ts'
import { hasLostNothing } from '../support/settled.ts'
import { ask, type Fleet, lapse, startFleet } from './fleet.ts'

// How long an instance that ends still accepts requests. The balancer of this test asks five times a second, and a busy
// machine delays it.
const delaySeconds = 10
const restarts = isLong ? 3 : 1

/** As balancers do it: who says that it is not ready gets no more requests. */
const balance = (instances: Set<Running>) => {
  const ready = new Set(instances)
  let over = false
  const watching = (async () => {
    while (!over) {
      for (const instance of instances) {
        const isReady = await fetch(`${instance.url}/readyz`).then(
          async (answer) => {
            await answer.arrayBuffer()
            return answer.ok
          },
          () => false,
        )
        if (isReady && instances.has(instance)) ready.add(instance)
        else ready.delete(instance)
      }
      await lapse(200)
    }
  })()
  let turn = 0
  return {
    next: (): Running => [...ready][turn++ % ready.size] as Running,
    stop: async (): Promise<void> => {
      over = true
      await watching
    },
  }
}

describeWithRedisServer(`three instances, ${restarts} of them restarted in turn`, () => {
  let redis: TestRedis
  let fleet: Fleet
  afterEach(async () => {
    await fleet.close()
    await redis.stop()
  })
  afterAll(stopEverything)

  it('under reads and writes lose no request', async () => {
    redis = await startRedis()
    await hasLostNothing(redis.client())
    const env = {
      REDIS_URL: redis.url,
      CHATHUB_REQUESTS_PER_SECOND: '1000',
      GATEWAY_INSTANCES: '3',
      SHUTDOWN_DELAY_SECONDS: String(delaySeconds),
    }
    fleet = await startFleet({ environments: [{}, {}, {}], env })
    const instances = new Set(fleet.gateways)
    const list = '/v1/organizations/24/operators'
    for (const gateway of instances) await (await ask(gateway, 'GET', list)).arrayBuffer()
    const balancer = balance(instances)
    const outcomes = new Map<string, number>()
    let over = false
    const keepAsking = async (method: string, path: string, body: () => unknown): Promise<void> => {
      while (!over) {
        const outcome = await ask(balancer.next(), method, path, { body: body() }).then(
          async (answer) => {
            await answer.arrayBuffer()
            return `${method} ${answer.status}`
          },
          (error: Error) => `${method} ${error.message} ${(error.cause as Error)?.message}`,
        )
        outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
        await lapse(10)
      }
    }
    let active = false
    const flip = (): unknown => {
      active = !active
      return { status: active ? 'active' : 'inactive' }
    }
    const asking = [
      ...Array.from({ length: 6 }, () => keepAsking('GET', list, () => undefined)),
      keepAsking('PATCH', `${list}/101`, flip),
    ]
    for (const old of [...instances].slice(0, restarts)) {
      old.signal('SIGTERM')
      expect(await old.exited).toEqual({ code: 0, signal: null })
      instances.delete(old)
      instances.add(await fleet.join())
      await lapse(400) // until the balancer has seen it
    }
    over = true
    await Promise.all(asking)
    await balancer.stop()
    process.stderr.write(`  rolling restart: ${JSON.stringify(Object.fromEntries(outcomes))}\n`)
    expect([...outcomes.keys()].toSorted()).toEqual(['GET 200', 'PATCH 200'])
  })
})
