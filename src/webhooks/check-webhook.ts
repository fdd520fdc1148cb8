import { mayTouch } from '../access/authorize.ts'
import type { Caller } from '../access/caller.ts'
import type { NewWebhook } from '../contract/webhook.ts'
import { Failure } from '../errors.ts'
import type { Targets } from './target.ts'

const refuse = (detail: string): never => {
  throw new Failure('request.invalid-body', { errors: [{ pointer: '/url', code: 'url', detail }] })
}

/** The URL, normalized. Each delivery checks it again. @throws Failure `request.invalid-body`, `organization.unknown` */
export const checkWebhook = async (
  caller: Caller,
  { url: text, organizations = [] }: NewWebhook,
  { faultOf, addressesOf }: Targets,
): Promise<string> => {
  if (!URL.canParse(text)) return refuse('Wanted: an absolute https: URL.')
  const url = new URL(text)
  const fault = faultOf(url)
  if (fault !== undefined) return refuse(fault)
  const addresses = await addressesOf(url).catch(() => refuse('Wanted: a host that DNS knows now.'))
  if (addresses.length === 0)
    return refuse('Wanted: a host with a public address, or one that WEBHOOK_PRIVATE_HOSTS allows.')
  const unknown = { code: 'unknown', detail: 'No such organization.' }
  const foreign = organizations.flatMap((one, i) =>
    mayTouch(caller, one) ? [] : [{ pointer: `/organizations/${i}`, ...unknown }],
  )
  if (foreign.length > 0) throw new Failure('organization.unknown', { errors: foreign })
  return url.href
}

export const tooManyWebhooks = (kept: number, most: number): Failure =>
  new Failure('quota.exceeded', {
    detail: `This client has ${kept} webhooks, and ${most} is the limit. Delete one.`,
    retryAfterMs: 60_000,
    headers: { 'RateLimit-Policy': `"client-webhooks";q=${most}`, RateLimit: '"client-webhooks";r=0' },
  })
