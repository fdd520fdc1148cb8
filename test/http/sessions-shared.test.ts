import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals'
import { startGateway, type TestGateway } from '../support/gateway.ts'
import { describeWithRedisServer } from '../support/needs.ts'
import { createPacedClock } from '../support/paced-clock.ts'
import { startRedis, type TestRedis } from '../support/redis.ts'
import { hasLostNothing } from '../support/settled.ts'
import { until } from '../support/until.ts'
import { asPage, type Grant, idIn, mint, openSession, redeem, sessionEnv } from './browser-session.ts'

describeWithRedisServer('sessions of all instances', () => {
  let redis: TestRedis
  let one: TestGateway
  let two: TestGateway
  let isAlive = true
  const [clockOne, clockTwo] = [createPacedClock(), createPacedClock()]
  beforeAll(async () => {
    redis = await startRedis()
    await hasLostNothing(redis.client())
    const env = { ...sessionEnv, REDIS_URL: redis.url }
    one = await startGateway({ env, clock: clockOne })
    two = await startGateway({ env, clock: clockTwo, beside: one })
    await ready()
  })
  afterAll(async () => {
    await two.close()
    await one.close()
    await redis.stop()
  })
  beforeEach(() => ready())
  // A test that failed halfway must not take the others with it.
  afterEach(() => (isAlive ? redis.resume() : redis.restart()))

  const redisOf = async (gateway: TestGateway) => (await gateway.ask('GET', '/readyz')).body.redis
  const ready = (...gateways: TestGateway[]) =>
    Promise.all((gateways.length > 0 ? gateways : [one, two]).map(isReady))
  const isReady = (gateway: TestGateway) => until(async () => (await redisOf(gateway)) === 'ready')
  /** On a busy machine Redis may be taken for away for a moment. */
  const open = async (gateway: TestGateway, grant?: Grant): Promise<string> => {
    for (let tries = 0; ; tries++)
      try {
        return await openSession(gateway, grant)
      } catch (error) {
        if (tries > 5 || !/^503 /.test((error as Error).message)) throw error
        await ready()
      }
  }
  const me = async (gateway: TestGateway, id: string) => {
    const { status, body } = await gateway.ask('GET', '/v1/me', asPage(id))
    return status === 200 ? 200 : [status, body.code]
  }

  it('open on any instance and work on every instance', async () => {
    const { ticket } = (await mint(one)).body
    const id = idIn(await redeem(two, ticket))
    expect([await me(one, id), await me(two, id)]).toEqual([200, 200])
    expect((await redeem(one, ticket)).status).toBe(401)
  })

  it('accept a ticket once between two instances', async () => {
    const { ticket } = (await mint(one)).body
    const answers = await Promise.all([one, two, one, two].map((gateway) => redeem(gateway, ticket)))
    expect(answers.map(({ status }) => status).sort()).toEqual([204, 401, 401, 401])
  })

  it('that one instance ended have ended on the other within half a second, although they were used in it', async () => {
    const id = await open(one)
    clockOne.jump(59_500)
    clockTwo.jump(59_500)
    expect(await me(two, id)).toBe(200)
    expect((await one.ask('DELETE', '/v1/session', asPage(id))).status).toBe(204)
    expect(await me(one, id)).toEqual([401, 'credential.invalid'])
    // A use is noted once a minute. Noting it is no proof that the session still is.
    clockTwo.jump(300)
    await me(two, id)
    clockTwo.jump(150)
    expect(await me(two, id)).toEqual([401, 'credential.invalid'])
  })

  it('of a person that one instance ended have ended on the other within half a second', async () => {
    const subject = 'olena'
    const id = await open(one, { subject })
    const { ticket } = (await mint(one, { subject })).body
    expect(await me(two, id)).toBe(200)
    expect((await one.ask('DELETE', '/v1/sessions?subject=olena')).status).toBe(204)
    expect(await me(one, id)).toEqual([401, 'credential.invalid'])
    clockTwo.jump(450)
    expect(await me(two, id)).toEqual([401, 'credential.invalid'])
    expect((await redeem(two, ticket)).status).toBe(401)
    expect(await me(one, await open(two, { subject }))).toBe(200)
  })

  it('that one instance ended end their event streams at the other', async () => {
    const id = await open(one, { scopes: ['operators:import'] })
    const hold = one.simulator.hold('synchronize', 24)
    const csv = asPage(id, { 'Content-Type': 'text/csv' }, 'name\nAnna')
    let started = await one.ask('POST', '/v1/organizations/24/imports', csv)
    await until(async () => {
      if (started.status !== 202) started = await one.ask('POST', '/v1/organizations/24/imports', csv)
      return started.status === 202
    })
    const events = `${two.url}${started.headers['location']}/events`
    const stream = await fetch(events, asPage(id) as { headers: Record<string, string> })
    expect(stream.status).toBe(200)
    expect((await one.ask('DELETE', '/v1/session', asPage(id))).status).toBe(204)
    expect(await stream.text()).toContain('event: operation')
    expect((await fetch(events, asPage(id) as { headers: Record<string, string> })).status).toBe(401)
    hold.release()
  })

  it('store nothing in Redis that works as a credential: no cookie, no ticket, no key', async () => {
    const unused = (await mint(one)).body.ticket
    const id = await open(one)
    await me(two, id)
    const client = redis.client()
    let all = ''
    for (const key of await client.keys('*')) {
      const kind = await client.type(key)
      all += `${key}\n${kind === 'string' ? await client.get(key) : ''}\n`
      if (/session|ticket/.test(key)) expect(await client.pttl(key)).toBeGreaterThan(0)
    }
    expect(all).toMatch(/session:.*\n.*"organizations":\[24\]/)
    expect(all).toMatch(/ticket:/)
    for (const secret of [unused, id, one.key, sessionEnv.SESSION_SECRET]) expect(all).not.toContain(secret)
  })

  it.each(['kill', 'pause'] as const)(
    'known before Redis was lost (%s) can still read, others get 503',
    async (how) => {
      const [known, unknown] = [await open(one), await open(one)]
      const { ticket } = (await mint(one)).body
      expect(await me(two, known)).toBe(200)
      isAlive = how !== 'kill'
      await redis[how]()
      clockTwo.jump(1000)
      expect(await me(two, known)).toBe(200)
      // Their own use is noted too, which cannot succeed now and must not fail the read.
      clockTwo.jump(120_000)
      expect(await me(two, known)).toBe(200)
      expect(await me(two, unknown)).toEqual([503, 'credential.unverifiable'])
      expect(await me(two, 'n'.repeat(43))).toEqual([503, 'credential.unverifiable'])
      expect((await redeem(two, ticket)).status).toBe(503)
      expect((await mint(two)).status).toBe(503)
      expect((await two.ask('GET', '/v1/me', { key: '' })).status).toBe(401)
      expect((await two.ask('GET', '/v1/me', { key: '', headers: { Origin: 'x' } })).status).toBe(401)
      // Nobody can end a session now, so it is not believed for ever.
      clockTwo.jump(200_000)
      expect(await me(two, known)).toEqual([503, 'credential.unverifiable'])
      if (isAlive) redis.resume()
      else await redis.restart()
      isAlive = true
      await ready()
      expect(await me(two, 'n'.repeat(43))).toEqual([401, 'credential.invalid'])
    },
  )

  it('that are ended while Redis hangs answer 503, no longer work on that instance, and end when Redis continues', async () => {
    const id = await open(one)
    expect(await me(one, id)).toBe(200)
    redis.pause()
    const { status, body, headers } = await one.ask('DELETE', '/v1/session', asPage(id))
    expect([status, body.code, headers['retry-after']]).toEqual([503, 'redis.unavailable', '1'])
    expect(await me(one, id)).toEqual([503, 'credential.unverifiable'])
    redis.resume()
    await ready()
    expect(await me(one, id)).toEqual([401, 'credential.invalid'])
  })

  it('do not work on an instance with another secret', async () => {
    const id = await open(one)
    const env = { SESSION_SECRET: 'another-secret-of-32-characters-or-more', REDIS_URL: redis.url }
    const other = await startGateway({ env, beside: one })
    await ready(other)
    expect(await me(other, id)).toEqual([401, 'credential.invalid'])
    await other.close()
  })
})
