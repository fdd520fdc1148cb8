import type { Caller } from '../access/caller.ts'
import type { ChatHub } from '../chathub/client.ts'
import type { CallContext } from '../chathub/exchange.ts'
import type { Validity } from '../chathub/wire.ts'
import type { Clock } from '../clock.ts'
import { type OnChange, oneChange } from '../contract/audit.ts'
import { tokenSecondsMax } from '../contract/system.ts'
import { Failure, isFailure } from '../errors.ts'
import type { Directory } from './directory.ts'
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
  /**
   * What ChatHub says of a token. A caller with a list of organizations learns only of operators in them. Every other token
   * answers like an unknown one, after the same calls.
   * @throws Failure `chathub.unavailable` when not every list of the caller could be looked at
   */
  validate(caller: Caller, token: string, context: CallContext): Promise<Validity>
}

/** ChatHub's words may differ between unknown and expired tokens. A caller must not learn that from a foreign token. */
const unknownToken: Validity = { isValid: false, error: 'Invalid or expired token' }
/** No operator has this id. It is looked for where a token names no operator, so that the calls are the same. */
const nobody = -1

export const createOperatorTokens = (options: {
  chathub: ChatHub
  lists: OperatorLists
  directory: Pick<Directory, 'find'>
  clock: Clock
  onChange: OnChange
}): OperatorTokens => ({
  mint: async (caller, organization, request, context) => {
    const { copy } = await options.lists.read(caller, organization, context)
    const operator = copy.value.byId(request.operator)
    if (!operator) throw new Failure('operator.unknown')
    if (operator.status !== 'active') throw new Failure('operator.not-active')
    const latest = options.clock.wall() + tokenSecondsMax * 1000
    const expiresAt = new Date(Math.min(request.expiresAt.getTime(), latest))
    await context.stillAllowed?.(organization)
    const token = await options.chathub.operatorToken(operator.id, expiresAt, context)
    const { id, name } = operator
    // A token that could not be recorded is given to nobody.
    await options.onChange({
      organization,
      at: options.clock.wall(),
      client: caller.id,
      subject: caller.subject,
      requestId: context.requestId,
      changes: [{ ...oneChange, kind: 'tokenIssued', operator: { id, name } }],
    })
    return { token, expiresAt }
  },
  validate: async (caller, token, context) => {
    const validity = await options.chathub.validate(token, context)
    if (caller.organizations === '*') return validity
    const found = await options.directory
      .find(caller, validity.operatorId ?? nobody, context)
      .catch((error) => {
        if (isFailure(error, 'operator.unknown')) return undefined
        throw error
      })
    return found ? validity : unknownToken
  },
})
