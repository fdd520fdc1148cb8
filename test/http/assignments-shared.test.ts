import { afterAll, beforeAll, expect, it } from '@jest/globals'
import { startGateway, type TestGateway } from '../support/gateway.ts'
import { describeWithRedisServer } from '../support/needs.ts'
import { startRedis, type TestRedis } from '../support/redis.ts'
import { hasLostNothing } from '../support/settled.ts'

const path = '/v1/organizations/24/assignments'
/** A gateway listens before it has reached Redis. */
const connected = async (options: Parameters<typeof startGateway>[0]): Promise<TestGateway> => {
  const gateway = await startGateway(options)
  for (let tries = 0; tries < 500; tries++)
    if ((await gateway.ask('GET', '/readyz', { key: '' })).body.redis === 'ready') return gateway
  throw new Error('Redis is not reached')
}
const active = [201, 202, 203, 204]

describeWithRedisServer('assignments through three gateways on one Redis', () => {
  let redis: TestRedis
  let env: Record<string, string>
  const gateways: TestGateway[] = []
  const at = (i: number): TestGateway => gateways[i % gateways.length] as TestGateway
  const operatorFor = async (chatId: string, instance: number): Promise<number> => {
    const { status, body } = await at(instance).ask('POST', path, { body: { chatId } })
    expect(status).toBe(200)
    return body.operator
  }
  const inTens = async (ids: string[], shift: number): Promise<number[]> => {
    const got: number[] = []
    for (let from = 0; from < ids.length; from += 10)
      got.push(
        ...(await Promise.all(
          ids.slice(from, from + 10).map((chat, i) => operatorFor(chat, from + i + shift)),
        )),
      )
    return got
  }
  const setStatus = (operator: number, status: string) =>
    at(0).ask('PATCH', `/v1/organizations/24/operators/${operator}`, { body: { status } })

  beforeAll(async () => {
    redis = await startRedis()
    await hasLostNothing(redis.client())
    env = { REDIS_URL: redis.url }
    const operators = active.map((id) => ({ id, name: `Person ${id}` }))
    const simulator = { organizations: [{ id: 24, name: 'Customer Support', operators }] }
    gateways.push(await connected({ env, simulator }))
    for (let i = 0; i < 2; i++) gateways.push(await connected({ env, beside: at(0) }))
  })
  afterAll(async () => {
    for (const gateway of gateways.toReversed()) await gateway.close()
    await redis.stop()
  })

  const chats = Array.from({ length: 300 }, (_, i) => `chat-${i}`)
  const count = (all: number[], id: number) => all.filter((operator) => operator === id).length

  it('spread 300 chats evenly, equally on every instance, and move only chats of an operator who left', async () => {
    const first = await inTens(chats, 0)
    for (const id of active) expect(count(first, id)).toBe(75)
    expect(await inTens(chats, 1)).toEqual(first)

    await setStatus(202, 'inactive')
    const second = await inTens(chats, 2)
    for (const [i, operator] of first.entries()) if (operator !== 202) expect(second[i]).toBe(operator)
    for (const id of [201, 203, 204]) expect(count(second, id)).toBe(100)

    await setStatus(202, 'active')
    const fresh = await inTens(
      Array.from({ length: 40 }, (_, i) => `new-${i}`),
      0,
    )
    for (const id of active) expect(count(fresh, id)).toBe(10)
  })

  it('agree when every instance is asked for the same new chat at once', async () => {
    for (let round = 0; round < 10; round++) {
      const got = await Promise.all(
        Array.from({ length: 12 }, (_, i) =>
          at(i).ask('POST', path, { body: { chatId: `contested-${round}` } }),
        ),
      )
      expect(new Set(got.map(({ body }) => body.operator)).size).toBe(1)
      expect(got.filter(({ body }) => body.explain.reason === 'fewestChats')).toHaveLength(1)
    }
  })

  it('are kept when every gateway restarts', async () => {
    const before = await inTens(chats.slice(0, 20), 0)
    const restarted = await connected({ env, beside: at(0) })
    for (const [i, chatId] of chats.slice(0, 20).entries()) {
      const { body } = await restarted.ask('POST', path, { body: { chatId } })
      expect([body.operator, body.explain.reason]).toEqual([before[i], 'held'])
    }
    await restarted.close()
  })

  it('are refused with 503 while Redis is away, before ChatHub is asked, for any organization alike', async () => {
    await redis.kill()
    // Each instance finds out by its first command.
    for (const { ask } of gateways) await ask('GET', `${path}/chat-0`)
    const cold = await startGateway({ env, beside: at(0) })
    at(0).simulator.clearArrivals()
    for (const { ask } of [...gateways, cold])
      for (const organization of [24, 777])
        for (const [method, end, options] of [
          ['POST', '', { body: { chatId: 'chat-0' } }],
          ['GET', '/chat-0', {}],
          ['DELETE', '/chat-0', {}],
        ] as const) {
          const url = `/v1/organizations/${organization}/assignments${end}`
          const { status, body } = await ask(method, url, options)
          expect([status, body.code]).toEqual([503, 'redis.unavailable'])
        }
    expect(at(0).simulator.arrivals()).toEqual([])
    await cold.close()
  })
})
