import { endpoints } from '../../contract/endpoints.ts'
import type { Router } from '../router.ts'
import type { Services } from './services.ts'

/** Operator tokens. Answers are `no-store`, and no token is stored. */
export const mountTokens = (router: Router, { tokens, clock }: Services): void => {
  router.bind(endpoints.mintOperatorToken, async ({ caller, context, params, body }) => {
    const expiresAt = new Date(clock.wall() + body.expiresIn * 1000)
    const request = { operator: params.operator, expiresAt }
    const json = await tokens.mint(caller, params.org, request, context)
    return { json, status: 201, noStore: true }
  })
  router.bind(endpoints.validateOperatorToken, async ({ context, body }) => {
    const { isValid, operatorId, expiresAt, error } = await tokens.validate(body.token, context)
    const ends = expiresAt ? new Date(expiresAt) : undefined
    return {
      json: {
        valid: isValid,
        operatorId: operatorId ?? null,
        expiresAt: ends && !Number.isNaN(ends.getTime()) ? ends.toISOString() : null,
        error: isValid ? null : error ? 'ChatHub says that the token is not valid.' : null,
      },
    }
  })
}
