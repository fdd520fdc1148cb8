import type { ChatHub } from '../chathub/client.ts'
import type { Errand } from '../chathub/exchange.ts'
import type { Validity } from '../chathub/wire.ts'
import type { Clock } from '../clock.ts'
import { tokenSecondsMax } from '../contract/system.ts'
import { Failure } from '../errors.ts'
import type { Found } from './directory.ts'

export type Tokens = {
  /** @throws Failure `operator.not-active` before ChatHub is asked */
  mint(found: Found, expiresAt: Date, errand: Errand): Promise<{ token: string; expiresAt: Date }>
  validate(token: string, errand: Errand): Promise<Validity>
}

/** Operator tokens: passed through, never kept and never logged. */
export const createTokens = (chathub: ChatHub, clock: Clock): Tokens => ({
  mint: async ({ operator }, wanted, errand) => {
    if (operator.status !== 'active') throw new Failure('operator.not-active')
    const latest = clock.wall() + tokenSecondsMax * 1000
    const expiresAt = new Date(Math.min(wanted.getTime(), latest))
    return { token: await chathub.operatorToken(operator.id, expiresAt, errand), expiresAt }
  },
  validate: (token, errand) => chathub.validate(token, errand),
})
