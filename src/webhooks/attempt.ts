import type { Clock } from '../clock.ts'
import type { Reporter, WebhookOutcome } from '../report.ts'
import type { BacklogReader, Next } from './backlog-reader.ts'
import type { SendMessage } from './message.ts'
import type { Sent } from './sender.ts'
import {
  afterAttempt,
  type Backlog,
  deadLetterOf,
  type Progress,
  type ProgressChange,
  type Webhook,
} from './webhook.ts'

/** `mayGoOn`: the next event of the organization may follow at once. `isFailing`: undefined when nothing was sent. */
type Made = { mayGoOn: boolean; isFailing?: boolean }

/** Delivers the next event of an organization once, and keeps what came of it. */
export const createAttempt = (parts: {
  reader: BacklogReader
  send: SendMessage
  webhook(): Webhook
  maySend(now: Progress): boolean
  save(change: ProgressChange): Promise<void>
  report: Reporter
  clock: Clock
}) => {
  const { reader, report, clock, save } = parts

  const settle = async (
    now: Progress,
    organization: number,
    { event, behind }: Next,
    sent: Sent,
  ): Promise<Made> => {
    const backlog = now.backlogs.get(organization) as Backlog
    const at = clock.wall()
    const { id, client } = parts.webhook()
    const told = { webhook: id, client }
    const outcome = sent.outcome as WebhookOutcome
    const attempt = {
      organization: event.organization,
      outcome,
      status: sent.status,
      attempt: backlog.attempts + 1,
    }
    report({ name: 'webhook-delivery', ...told, ...attempt })
    if (outcome === 'gone') {
      now.stopped = at
      report({ name: 'webhook-stopped', ...told })
      await save({ stopped: at })
      return { mayGoOn: false, isFailing: true }
    }
    const after = afterAttempt(backlog, sent, behind, at)
    now.backlogs.set(organization, after.backlog)
    const change: ProgressChange = { backlogs: [[organization, after.backlog]] }
    if (after.isGivenUp) {
      change.deadLetter = deadLetterOf(event, backlog, sent, at)
      report({ name: 'webhook-dead-letter', ...told, organization })
    }
    await save(change)
    const isDelivered = outcome === 'delivered'
    return { mayGoOn: after.isGivenUp || isDelivered, isFailing: !isDelivered }
  }
  return async (now: Progress, organization: number, signal: AbortSignal): Promise<Made> => {
    const backlog = now.backlogs.get(organization)
    if (!backlog) return { mayGoOn: false }
    const next = await reader.nextOf(now, backlog, organization)
    const isCurrent = (): boolean => now.backlogs.get(organization) === backlog && !signal.aborted
    if (!isCurrent() || !parts.maySend(now)) return { mayGoOn: false }
    if (!next) {
      now.backlogs.delete(organization)
      await save({ backlogs: [[organization, null]] })
      return { mayGoOn: false }
    }
    const sent = await parts.send(parts.webhook(), next.event, signal)
    if (sent.outcome === 'aborted' || !isCurrent()) return { mayGoOn: false }
    return settle(now, organization, next, sent)
  }
}
