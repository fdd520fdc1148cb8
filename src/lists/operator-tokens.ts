import type { ChatHub } from '../chathub/client.ts'
import type { CallContext } from '../chathub/exchange.ts'
import type { Validity } from '../chathub/wire.ts'
import type { Clock } from '../clock.ts'
import { tokenSecondsMax } from '../contract/system.ts'
import { Failure } from '../errors.ts'
import type { FoundOperator } from './directory.ts'

export type OperatorTokens = {
  /** @throws Failure `operator.not-active` before ChatHub is asked */
  mint(
    found: FoundOperator,
    expiresAt: Date,
    context: CallContext,
  ): Promise<{ token: string; expiresAt: Date }>
  validate(token: string, context: CallContext): Promise<Validity>
}

/** Operator tokens: passed through, never kept and never logged. */
export const createOperatorTokens = (chathub: ChatHub, clock: Clock): OperatorTokens => ({
  mint: async ({ operator }, wanted, context) => {
    if (operator.status !== 'active') throw new Failure('operator.not-active')
    const latest = clock.wall() + tokenSecondsMax * 1000
    const expiresAt = new Date(Math.min(wanted.getTime(), latest))
    return { token: await chathub.operatorToken(operator.id, expiresAt, context), expiresAt }
  },
  validate: (token, context) => chathub.validate(token, context),
})
