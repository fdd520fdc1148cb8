import type { Clock } from '../clock.ts'
import type { Event } from '../contract/event.ts'
import { resyncEvent } from '../events/event-text.ts'
import type { Send, Sent } from './sender.ts'
import { type SigningKeys, signatureOf } from './signing-keys.ts'
import type { Webhook } from './webhook.ts'

/** The most bytes of a body. Only a name that ChatHub should not have makes an event so large. */
const bodyMax = 64 * 1024

export const testType = 'webhook.test'
type Test = { id: string; type: typeof testType; observedAt: string }

/** The body of an event; of a larger one `resync` of its organization, under the same id. */
const bodyOf = (event: Event | Test): string => {
  const body = JSON.stringify({ type: event.type, timestamp: event.observedAt, data: event })
  if (event.type === testType || Buffer.byteLength(body) <= bodyMax) return body
  const { id, organization, observedAt } = event
  return bodyOf({ id, ...resyncEvent(organization, Date.parse(observedAt)) })
}

export type SendMessage = (webhook: Webhook, message: Event | Test, calledOff: AbortSignal) => Promise<Sent>
export const createSendMessage =
  (send: Send, { keysOf }: SigningKeys, clock: Clock): SendMessage =>
  (webhook, message, calledOff) => {
    const body = bodyOf(message)
    const headers = signatureOf(message.id, body, keysOf(webhook), clock.wall())
    return send(webhook.url, headers, body, calledOff)
  }
