import { afterEach, beforeEach, expect, it } from '@jest/globals'
import { until } from '../support/until.ts'
import { callerOf, createWebhookWorld, type WebhookWorld } from './webhook-world.ts'

let world: WebhookWorld
beforeEach(async () => {
  world = await createWebhookWorld({ eventsMax: 100 })
})
afterEach(() => world.stop())

it('a webhook of all organizations gets one `resync` when its key comes to all of them, and when the log lost what it had not read', async () => {
  const { callers, clock, create, names, receiver, tell } = world
  callers.set('sha256:1', callerOf([24]))
  await create()
  await clock.advance(1000)
  callers.set('sha256:1', callerOf('*'))
  const told: string[] = []
  for (const name of ['a', 'b']) {
    await clock.advance(1000)
    await until(() => receiver.taken.length > told.length)
    told.push('resync', name)
    await tell(6, name)
    await until(() => names().includes(name))
    expect(names()).toEqual(told)
    await clock.advance(1000)
    await tell(24, ...Array.from({ length: 150 }, (_, i) => `lost ${i}`))
  }
  expect(receiver.taken[0]?.body.data).toMatchObject({ organization: null })
})
