import { createHash } from 'node:crypto'
import type { Operator } from '../contract/operator.ts'
import type { Organization } from '../contract/organization.ts'
import { Failure, isFailure } from '../errors.ts'
import type { Reporter } from '../report.ts'
import type { Call, Errand, Exchange, Reply } from './exchange.ts'
import {
  addedOf,
  operatorsOf,
  organizationsOf,
  type Sifted,
  tokenOf,
  type Validity,
  validityOf,
} from './wire.ts'

/** A list with the instant its request left the gateway (monotonic ms): it is at least as new as that. */
export type Listed<T> = { rows: readonly T[]; askedAt: number }

/** The operators of an organization, and the digest of what ChatHub said: undefined when some of it was set aside. */
export type ListedOperators = Listed<Operator> & {
  organizationName: string | undefined
  said: string | undefined
}

/** ChatHub's endpoints in the contract's words. Every call @throws Failure `chathub.*`. */
export type ChatHub = {
  organizations(errand: Errand): Promise<Listed<Organization>>
  /** `before`: an earlier answer, whose very rows are given again when ChatHub says the same again. */
  operators(organization: number, errand: Errand, before?: ListedOperators): Promise<ListedOperators>
  /** Adds; at most as many rows as ChatHub takes at once (« Importation groupée »: 100). Order is not promised. */
  synchronize(rows: { organizationId: number; name: string }[], errand: Errand): Promise<Operator[]>
  setStatus(operator: number, code: number, errand: Errand): Promise<void>
  operatorToken(operator: number, expiresAt: Date, errand: Errand): Promise<string>
  validate(token: string, errand: Errand): Promise<Validity>
}

export const createChatHub = (exchange: Exchange, report: Reporter): ChatHub => {
  const drift = <T extends Sifted<unknown>>(operation: string, sifted: T, organization?: number): T => {
    for (const [what, rows] of Object.entries(sifted.drift))
      report({ name: 'contract-drift', operation, what, rows, organization })
    return sifted
  }
  /** Reads a body; one that breaks the contract is reported, and leaves a write in doubt. */
  const ask = async <T>(call: Call, parse: (reply: Reply) => T | Promise<T>): Promise<T> => {
    const reply = await exchange(call)
    try {
      return await parse(reply)
    } catch (error) {
      if (!isFailure(error, 'chathub.nonsense')) throw error
      const what = (error.cause as Error).message
      report({ name: 'contract-drift', operation: call.operation, what, rows: 0 })
      throw new Failure('chathub.nonsense', { cause: error.cause, inDoubt: call.write })
    }
  }
  /** A read that ChatHub refuses as invalid is its contract broken, not the caller's fault. */
  const get = <T>(
    operation: Call['operation'],
    path: string,
    errand: Errand,
    parse: (reply: Reply) => T | Promise<T>,
  ): Promise<T> =>
    ask({ operation, method: 'GET', path, write: false, errand }, parse).catch((error) => {
      throw isFailure(error, 'chathub.rejected') ? new Failure('chathub.nonsense', { cause: error }) : error
    })
  const post = (operation: Call['operation'], path: string, body: object, errand: Errand): Call => ({
    operation,
    method: 'POST',
    path,
    body: JSON.stringify(body),
    write: operation === 'synchronize' || operation === 'status',
    errand,
  })

  return {
    organizations: (errand) =>
      get('organizations', '/api/company/organization', errand, async ({ body, sentAt }) => {
        const { rows } = drift('organizations', await organizationsOf(body))
        return { rows, askedAt: sentAt }
      }),
    operators: (organization, errand, before) =>
      get('operators', `/api/operator?organizationId=${organization}`, errand, async ({ body, sentAt }) => {
        const digest = createHash('sha256').update(body).digest('base64')
        if (before?.said === digest) return { ...before, askedAt: sentAt }
        const sifted = drift('operators', await operatorsOf(body, organization), organization)
        // What broke the contract is told each time that it comes.
        const said = Object.keys(sifted.drift).length === 0 ? digest : undefined
        return { rows: sifted.rows, organizationName: sifted.organizationName, askedAt: sentAt, said }
      }),
    synchronize: (rows, errand) =>
      ask(
        post('synchronize', '/api/operator/synchronize', rows, errand),
        async ({ body }) => drift('synchronize', await addedOf(body)).rows,
      ),
    setStatus: async (id, status, errand) => {
      await exchange(post('status', '/api/operator/status', { id, status }, errand))
    },
    operatorToken: (id, expiresAt, errand) =>
      ask(
        post('token', '/api/operator/get-token', { id, expiresAt: expiresAt.toISOString() }, errand),
        ({ body }) => tokenOf(body).token,
      ),
    validate: (token, errand) =>
      ask(post('validate', '/api/operator/validate-token', { token }, errand), ({ body }) =>
        validityOf(body),
      ),
  }
}
