const url = 'https://hooks.example.com/chathub'
const createdAt = '2026-11-29T12:00:00.000Z'
const webhook = {
  ...{ id: 'wh_Zb4kq0m2x8Vt1c9d', url, organizations: [24], types: null, description: 'CRM', createdAt },
  ...{ state: 'active', reason: null, secrets: [{ createdAt, endsAt: null }], failing: [], deadLetters: 0 },
}
const secret = 'whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oDGXDAVU1sYkM='
const failed = { attempts: 18, status: 500, reason: 'status', firstAttemptAt: createdAt }

/** Examples of the bodies of webhooks, by the names of their schemas. */
export const webhookExamples = {
  NewWebhook: { url, organizations: [24], description: 'CRM' },
  Webhook: webhook,
  Webhooks: { items: [webhook] },
  WebhookWithSecret: { ...webhook, secret },
  WebhookTest: { delivered: true, status: 204, reason: null },
  Replay: {},
  RotateSecret: { overlapSeconds: 86_400 },
  DeadLetters: {
    items: [
      {
        ...{ event: '1764417600000000-1764417600000-7', organization: 24, type: 'operator.added' },
        ...{ ...failed, deadAt: '2026-11-30T12:00:00.000Z' },
      },
    ],
    total: 1,
  },
}
