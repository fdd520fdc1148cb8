import { applyChange } from './progress.ts'
import type { Progress, Webhook, WebhookStore } from './webhook.ts'

/** The webhooks of a gateway without Redis. They end with the process. */
export const createMemoryWebhookStore = (): WebhookStore => {
  const all = new Map<string, { webhook: Webhook; progress: Progress }>()
  const leases = new Map<string, string>()
  let version = 0

  return {
    list: async () => [...all.values()].map(({ webhook }) => webhook),
    create: async (webhook, progress, most) => {
      if (all.has(webhook.id)) return 'created'
      const own = [...all.values()].filter((one) => one.webhook.client === webhook.client).length
      if (own >= most) return own
      all.set(webhook.id, { webhook, progress: { ...progress, dead: [] } })
      version++
      return 'created'
    },
    replace: async (before, after) => {
      const kept = all.get(before.id)
      if (JSON.stringify(kept?.webhook) !== JSON.stringify(before)) return false
      all.set(before.id, { webhook: after, progress: kept?.progress as Progress })
      version++
      return true
    },
    remove: async (id) => {
      all.delete(id)
      leases.delete(id)
      version++
    },
    claim: async (owner, known) => {
      // No other process has a lease, and within this one nobody dies alone.
      for (const id of all.keys()) if (!leases.has(id)) leases.set(id, owner)
      const mine = [...leases].filter(([, holder]) => holder === owner).map(([id]) => id)
      const webhooks = [...all.values()].map(({ webhook }) => webhook)
      return { version: String(version), mine, ...(known !== String(version) && { webhooks }) }
    },
    seize: async (id, owner) => void leases.set(id, owner),
    release: async (owner, ids) => {
      for (const id of ids) if (leases.get(id) === owner) leases.delete(id)
    },
    load: async (id) => structuredClone(all.get(id)?.progress as Progress),
    save: async (id, owner, change) => {
      const progress = all.get(id)?.progress
      if (!progress || leases.get(id) !== owner) return false
      applyChange(progress, structuredClone(change))
      return true
    },
  }
}
