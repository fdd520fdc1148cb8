import { endpoints } from '../../contract/endpoints.ts'
import type { Call } from '../pipeline.ts'
import type { Router } from '../router.ts'
import type { Services } from './services.ts'

const requestOf = ({ requestKey, context }: Call) => ({ requestKey, requestId: context.requestId ?? '' })

/** /v1/webhooks: events as signed POSTs. Answers with a secret are not stored. */
export const mountWebhooks = (router: Router, { webhooks }: Services): void => {
  router.bind(endpoints.listWebhooks, async ({ caller }) => ({
    json: { items: await webhooks.list(caller) },
  }))
  router.bind(endpoints.createWebhook, async ({ caller, body, ...call }) => {
    const json = await webhooks.create(caller, body, requestOf({ caller, ...call }))
    return { json, status: 201, noStore: true }
  })
  router.bind(endpoints.testWebhook, async ({ caller, params }) => ({
    json: await webhooks.test(caller, params.webhook),
  }))
  router.bind(endpoints.replayWebhook, async (call) => ({
    json: await webhooks.replay(call.caller, call.params.webhook, call.body, requestOf(call)),
  }))
  router.bind(endpoints.rotateWebhookSecret, async (call) => ({
    json: await webhooks.rotate(call.caller, call.params.webhook, call.body, requestOf(call)),
    noStore: true,
  }))
  router.bind(endpoints.getWebhook, async ({ caller, params }) => ({
    json: await webhooks.get(caller, params.webhook),
  }))
  router.bind(endpoints.deleteWebhook, async (call) => {
    await webhooks.remove(call.caller, call.params.webhook, requestOf(call))
    return { empty: 204 }
  })
  router.bind(endpoints.listDeadLetters, async ({ caller, params }) => {
    const items = await webhooks.deadLetters(caller, params.webhook)
    return { json: { items, total: items.length } }
  })
}
