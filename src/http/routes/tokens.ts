import { authorize } from '../../access/authorize.ts'
import type { Clock } from '../../clock.ts'
import { endpoints } from '../../contract/endpoints.ts'
import { Failure } from '../../errors.ts'
import type { OperatorLists } from '../../lists/operator-lists.ts'
import type { OperatorTokens } from '../../lists/operator-tokens.ts'
import type { Router } from '../router.ts'

/** Operator tokens; answers are `no-store`, and nothing of them is kept. */
export const mountTokens = (
  router: Router,
  { lists, tokens, clock }: { lists: OperatorLists; tokens: OperatorTokens; clock: Clock },
): void => {
  router.bind(endpoints.mintOperatorToken, async ({ caller, context, params, body }) => {
    authorize(caller, { organization: params.org })
    const roster = (await lists.read(params.org, context)).copy.value
    const operator = roster.byId(params.operator)
    if (!operator) throw new Failure('operator.unknown')
    const minted = await tokens.mint(
      { roster, operator },
      new Date(clock.wall() + body.expiresIn * 1000),
      context,
    )
    return {
      json: { token: minted.token, expiresAt: minted.expiresAt.toISOString() },
      status: 201,
      unkept: true,
    }
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
