import { endpoints } from '../../contract/endpoints.ts'
import { type Event, type Place, parseEventPlace, placeText } from '../../contract/event.ts'
import type { EventSource } from '../answer.ts'
import { eventText } from '../event-stream.ts'
import type { Router } from '../router.ts'
import type { Services } from './services.ts'
import { nextPage } from './table-file.ts'

/** Made once for all readers. */
const texts = new WeakMap<Event, string>()
const textOf = (event: Event): string => {
  const text = texts.get(event) ?? eventText(event.type, event, event.id)
  texts.set(event, text)
  return text
}
/** An id without an event: a reader that comes back sends it. */
const placeMark = (place: Place): string => `id: ${placeText(place)}\n\n`

/** /v1/events: what changes, as a stream or as pages; and what changed of an operator, and how many were active. */
export const mountEvents = (router: Router, { events }: Services): void => {
  router.bind(endpoints.getHistory, async ({ caller, params, query, context, req }) => {
    const json = await events.history.changes(caller, params.org, params.operator, query, context)
    return { json, headers: nextPage(req, json.nextCursor) }
  })
  router.bind(endpoints.getCoverage, async ({ caller, params, query, context, req }) => {
    const json = await events.history.coverage(caller, params.org, query, context)
    return { json, headers: nextPage(req, json.nextCursor) }
  })
  router.bind(endpoints.listEvents, async ({ caller, query, contentType, req }) => {
    if (contentType.startsWith('application/json')) return { json: await events.page(caller, query) }
    const last = req.headers['last-event-id']
    const after = typeof last === 'string' && last !== '' ? (parseEventPlace(last) ?? 'unknown') : query.after
    return {
      events: ({ send, drained }): EventSource => {
        const { narrow, place, stop } = events.follow(caller, query, after, {
          send: (some, at) => send(some.length > 0 ? some.map(textOf).join('') : placeMark(at)),
          drained,
        })
        const heartbeat = (): string => {
          const at = place()
          return `: still here\n${at ? placeMark(at) : '\n'}`
        }
        return { narrow, heartbeat, stop }
      },
    }
  })
}
