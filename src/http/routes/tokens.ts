import { requireOrganization } from '../../access/caller.ts'
import type { Clock } from '../../clock.ts'
import { endpoints } from '../../contract/endpoints.ts'
import { Failure } from '../../errors.ts'
import type { Lists } from '../../lists/operator-lists.ts'
import type { Tokens } from '../../lists/operator-tokens.ts'
import type { Door } from '../router.ts'

/** Operator tokens; answers are `no-store`, and nothing of them is kept. */
export const mountTokens = (
  door: Door,
  { lists, tokens, clock }: { lists: Lists; tokens: Tokens; clock: Clock },
): void => {
  door.on(endpoints.mintOperatorToken, async ({ caller, errand, params, body }) => {
    requireOrganization(caller, params.org)
    const roster = (await lists.read(params.org, errand)).copy.value
    const operator = roster.byId(params.operator)
    if (!operator) throw new Failure('operator.unknown')
    const minted = await tokens.mint(
      { roster, operator },
      new Date(clock.wall() + body.expiresIn * 1000),
      errand,
    )
    return {
      json: { token: minted.token, expiresAt: minted.expiresAt.toISOString() },
      status: 201,
      unkept: true,
    }
  })
  door.on(endpoints.validateOperatorToken, async ({ errand, body }) => {
    const { isValid, operatorId, expiresAt, error } = await tokens.validate(body.token, errand)
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
