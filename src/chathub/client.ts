import { createHash } from 'node:crypto'
import type { Operator } from '../contract/operator.ts'
import type { Organization } from '../contract/organization.ts'
import { Failure, isFailure } from '../errors.ts'
import type { Reporter } from '../report.ts'
import type { Call, CallContext, Exchange, Reply } from './exchange.ts'
import { createUnknownFields, type UnknownField } from './unknown-fields.ts'
import {
  addedOf,
  checkDone,
  operatorsOf,
  organizationsOf,
  tokenOf,
  type ValidatedRows,
  type Validity,
  validityOf,
} from './wire.ts'

/** A list and the time at which its request left the gateway (monotonic ms); the list is at least as new as that. */
type Listed<T> = { rows: readonly T[]; askedAt: number }

/** The operators of an organization, and the digest of the answer; undefined if some of its rows were invalid. */
export type ListedOperators = Listed<Operator> & {
  organizationName: string | undefined
  digest: string | undefined
}

/** The endpoints of ChatHub in the words of the contract. Every call @throws Failure `chathub.*` or `queue.full`. */
export type ChatHub = {
  organizations(context: CallContext): Promise<Listed<Organization>>
  /** `before`: an earlier answer; if ChatHub gives the same bytes again, the result has the same array of rows. */
  operators(organization: number, context: CallContext, before?: ListedOperators): Promise<ListedOperators>
  /** Adds at most as many rows as ChatHub takes at once (« Importation groupée »: 100). Their order is not promised. */
  synchronize(rows: { organizationId: number; name: string }[], context: CallContext): Promise<Operator[]>
  setStatus(operator: number, code: number, context: CallContext): Promise<void>
  operatorToken(operator: number, expiresAt: Date, context: CallContext): Promise<string>
  validate(token: string, context: CallContext): Promise<Validity>
  /** Fields of ChatHub's rows that are not documented. */
  unknownFields(): UnknownField[]
}

export const createChatHub = (exchange: Exchange, report: Reporter): ChatHub => {
  const unknownFields = createUnknownFields(report)
  const reportDrift = (
    operation: string,
    told: Pick<ValidatedRows<unknown>, 'drift' | 'unknownFields'>,
    organization?: number,
  ): void => {
    for (const [what, rows] of Object.entries(told.drift))
      report({ name: 'contract-drift', operation, what, rows, organization })
    unknownFields.add(operation, told.unknownFields)
  }
  /**
   * Asks ChatHub and parses the answer. A request without a body is a read. An answer that breaks the contract is reported,
   * and leaves a write in doubt.
   */
  const ask = async <T>(
    context: CallContext,
    operation: Call['operation'],
    { path, body }: { path: string; body?: object },
    parse: (reply: Reply) => T | Promise<T>,
  ): Promise<T> => {
    const isRead = body === undefined
    const write = operation === 'synchronize' || operation === 'status'
    const request = isRead
      ? { method: 'GET' as const }
      : { method: 'POST' as const, body: JSON.stringify(body) }
    const reply = await exchange({ operation, path, ...request, write, context }).catch((error) => {
      // The gateway made the request of a read, so its refusal is not the fault of the caller.
      const isOurs = isRead && isFailure(error, 'chathub.rejected')
      throw isOurs ? new Failure('chathub.invalid-response', { cause: error }) : error
    })
    try {
      return await parse(reply)
    } catch (error) {
      if (!isFailure(error, 'chathub.invalid-response')) throw error
      const what = (error.cause as Error).message
      report({ name: 'contract-drift', operation, what, rows: 0 })
      throw new Failure('chathub.invalid-response', { cause: error.cause, inDoubt: write })
    }
  }

  return {
    organizations: (context) =>
      ask(context, 'organizations', { path: '/api/company/organization' }, async ({ body, sentAt }) => {
        const { rows, ...told } = await organizationsOf(body)
        reportDrift('organizations', told)
        return { rows, askedAt: sentAt }
      }),
    operators: (organization, context, before) => {
      const path = `/api/operator?organizationId=${organization}`
      return ask(context, 'operators', { path }, async ({ body, sentAt }) => {
        const bodyDigest = createHash('sha256').update(body).digest('base64')
        if (before?.digest === bodyDigest) return { ...before, askedAt: sentAt }
        const { rows, organizationName, ...told } = await operatorsOf(body, organization)
        reportDrift('operators', told, organization)
        // Without a digest the next answer is parsed again, so its drift is reported again.
        const digest = Object.keys(told.drift).length === 0 ? bodyDigest : undefined
        return { rows, organizationName, askedAt: sentAt, digest }
      })
    },
    synchronize: (rows, context) =>
      ask(context, 'synchronize', { path: '/api/operator/synchronize', body: rows }, async ({ body }) => {
        const added = await addedOf(body)
        reportDrift('synchronize', added)
        return added.rows
      }),
    setStatus: (id, status, context) =>
      ask(context, 'status', { path: '/api/operator/status', body: { id, status } }, ({ body }) =>
        checkDone(body),
      ),
    operatorToken: (id, expiresAt, context) => {
      const request = { path: '/api/operator/get-token', body: { id, expiresAt: expiresAt.toISOString() } }
      return ask(context, 'token', request, ({ body }) => tokenOf(body).token)
    },
    validate: (token, context) =>
      ask(context, 'validate', { path: '/api/operator/validate-token', body: { token } }, ({ body }) =>
        validityOf(body),
      ),
    unknownFields: unknownFields.all,
  }
}
