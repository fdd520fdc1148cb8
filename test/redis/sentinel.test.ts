import { afterEach, expect, it } from '@jest/globals'
import { endWhatIsLeft, startBeside } from '../failure/faulty-redis.ts'
import { startProxy } from '../support/fault-proxy.ts'
import { describeWithRedisServer } from '../support/needs.ts'
import { startRedis } from '../support/redis.ts'
import { hasLostNothing } from '../support/settled.ts'
import { until } from '../support/until.ts'
import { startSentinel } from './sentinel.ts'

const ends: (() => Promise<void>)[] = []
afterEach(async () => {
  await endWhatIsLeft()
  for (const end of ends.splice(0).toReversed()) await end()
})

/** A gateway that asks for its master over a link that can be made bad. */
const start = async () => {
  const master = await startRedis({})
  ends.push(master.stop)
  await hasLostNothing(master.client())
  const replica = await startRedis({ args: ['--replicaof', '127.0.0.1', `${master.port}`] })
  ends.push(replica.stop)
  const sentinel = await startSentinel(master.port)
  ends.push(sentinel.stop)
  const link = await startProxy({ to: { host: '127.0.0.1', port: sentinel.port } })
  ends.push(link.close)
  const gateway = await startBeside(`redis+sentinel://127.0.0.1:${link.port}/team`)
  await gateway.isTrusted()
  const isPromoted = async (): Promise<boolean> =>
    (await replica.client().info('replication')).includes('role:master')
  return { master, link, gateway, isPromoted }
}

describeWithRedisServer('a master that another takes over from', () => {
  it('is found again though the Sentinel is slow, and tells of the change while it is asked', async () => {
    const { master, link, gateway, isPromoted } = await start()
    await link.set({ latency: 300 })
    await master.kill()
    await until(isPromoted)
    await gateway.isTrusted()
    expect((await gateway.add()).status).toBe(201)
  })

  it('is found again though the Sentinel said nothing for a while', async () => {
    const { master, link, gateway, isPromoted } = await start()
    await link.set('hold')
    const { accepted } = link
    await master.kill()
    await until(isPromoted)
    await until(() => link.accepted >= accepted + 4) // it goes on asking
    await link.set('pass')
    await gateway.isTrusted()
    expect((await gateway.add()).status).toBe(201)
  })
})
