import { afterEach, describe, expect, it } from '@jest/globals'
import { Webhook } from 'standardwebhooks'
import { parseEventPlace } from '../../src/contract/event.ts'
import { until } from '../support/until.ts'
import type { Received } from './webhook-receiver.ts'
import { callerOf, createWebhookWorld, request, type WebhookWorld } from './webhook-world.ts'

const hour = 3_600_000
let world: WebhookWorld
afterEach(() => world.stop())
const start = async (options = {}) => {
  world = await createWebhookWorld(options)
  return world
}
const organizationOf = ({ body }: Received) => body.data.organization

describe('a webhook', () => {
  it('gets everything in order from a receiver that fails 5 times, hangs and comes back; other organizations do not wait', async () => {
    const { clock, create, names, next, receiver, tell, webhooks, caller, reports } = await start()
    const { id } = await create()
    let failed = 0
    receiver.reply = (message) => {
      if (organizationOf(message) !== 24) return 204
      if (failed++ < 5) return failed % 2 === 0 ? 500 : { status: 503, headers: { 'retry-after': '30' } }
      return failed === 7 ? 204 : failed === 6 ? 'hang' : 204
    }
    await tell(24, 'a', 'b')
    await tell(6, 'x')
    await tell(24, 'c')
    await clock.advance(1000)
    await until(() => names(receiver.taken, 6).length === 1)
    for (let attempts = 1; attempts <= 5; attempts++) {
      await until(() => failed === attempts)
      await until(async () => (await webhooks.get(caller, id)).failing[0]?.attempts === attempts)
      const [waiting] = (await webhooks.get(caller, id)).failing
      const pauseMs = Date.parse(waiting?.nextAttemptAt as string) - clock.wall()
      // The receiver asks for half a minute.
      if (attempts === 1) expect(pauseMs).toBe(30_000)
      await tell(6, `y${attempts}`)
      await clock.advance(1000)
      await until(() => names(receiver.taken, 6).length === 1 + attempts)
      expect(names(receiver.taken, 24)).toEqual([])
      await next(id)
    }
    // It hangs until the time of an attempt is over.
    await until(() => failed === 6)
    await clock.advance(10_000)
    await until(async () => (await webhooks.get(caller, id)).failing[0]?.reason === 'timeout')
    await next(id)
    await until(() => names(receiver.taken, 24).length === 3)
    expect(names(receiver.taken, 24)).toEqual(['a', 'b', 'c'])
    expect(names(receiver.taken, 6)).toEqual(['x', 'y1', 'y2', 'y3', 'y4', 'y5'])
    // Each attempt at an event has the same id and the same body.
    const first = receiver.all.filter((message) => message.body.data.operator?.name === 'a')
    expect([first.length, new Set(first.map((one) => one.id + one.text)).size]).toEqual([7, 1])
    expect(first[0]?.id).toBe(first[0]?.body.data.id)
    await until(async () => (await webhooks.get(caller, id)).failing.length === 0 && reports.length === 15)
    const outcomes = reports.flatMap((one) =>
      one.name === 'webhook-delivery' && one.organization === 24 ? one.outcome : [],
    )
    expect(outcomes).toEqual([...Array(5).fill('status'), 'timeout', ...Array(3).fill('delivered')])
  })

  it('is tried for 24 hours; then the event is a dead letter, and a replay sends it again with all that followed', async () => {
    const { clock, create, names, next, receiver, tell, webhooks, caller } = await start()
    const { id } = await create()
    let isBroken = true
    receiver.reply = (message) => (isBroken && message.body.data.operator?.name === 'b' ? 500 : 200)
    await tell(24, 'a', 'b', 'c')
    await clock.advance(1000)
    const begun = clock.wall()
    let attempts = 0
    while ((await webhooks.deadLetters(caller, id)).length === 0) {
      attempts++
      await until(async () => {
        const { failing, deadLetters } = await webhooks.get(caller, id)
        return deadLetters === 1 || failing[0]?.attempts === attempts
      })
      if ((await webhooks.get(caller, id)).deadLetters === 0) await next(id)
    }
    // 5 s, 15 s, 45 s … 2 h: the last attempt is made after 24 hours.
    expect(clock.wall() - begun).toBeGreaterThanOrEqual(24 * hour)
    expect(clock.wall() - begun).toBeLessThan(24.1 * hour)
    expect([attempts > 15, attempts < 30]).toEqual([true, true])
    await until(() => names().length === 2)
    expect(names()).toEqual(['a', 'c'])
    const [dead] = await webhooks.deadLetters(caller, id)
    expect(dead).toMatchObject({ organization: 24, type: 'operator.added', status: 500, reason: 'status' })
    expect(JSON.stringify(dead)).not.toContain('"b"')

    isBroken = false
    expect((await webhooks.replay(caller, id, {}, request())).deadLetters).toBe(0)
    await clock.advance(2000)
    await until(() => names().length === 4)
    expect(names()).toEqual(['a', 'c', 'b', 'c'])
    // Behind an event of its choice, too.
    await webhooks.replay(
      caller,
      id,
      { after: parseEventPlace(receiver.taken[0]?.id as string) as never },
      request(),
    )
    await clock.advance(2000)
    await until(() => names().length === 6)
    expect(names().slice(4)).toEqual(['b', 'c'])
  })

  it('stops when the receiver answers 410, and a replay goes on where it stopped', async () => {
    const { clock, create, names, receiver, tell, webhooks, caller, reports } = await start()
    const { id } = await create()
    receiver.reply = () => 410
    await tell(24, 'a', 'b')
    await clock.advance(1000)
    await until(async () => (await webhooks.get(caller, id)).state === 'stopped')
    await tell(6, 'x')
    await clock.advance((4 * hour) / 1000)
    expect(receiver.all).toHaveLength(1)
    expect(await webhooks.get(caller, id)).toMatchObject({ reason: 'receiver' })
    expect(reports.some(({ name }) => name === 'webhook-stopped')).toBe(true)
    receiver.reply = () => 200
    expect(await webhooks.replay(caller, id, {}, request())).toMatchObject({ state: 'active', reason: null })
    await clock.advance(2000)
    await until(() => names().length === 3)
    expect([names(receiver.taken, 24), names(receiver.taken, 6)]).toEqual([['a', 'b'], ['x']])
  })

  it('is signed by Standard Webhooks, during an overlap with both secrets', async () => {
    const { clock, create, receiver, tell, webhooks, caller } = await start()
    const { id, secret } = await create()
    expect(secret).toMatch(/^whsec_[\w+/]{43}=$/)
    receiver.secrets = [secret]
    await tell(24, 'a')
    await clock.advance(1000)
    await until(() => receiver.taken.length === 1)
    const [message] = receiver.taken as [Received]
    expect(new Webhook(secret).verify(message.text, message.headers)).toEqual(message.body)
    expect(() => new Webhook(secret).verify(`${message.text} `, message.headers)).toThrow()
    expect(message.body).toMatchObject({ type: 'operator.added', timestamp: message.body.data.observedAt })
    expect(message.headers['content-type']).toBe('application/json')

    const asked = request()
    const rotated = await webhooks.rotate(caller, id, { overlapSeconds: 3600 }, asked)
    // A repetition of the request gets the same secret.
    expect((await webhooks.rotate(caller, id, { overlapSeconds: 3600 }, asked)).secret).toBe(rotated.secret)
    receiver.secrets.push(rotated.secret)
    const signedBy = async (name: string) => {
      const before = receiver.taken.length
      await tell(24, name)
      await clock.advance(1000)
      await until(() => receiver.taken.length > before)
      return receiver.taken.at(-1)?.signedBy
    }
    expect(await signedBy('b')).toEqual([0, 1])
    expect((await webhooks.get(caller, id)).secrets).toHaveLength(2)
    clock.jumpWall(hour)
    expect(await signedBy('c')).toEqual([1])
    const shown = await webhooks.get(caller, id)
    expect([shown.secrets.length, JSON.stringify(shown).includes('whsec_')]).toEqual([1, false])
  })

  it('stops at once with its key, its scope or an organization, and begins with `resync` where one comes', async () => {
    const { callers, clock, create, names, receiver, tell, webhooks } = await start()
    const keyHash = 'sha256:1'
    callers.set(keyHash, callerOf([24, 6]))
    const { id } = await create()
    await clock.advance(1000)
    receiver.reply = (message) => (organizationOf(message) === 6 ? 'hang' : 200)
    await tell(24, 'a')
    await tell(6, 'x')
    await clock.advance(1000)
    await until(() => receiver.all.length === 2)
    // The connection of what is in flight ends within a second.
    callers.set(keyHash, callerOf([24]))
    await clock.advance(1000)
    await until(() => receiver.cut === 1)
    await tell(6, 'y')
    await tell(24, 'b')
    await clock.advance(20_000)
    await until(() => names(receiver.taken, 24).length === 2)
    expect(names(receiver.all, 6)).toEqual(['x'])
    const lost = callerOf([24])
    for (const without of [undefined, { ...lost, scopes: new Set<never>() }, { ...lost, id: 'other' }]) {
      if (without) callers.set(keyHash, without)
      else callers.delete(keyHash)
      await clock.advance(1000)
      await tell(24, `c${String(without?.id)}`)
      await clock.advance(20_000)
      expect(names(receiver.all, 24)).toEqual(['a', 'b'])
      expect(await webhooks.get(callerOf([24]), id)).toMatchObject({ state: 'stopped', reason: 'key' })
    }
    receiver.reply = () => 200
    callers.set(keyHash, callerOf([24, 6]))
    await clock.advance(1000)
    await until(() => names().length === 6)
    expect(names(receiver.taken, 24).slice(2)).toEqual(['cundefined', 'ccrm', 'cother'])
    expect(names(receiver.taken, 6)).toEqual(['resync'])

    // Another key of the client takes it over.
    callers.delete(keyHash)
    callers.set('sha256:2', callerOf([24, 6], 'sha256:2'))
    await clock.advance(1000)
    await tell(24, 'd')
    await webhooks.replay(callerOf([24, 6], 'sha256:2'), id, {}, request())
    await clock.advance(2000)
    await until(() => names(receiver.taken, 24).at(-1) === 'd')
  })

  it('that falls behind the end of the log gets one `resync`, and what is kept of it does not grow', async () => {
    const { clock, create, names, receiver, tell, webhooks, caller, next } = await start({ eventsMax: 100 })
    const { id } = await create()
    receiver.reply = () => 500
    for (let i = 0; i < 60; i++) {
      await tell(24, ...Array.from({ length: 10 }, (_, j) => `${i} ${j}`))
      await clock.advance(1000)
    }
    await until(async () => (await webhooks.get(caller, id)).failing.length === 1)
    receiver.reply = () => 200
    await next(id)
    await until(() => names().length > 0)
    expect(names()).toEqual(['resync'])
    expect(receiver.taken[0]?.body.data).toMatchObject({ type: 'resync', organization: 24 })
    await tell(24, 'later')
    await clock.advance(1000)
    await until(() => names().length === 2)
    expect(names()).toEqual(['resync', 'later'])
  })

  it('is of its client, its organizations and its types alone, and recorded', async () => {
    const { audit, clock, create, names, tell, webhooks, caller, receiver } = await start()
    const { id } = await create({ organizations: [24], types: ['operator.removed'] })
    const { id: second } = await create({ organizations: [24, 6] })
    expect((await webhooks.list(caller)).map((one) => one.id)).toEqual([id, second])
    const other = { ...caller, id: 'other' }
    expect(await webhooks.list(other)).toEqual([])
    for (const asked of [
      webhooks.get(other, id),
      webhooks.remove(other, id, request()),
      webhooks.test(other, id),
      webhooks.deadLetters(other, id),
      webhooks.get(caller, 'wh_x'),
    ])
      await expect(asked).rejects.toMatchObject({ code: 'webhook.unknown' })
    await tell(24, 'a')
    await tell(42, 'b')
    await clock.advance(1000)
    await until(() => names().length === 1)
    expect(await webhooks.test(caller, id)).toEqual({ delivered: true, status: 204, reason: null })
    expect(receiver.taken.at(-1)?.body.type).toBe('webhook.test')
    await webhooks.remove(caller, id, request())
    await webhooks.rotate(caller, second, { overlapSeconds: 0 }, request())
    expect(
      audit.map(({ organization, operation, changes }) => [organization, operation, changes[0]?.kind]),
    ).toEqual([
      [24, id, 'webhookCreated'],
      [24, second, 'webhookCreated'],
      [6, second, 'webhookCreated'],
      [24, id, 'webhookDeleted'],
      [24, second, 'webhookSecretRotated'],
      [6, second, 'webhookSecretRotated'],
    ])
    await create()
    await create()
    await expect(create()).rejects.toMatchObject({ code: 'quota.exceeded' })
    for (const [wanted, code] of [
      [{ url: 'no' }, 'request.invalid-body'],
      [{ url: 'https://hooks.example.com/' }, 'request.invalid-body'],
      [{ url: 'http://127.0.0.1:1/' }, 'request.invalid-body'],
    ] as const)
      await expect(create(wanted)).rejects.toMatchObject({ code, errors: [{ pointer: '/url' }] })
    const narrow = callerOf([24])
    await expect(
      webhooks.create(narrow, { url: receiver.url, organizations: [24, 6], description: '' }, request()),
    ).rejects.toMatchObject({ code: 'organization.unknown', errors: [{ pointer: '/organizations/1' }] })
    const { keyHash: _, ...jwt } = caller
    await expect(
      webhooks.create(jwt, { url: receiver.url, description: '' }, request()),
    ).rejects.toMatchObject({
      code: 'webhook.key-needed',
    })
  })

  it('with more deliveries than one receiver answers does not delay another, nor take more than its share', async () => {
    const { clock, create, receiver, tell } = await start()
    await create()
    await create()
    let open = 0
    receiver.reply = () => {
      open++
      return 'hang'
    }
    for (let organization = 1; organization <= 30; organization++) await tell(organization, 'a')
    await clock.advance(1000)
    await until(() => open === 8)
    await clock.advance(5000)
    expect(open).toBe(8)
    // They fail, so each is tried alone.
    await clock.advance(5000)
    await until(() => open > 8)
    await clock.advance(1000)
    expect(open).toBe(10)
  })
})
