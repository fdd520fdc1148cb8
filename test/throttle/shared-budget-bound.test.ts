import { afterEach, beforeEach, expect, it } from '@jest/globals'
import { type Coherence, createCoherence, memberMs, registry } from '../../src/cache/coherence.ts'
import { systemClock as clock, pause } from '../../src/clock.ts'
import { createRedis, type Redis } from '../../src/redis/redis.ts'
import { createSharedBudget } from '../../src/throttle/shared-budget.ts'
import { busiestSecond } from '../budget/busiest-second.ts'
import { type FaultProxy, startProxy } from '../support/fault-proxy.ts'
import { describeWithRedisServer } from '../support/needs.ts'
import { startRedis, type TestRedis } from '../support/redis.ts'

const requestsPerSecond = 20
const instances = 3

describeWithRedisServer('three instances that take all they can', () => {
  let server: TestRedis
  let proxy: FaultProxy
  let connections: Redis[]
  let coherences: Coherence[]
  let sent: { at: number; by: number }[]
  let running: boolean
  let demands: Promise<void>[]

  beforeEach(async () => {
    server = await startRedis()
    proxy = await startProxy({ to: { host: '127.0.0.1', port: server.port } })
    const urls = [`redis://127.0.0.1:${proxy.port}`, server.url, server.url]
    connections = urls.map((url) =>
      createRedis({ url, prefix: 'test:', clock, commandMs: 1000, report: () => {} }),
    )
    coherences = connections.map((redis) => createCoherence({ redis, clock, instances }))
    sent = []
    running = true
    demands = connections.flatMap((redis, by) => {
      const membership = coherences[by] as Coherence
      const budget = createSharedBudget({ redis, requestsPerSecond, clock, membership, registry, memberMs })
      const demand = async (): Promise<void> => {
        while (running) {
          const grant = await budget.take('urgent')
          if ('waitMs' in grant) await pause(clock, grant.waitMs)
          else {
            const at = clock.now()
            if (grant.slot.consume()) sent.push({ at, by })
            else grant.slot.release()
          }
        }
      }
      return [demand(), demand()]
    })
  })
  afterEach(async () => {
    running = false
    server.resume()
    await Promise.all(demands)
    await Promise.all(coherences.map((coherence) => coherence.close()))
    for (const redis of connections) redis.close()
    await proxy.close()
    await server.stop()
  })

  /** Resolves when `count` more requests were sent, by this instance if one is given. */
  const more = async (count: number, by?: number): Promise<void> => {
    const ofInterest = () => sent.filter((request) => by === undefined || request.by === by).length
    const before = ofInterest()
    while (ofInterest() < before + count) await pause(clock, 10)
  }
  const judge = (): void => expect(busiestSecond(sent)).toBeLessThanOrEqual(requestsPerSecond)

  it('send at most N in any second when Redis is emptied or restarted', async () => {
    await more(2 * requestsPerSecond)
    await server.client().flushall()
    await more(2 * requestsPerSecond)
    await server.restart()
    await more(2 * requestsPerSecond)
    judge()
  })

  it('send at most N in any second when one of them is cut off, uses its own share and comes back', async () => {
    await more(requestsPerSecond)
    await proxy.set('blackhole')
    await more(2 * Math.floor(requestsPerSecond / instances), 0)
    await more(requestsPerSecond)
    await proxy.set('pass')
    while (connections[0]?.state() === 'away') await pause(clock, 10)
    await more(1, 0)
    await more(3 * requestsPerSecond)
    judge()
  })

  it('send at most N in any second when Redis hangs and comes back', async () => {
    await more(requestsPerSecond)
    server.pause()
    for (let by = 0; by < instances; by++) await more(2, by)
    server.resume()
    await more(3 * requestsPerSecond)
    judge()
  })
})
