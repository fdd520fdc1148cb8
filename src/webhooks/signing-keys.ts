import { createHmac, randomBytes } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import { atMost } from '../at-most.ts'
import type { Clock } from '../clock.ts'
import { seal, unseal } from '../seal.ts'
import type { Secret } from '../secret.ts'
import type { SigningSecret, Webhook } from './webhook.ts'

const prefix = 'whsec_'
const purpose = 'chathub webhook secret'
/** The most that sign at a time. The oldest ends first. */
const secretsMax = 3

/** The headers of a message (Standard Webhooks 1.0), signed with each key. `at`: ms since 1970. */
export const signatureOf = (
  id: string,
  body: string,
  keys: readonly string[],
  at: number,
): Record<string, string> => {
  const seconds = String(Math.floor(at / 1000))
  const sign = (key: string): string =>
    createHmac('sha256', Buffer.from(key.slice(prefix.length), 'base64'))
      .update(`${id}.${seconds}.${body}`)
      .digest('base64')
  return {
    'webhook-id': id,
    'webhook-timestamp': seconds,
    'webhook-signature': keys.map((key) => `v1,${sign(key)}`).join(' '),
  }
}

/** Keys that sign. They are kept only encrypted, each for its webhook. Without `secret` there can be none. */
export const createSigningKeys = (first: Secret | undefined, clock: Clock) => {
  let secret = first
  /** Each was decrypted once: it is asked for each second whether a webhook can sign. */
  const opened = new LRUCache<string, string>(atMost(10_000))
  const use = (id: string) => (secret ? { secret, purpose, bound: id } : undefined)
  const open = (id: string, sealed: string): string | undefined => {
    const how = use(id)
    const name = `${id} ${sealed}`
    const key = opened.get(name) ?? (how && unseal(sealed, how))
    if (key !== undefined) opened.set(name, key)
    return key
  }
  return {
    isAvailable: (): boolean => secret !== undefined,
    /** A new secret before those that still sign. `until`: when these end, ms since 1970. */
    add: (id: string, secrets: readonly SigningSecret[], by: string, until: number): SigningSecret[] => {
      const now = clock.wall()
      const key = prefix + randomBytes(32).toString('base64')
      const sealed = seal(key, use(id) as NonNullable<ReturnType<typeof use>>)
      const older = secrets.map((one) => ({ ...one, until: Math.min(one.until ?? until, until) }))
      return [{ sealed, createdAt: now, by }, ...older.filter((one) => one.until > now)].slice(0, secretsMax)
    },
    /** Those that sign now, the newest first. Empty: they were encrypted with another secret. */
    keysOf: ({ id, secrets }: Pick<Webhook, 'id' | 'secrets'>): string[] =>
      secrets
        .filter(({ until = Infinity }) => until > clock.wall())
        .flatMap(({ sealed }) => open(id, sealed) ?? []),
    /** Keys of the old one cannot be read any more. */
    replaceSecret: (next: Secret): void => {
      secret = next
      opened.clear()
    },
  }
}

export type SigningKeys = ReturnType<typeof createSigningKeys>
