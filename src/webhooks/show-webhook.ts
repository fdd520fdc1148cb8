import type * as contract from '../contract/webhook.ts'
import type { Backlog, Progress, Webhook } from './webhook.ts'

const shownMax = 100
const instant = (ms: number): string => new Date(ms).toISOString()

const shownBacklog = ([organization, backlog]: [number, Backlog]): contract.Webhook['failing'][number] => ({
  organization: organization || null,
  firstAttemptAt: instant(backlog.firstAt),
  nextAttemptAt: instant(backlog.nextAt),
  attempts: backlog.attempts,
  status: backlog.status ?? null,
  reason: backlog.reason ?? 'connection',
})

/** The webhook as its client sees it, without its secrets. */
export const showWebhook = (
  webhook: Webhook,
  { stopped, backlogs, dead }: Progress,
  { hasKey, canSign, now }: { hasKey: boolean; canSign: boolean; now: number },
): contract.Webhook => {
  const { id, url, organizations = null, types = null, description, createdAt, secrets } = webhook
  const reason = !hasKey ? 'key' : !canSign ? 'secret' : stopped === undefined ? null : 'receiver'
  return {
    id,
    url,
    organizations,
    types,
    description,
    createdAt: instant(createdAt),
    state: reason === null ? 'active' : 'stopped',
    reason,
    secrets: secrets
      .filter(({ until = Infinity }) => until > now)
      .map(({ createdAt: at, until }) => ({
        createdAt: instant(at),
        endsAt: until === undefined ? null : instant(until),
      })),
    failing: [...backlogs]
      .filter(([, { attempts }]) => attempts > 0)
      .slice(0, shownMax)
      .map(shownBacklog),
    deadLetters: dead.length,
  }
}
