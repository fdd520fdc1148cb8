import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { systemClock } from '../../src/clock.ts'
import type { DeadLetter } from '../../src/contract/webhook.ts'
import { createRedis, type Redis } from '../../src/redis/redis.ts'
import { Secret } from '../../src/secret.ts'
import { createMemoryWebhookStore } from '../../src/webhooks/memory-webhook-store.ts'
import { newBacklog } from '../../src/webhooks/progress.ts'
import { createRedisWebhookStore } from '../../src/webhooks/redis-webhook-store.ts'
import { createSigningKeys } from '../../src/webhooks/signing-keys.ts'
import type { Webhook, WebhookStore } from '../../src/webhooks/webhook.ts'
import { createClock, endsOn } from '../support/clock.ts'
import { describeWithRedis } from '../support/needs.ts'
import { openRedis, type TestDatabase } from '../support/redis.ts'
import { until } from '../support/until.ts'
import { createWebhookWorld } from './webhook-world.ts'

const place = { epoch: '1', ms: 10, seq: 5 }
const begin = { place, backlogs: new Map(), known: 'all' as const }
const webhookOf = (id: string, client = 'crm'): Webhook => ({
  ...{ id, client, keyHash: 'sha256:1', url: 'https://hooks.example.com/', description: 'é "x"' },
  ...{ createdAt: 1, secrets: [{ sealed: 'x', createdAt: 1, by: 'a' }], replays: 0 },
})
const deadLetter: DeadLetter = {
  ...{ event: '1-10-6', organization: 24, type: 'operator.added', attempts: 9, status: null },
  ...{ reason: 'timeout', firstAttemptAt: '2026-01-01T00:00:00.000Z', deadAt: '2026-01-02T00:00:00.000Z' },
}

/** What every store of webhooks guarantees. */
const suite = (open: () => WebhookStore): void => {
  it('keeps webhooks of a client up to its limit, and changes what was not changed meanwhile', async () => {
    const store = open()
    for (const id of ['wh_a', 'wh_b']) expect(await store.create(webhookOf(id), begin, 2)).toBe('created')
    expect(await store.create(webhookOf('wh_c'), begin, 2)).toBe(2)
    expect(await store.create(webhookOf('wh_d', 'other'), begin, 2)).toBe('created')
    // A repetition changes nothing.
    expect(await store.create({ ...webhookOf('wh_a'), url: 'https://x/' }, begin, 2)).toBe('created')
    const [first] = (await store.list()).filter(({ id }) => id === 'wh_a') as [Webhook]
    expect(first).toEqual(webhookOf('wh_a'))
    const next = { ...first, replays: 1 }
    expect(await store.replace(first, next)).toBe(true)
    expect(await store.replace(first, { ...first, replays: 2 })).toBe(false)
    await store.remove('wh_b')
    const ids = (await store.list()).map(({ id, replays }) => `${id} ${replays}`)
    expect(ids.toSorted()).toEqual(['wh_a 1', 'wh_d 0'])
    expect(await store.replace(webhookOf('wh_b'), next)).toBe(false)
    expect(await store.create(webhookOf('wh_c'), begin, 2)).toBe('created')
  })

  it('lets one owner at a time change the progress, whoever had the lease before', async () => {
    const store = open()
    await store.create(webhookOf('wh_1', 'one'), begin, 9)
    const claimed = await store.claim('A', '')
    expect([claimed.mine.includes('wh_1'), claimed.webhooks?.some(({ id }) => id === 'wh_1')]).toEqual([
      true,
      true,
    ])
    expect((await store.claim('A', claimed.version)).webhooks).toBeUndefined()
    const backlog = {
      ...newBacklog(place),
      attempts: 2,
      firstAt: 5,
      nextAt: 7,
      status: 500,
      reason: 'status' as const,
    }
    expect(await store.save('wh_1', 'B', { stopped: 5 })).toBe(false)
    const moved = { ...place, seq: 9 }
    const change = {
      place: moved,
      backlogs: [
        [24, backlog],
        [6, newBacklog(place)],
      ] as const,
      known: [24, 6],
      deadLetter,
    }
    expect(await store.save('wh_1', 'A', change)).toBe(true)
    expect(await store.save('wh_1', 'A', { backlogs: [[6, null]], stopped: 5, keyless: 6 })).toBe(true)
    const kept = await store.load('wh_1')
    expect(kept).toMatchObject({ place: moved, known: [24, 6], stopped: 5, keyless: 6, dead: [deadLetter] })
    expect([...kept.backlogs]).toEqual([[24, backlog]])
    await store.seize('wh_1', 'B')
    expect(await store.save('wh_1', 'A', { stopped: null })).toBe(false)
    expect(await store.save('wh_1', 'B', { stopped: null, keyless: null, dead: [] })).toBe(true)
    const after = await store.load('wh_1')
    expect([after.stopped, after.keyless, after.dead]).toEqual([undefined, undefined, []])
    expect((await store.claim('A', '')).mine).not.toContain('wh_1')
    await store.release('A', ['wh_1'])
    expect((await store.claim('A', '')).mine).not.toContain('wh_1')
    await store.release('B', ['wh_1'])
    expect((await store.claim('A', '')).mine).toContain('wh_1')
    await store.remove('wh_1')
    expect(await store.save('wh_1', 'A', { stopped: 1 })).toBe(false)
  })
}

