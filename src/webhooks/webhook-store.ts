import type { Progress, ProgressChange, Webhook } from './webhook.ts'

/**
 * Webhooks and how far they are: in this process, or in Redis for all instances. Both pass one suite. Who delivers for a
 * webhook holds its lease, and nobody else can change its progress. Nothing expires.
 * @throws Failure `redis.unavailable`
 */
export type WebhookStore = {
  list(): Promise<Webhook[]>
  /** Keeps a new webhook. A count: its client has as many, and no more are allowed. One with its id is left as it is. */
  create(webhook: Webhook, progress: Omit<Progress, 'dead'>, most: number): Promise<'created' | number>
  /** False: it is not as `before` any more. */
  replace(before: Webhook, after: Webhook): Promise<boolean>
  /** With all that is kept of it. */
  remove(id: string): Promise<void>
  /**
   * Takes every lease that is free, and renews those of the owner. Returns the ids of these, and all webhooks if they changed
   * since `version`.
   */
  claim(owner: string, version: string): Promise<{ version: string; webhooks?: Webhook[]; mine: string[] }>
  /** Takes the lease from whoever has it. */
  seize(id: string, owner: string): Promise<void>
  release(owner: string, ids: readonly string[]): Promise<void>
  load(id: string): Promise<Progress>
  /** False: the owner has no lease any more, and nothing is changed. */
  save(id: string, owner: string, change: ProgressChange): Promise<boolean>
}

/** How long a lease holds without a renewal. */
export const leaseMs = 5000
