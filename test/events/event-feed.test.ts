import { expect, it } from '@jest/globals'
import { createEventFeed } from '../../src/events/event-feed.ts'
import { createMemoryEventStore } from '../../src/events/memory-event-store.ts'
import { createClock, settle } from '../support/clock.ts'

it('an event that is appended while the log is read is heard at once', async () => {
  const clock = createClock()
  const store = createMemoryEventStore(clock, { keepMs: 3_600_000, eventsMax: 100 })
  let arrive = (): void => {}
  const onItsWay = new Promise<void>((resolve) => {
    arrive = resolve
  })
  const read: typeof store.read = async (...asked) => {
    const page = await store.read(...asked)
    await onItsWay
    return page
  }
  const heard: string[] = []
  const feed = createEventFeed({ ...store, read }, clock)
  const leave = feed.join({
    heard: (logged) => heard.push(...logged.map(({ text }) => text)),
    lost: () => {},
  })
  await settle()
  await store.append(1, '0', { rows: new Map(), seen: undefined, events: [{ organization: 1, text: 'a' }] })
  arrive()
  await settle()
  expect(heard).toEqual(['a'])
  leave()
})