describe('the secret of a webhook', () => {
  it('opens for no other webhook, and not with another encryption secret', () => {
    const keys = createSigningKeys(new Secret('s'.repeat(40)), systemClock)
    const secrets = keys.add('wh_a', [], 'request', 0)
    expect(keys.keysOf({ id: 'wh_a', secrets })).toHaveLength(1)
    expect(keys.keysOf({ id: 'wh_b', secrets })).toEqual([])
    keys.replaceSecret(new Secret('t'.repeat(40)))
    expect(keys.keysOf({ id: 'wh_a', secrets })).toEqual([])
  })
})

describe('the webhooks of one process', () => {
  const store = createMemoryWebhookStore()
  suite(() => store)
})

describeWithRedis('the webhooks in Redis', () => {
  let database: TestDatabase
  const opened: Redis[] = []
  const connect = async (prefix: string): Promise<Redis> => {
    const { url } = database
    const redis = createRedis({ url, prefix, clock: systemClock, commandMs: 20_000, report: () => {} })
    opened.push(redis)
    await until(() => redis.state() === 'ready')
    return redis.tolerant
  }
  let store: WebhookStore
  beforeAll(async () => {
    database = await openRedis()
    store = createRedisWebhookStore(await connect(database.prefix))
  })
  afterAll(async () => {
    for (const redis of opened) redis.close()
    await database.stop()
  })
  suite(() => store)

  it('are delivered once by two instances, and when one is killed the other loses none', async () => {
    const prefix = `${database.prefix}two:`
    const world = await createWebhookWorld({ redis: await connect(prefix) })
    const { clock, names, receiver, tell, create, webhooks, caller, startInstance } = world
    const otherClock = createClock(clock.wall())
    const other = startInstance(otherClock, await connect(prefix))
    const { id } = await create()
    const advance = async () => {
      await otherClock.advance(1000)
      await clock.advance(1000)
    }
    for (let i = 0; i < 6; i++) {
      await tell(24, `a${i}`)
      await tell(6, `x${i}`)
      await advance()
    }
    await until(async () => {
      await advance()
      return names().length >= 12
    })
    expect([names(receiver.taken, 24), names(receiver.taken, 6)]).toEqual(
      ['a', 'x'].map((letter) => Array.from({ length: 6 }, (_, i) => letter + i)),
    )
    await endsOn(otherClock, other.stop())
    // The first one is alone. It hangs in the middle of a delivery, and its clock stands still from now on.
    receiver.reply = () => 'hang'
    await tell(24, 'b', 'c')
    await until(async () => {
      await clock.advance(1000)
      return receiver.all.length > 12
    })
    const client = database.client()
    expect((await client.hkeys(`${prefix}webhooks:{webhooks}:progress:${id}`)).toSorted()).toEqual([
      '24',
      '@known',
      '@place',
    ])
    receiver.reply = () => 204
    const heir = startInstance(otherClock, await connect(prefix))
    // As when the time of the lease is over.
    await client.hdel(`${prefix}webhooks:{webhooks}:leases`, id)
    await until(async () => {
      await otherClock.advance(1000)
      return names(receiver.taken, 24).length >= 8
    })
    expect(names(receiver.taken, 24).slice(6)).toEqual(['b', 'c'])
    // The first one comes back, and can change nothing.
    await clock.advance(20_000)
    await tell(24, 'd')
    await until(async () => {
      await advance()
      return names(receiver.taken, 24).length >= 9
    })
    await until(async () => {
      await advance()
      return (await webhooks.get(caller, id)).failing.length === 0
    })
    expect(names(receiver.taken, 24).slice(6)).toEqual(['b', 'c', 'd'])
    await endsOn(otherClock, heir.stop())
    await world.stop()
  })

  it('have no secret in clear there', async () => {
    const prefix = `${database.prefix}clear:`
    const world = await createWebhookWorld({ redis: await connect(prefix) })
    const { secret } = await world.create()
    const kept = JSON.stringify(await database.client().hgetall(`${prefix}webhooks:{webhooks}:all`))
    expect(kept).toContain('sealed')
    expect(kept).not.toContain(secret.slice(6))
    expect(kept).not.toContain('whsec_')
    await world.stop()
  })
})
