import type { Event } from '../../src/contract/event.ts'
import { until } from '../support/until.ts'

export type EventReader = {
  status: number
  headers: Headers
  /** Events so far, in order. */
  events: Event[]
  /** The last id that came, also without an event. */
  lastId(): string
  /** Resolves once an event matches. */
  has(part: Partial<Event>): Promise<Event>
  /** Resolves once the stream has begun, so that what happens next is told. */
  begun(): Promise<void>
  ended: Promise<void>
  close(): void
}

/** Reads a stream as EventSource does. */
export const readEvents = async (url: string, headers: Record<string, string>): Promise<EventReader> => {
  const stop = new AbortController()
  const answer = await fetch(url, {
    headers: { Accept: 'text/event-stream', ...headers },
    signal: stop.signal,
  })
  const events: Event[] = []
  let lastId = ''
  const take = (block: string): void => {
    const fields = new Map(block.split('\n').map((line) => line.split(/: (.*)/s) as [string, string]))
    lastId = fields.get('id') ?? lastId
    const data = fields.get('data')
    if (data !== undefined) events.push(JSON.parse(data))
  }
  const read = async (): Promise<void> => {
    let text = ''
    for await (const bytes of answer.body ?? []) {
      text += Buffer.from(bytes).toString()
      const blocks = text.split('\n\n')
      text = blocks.pop() ?? ''
      for (const block of blocks) take(block)
    }
  }
  const ended = read().catch(() => {})
  const matching = (part: Partial<Event>) =>
    events.find((event) =>
      Object.entries(part).every(([name, value]) => event[name as keyof Event] === value),
    )
  return {
    status: answer.status,
    headers: answer.headers,
    events,
    lastId: () => lastId,
    has: async (part) => {
      await until(() => matching(part) !== undefined, `an event ${JSON.stringify(part)}`)
      return matching(part) as Event
    },
    begun: () => until(() => lastId !== ''),
    ended,
    close: () => stop.abort(),
  }
}
