import type { Caller } from '../access/caller.ts'
import type { ChatHub } from '../chathub/client.ts'
import type { CallContext } from '../chathub/exchange.ts'
import type { Validity } from '../chathub/wire.ts'
import type { Clock } from '../clock.ts'
import { tokenSecondsMax } from '../contract/system.ts'
import { Failure } from '../errors.ts'
import type { OperatorLists } from './operator-lists.ts'

type TokenRequest = { operator: number; expiresAt: Date }

/** Operator tokens: passed through, never stored and never logged. */
export type OperatorTokens = {
  /** @throws Failure `organization.unknown`, `operator.unknown`, `operator.not-active`, before ChatHub is asked */
  mint(
    caller: Caller,
    organization: number,
    request: TokenRequest,
    context: CallContext,
  ): Promise<{ token: string; expiresAt: Date }>
  validate(token: string, context: CallContext): Promise<Validity>
}

export const createOperatorTokens = (options: {
  chathub: ChatHub
  lists: OperatorLists
  clock: Clock
}): OperatorTokens => ({
  mint: async (caller, organization, request, context) => {
    const { copy } = await options.lists.read(caller, organization, context)
    const operator = copy.value.byId(request.operator)
    if (!operator) throw new Failure('operator.unknown')
    if (operator.status !== 'active') throw new Failure('operator.not-active')
    const latest = options.clock.wall() + tokenSecondsMax * 1000
    const expiresAt = new Date(Math.min(request.expiresAt.getTime(), latest))
    return { token: await options.chathub.operatorToken(operator.id, expiresAt, context), expiresAt }
  },
  validate: (token, context) => options.chathub.validate(token, context),
})
