import { randomBytes } from 'node:crypto'

/** The holder of a token. `expiresAt`: ms of the wall clock; without it the token does not expire. */
export type Holder = ({ kind: 'company' } | { kind: 'operator'; operatorId: number }) & { expiresAt?: number }

export type Tokens = ReturnType<typeof createTokens>

/**
 * All tokens that ChatHub accepted at any time. Issued tokens have 256 random bits, so a test that finds one in
 * logs, answers or Redis has found a leak.
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

    /** The holder of a valid token; undefined if it is unknown, revoked or expired. */
    holder(token: string): Holder | undefined {
      const holder = holders.get(token)
      return holder?.expiresAt !== undefined && holder.expiresAt <= options.now() ? undefined : holder
    },

    /** Accepts this text as a company token, even if it was revoked before. */
    accept: (token: string) => void holders.set(token, { kind: 'company' }),

    /** Without an argument: revokes all tokens, the configured company token included. */
    revoke(token?: string): void {
      if (token === undefined) holders.clear()
      else holders.delete(token)
    },

    /** All issued tokens, oldest first, with the revoked and expired ones. */
    issued: () => [...issued],
  }
}
