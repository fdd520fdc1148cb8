import { createHash } from 'node:crypto'
import type { Operator } from '../contract/operator.ts'
import type { Organization } from '../contract/organization.ts'
import { Failure, isFailure } from '../errors.ts'
import type { Reporter } from '../report.ts'
import type { Call, CallContext, Exchange, Reply } from './exchange.ts'
import {
  addedOf,
  operatorsOf,
  organizationsOf,
  tokenOf,
  type ValidatedRows,
  type Validity,
  validityOf,
} from './wire.ts'

/** A list with the instant its request left the gateway (monotonic ms): it is at least as new as that. */
export type Listed<T> = { rows: readonly T[]; askedAt: number }

/** The operators of an organization, and the digest of what ChatHub digest: undefined when some of it was set aside. */
export type ListedOperators = Listed<Operator> & {
  organizationName: string | undefined
  digest: string | undefined
}

/** ChatHub's endpoints in the contract's words. Every call @throws Failure `chathub.*`. */
export type ChatHub = {
  organizations(context: CallContext): Promise<Listed<Organization>>
  /** `before`: an earlier answer, whose very rows are given again when ChatHub says the same again. */
  operators(organization: number, context: CallContext, before?: ListedOperators): Promise<ListedOperators>
  /** Adds; at most as many rows as ChatHub takes at once (« Importation groupée »: 100). Order is not promised. */
  synchronize(rows: { organizationId: number; name: string }[], context: CallContext): Promise<Operator[]>
  setStatus(operator: number, code: number, context: CallContext): Promise<void>
  operatorToken(operator: number, expiresAt: Date, context: CallContext): Promise<string>
  validate(token: string, context: CallContext): Promise<Validity>
}

export const createChatHub = (exchange: Exchange, report: Reporter): ChatHub => {
  const drift = <T extends ValidatedRows<unknown>>(
    operation: string,
    validated: T,
    organization?: number,
  ): T => {
    for (const [what, rows] of Object.entries(validated.drift))
      report({ name: 'contract-drift', operation, what, rows, organization })
    return validated
  }
  /** Reads a body; one that breaks the contract is reported, and leaves a write in doubt. */
  const ask = async <T>(call: Call, parse: (reply: Reply) => T | Promise<T>): Promise<T> => {
    const reply = await exchange(call)
    try {
      return await parse(reply)
    } catch (error) {
      if (!isFailure(error, 'chathub.invalid-response')) throw error
      const what = (error.cause as Error).message
      report({ name: 'contract-drift', operation: call.operation, what, rows: 0 })
      throw new Failure('chathub.invalid-response', { cause: error.cause, inDoubt: call.write })
    }
  }
  /** A read that ChatHub refuses as invalid is its contract broken, not the caller's fault. */
  const get = <T>(
    operation: Call['operation'],
    path: string,
    context: CallContext,
    parse: (reply: Reply) => T | Promise<T>,
  ): Promise<T> =>
    ask({ operation, method: 'GET', path, write: false, context }, parse).catch((error) => {
      throw isFailure(error, 'chathub.rejected')
        ? new Failure('chathub.invalid-response', { cause: error })
        : error
    })
  const post = (operation: Call['operation'], path: string, body: object, context: CallContext): Call => ({
    operation,
    method: 'POST',
    path,
    body: JSON.stringify(body),
    write: operation === 'synchronize' || operation === 'status',
    context,
  })

  return {
    organizations: (context) =>
      get('organizations', '/api/company/organization', context, async ({ body, sentAt }) => {
        const { rows } = drift('organizations', await organizationsOf(body))
        return { rows, askedAt: sentAt }
      }),
    operators: (organization, context, before) =>
      get('operators', `/api/operator?organizationId=${organization}`, context, async ({ body, sentAt }) => {
        const bodyDigest = createHash('sha256').update(body).digest('base64')
        if (before?.digest === bodyDigest) return { ...before, askedAt: sentAt }
        const validated = drift('operators', await operatorsOf(body, organization), organization)
        // What broke the contract is told each time that it comes.
        const digest = Object.keys(validated.drift).length === 0 ? bodyDigest : undefined
        return { rows: validated.rows, organizationName: validated.organizationName, askedAt: sentAt, digest }
      }),
    synchronize: (rows, context) =>
      ask(
        post('synchronize', '/api/operator/synchronize', rows, context),
        async ({ body }) => drift('synchronize', await addedOf(body)).rows,
      ),
    setStatus: async (id, status, context) => {
      await exchange(post('status', '/api/operator/status', { id, status }, context))
    },
    operatorToken: (id, expiresAt, context) =>
      ask(
        post('token', '/api/operator/get-token', { id, expiresAt: expiresAt.toISOString() }, context),
        ({ body }) => tokenOf(body).token,
      ),
    validate: (token, context) =>
      ask(post('validate', '/api/operator/validate-token', { token }, context), ({ body }) =>
        validityOf(body),
      ),
  }
}
