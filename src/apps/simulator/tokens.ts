import { randomBytes } from 'node:crypto'

/** What ChatHub knows about a token. `expiresAt` in ms of the wall clock; absent means it never expires. */
export type Holder = ({ kind: 'company' } | { kind: 'operator'; operatorId: number }) & { expiresAt?: number }

export type Tokens = ReturnType<typeof createTokens>

/**
 * Every token ChatHub ever accepted. Issued ones are 256 random bits: a test that greps logs, answers
 * and Redis for them can only find a real leak.
 */
export function createTokens(options: { companyToken: string; now: () => number }) {
  const holders = new Map<string, Holder>([[options.companyToken, { kind: 'company' }]])
  const issued: string[] = []

  function issue(prefix: 'ct_' | 'op_', holder: Holder): string {
    const token = prefix + randomBytes(32).toString('base64url')
    holders.set(token, holder)
    issued.push(token)
    return token
  }

  return {
    issueCompany: (expiresAt: number) => issue('ct_', { kind: 'company', expiresAt }),
    issueOperator: (operatorId: number, expiresAt: number) =>
      issue('op_', { kind: 'operator', operatorId, expiresAt }),

    /** The holder of a living token; undefined when unknown, revoked or past its end. */
    holder(token: string): Holder | undefined {
      const holder = holders.get(token)
      return holder?.expiresAt !== undefined && holder.expiresAt <= options.now() ? undefined : holder
    },

    /** Makes a token of one's own choice a company token, also one revoked before. */
    accept: (token: string) => void holders.set(token, { kind: 'company' }),

    /** Without a token: every token known so far dies, the fixed company token included. */
    revoke(token?: string): void {
      if (token === undefined) holders.clear()
      else holders.delete(token)
    },

    /** All tokens handed out so far, oldest first, the revoked and expired ones included. */
    issued: () => [...issued],
  }
}
