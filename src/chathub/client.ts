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
  /** Sends a call and parses the answer. An answer that breaks the contract is reported, and leaves a write in doubt. */
  const send = async <T>(call: Call, parse: (reply: Reply) => T | Promise<T>): Promise<T> => {
    const reply = await exchange(call).catch((error) => {
      // The gateway made the request of a read, so its refusal is not the fault of the caller.
      const refusedRead = call.method === 'GET' && isFailure(error, 'chathub.rejected')
      throw refusedRead ? new Failure('chathub.invalid-response', { cause: error }) : error
    })
    try {
      return await parse(reply)
    } catch (error) {
      if (!isFailure(error, 'chathub.invalid-response')) throw error
      const what = (error.cause as Error).message
      report({ name: 'contract-drift', operation: call.operation, what, rows: 0 })
      throw new Failure('chathub.invalid-response', { cause: error.cause, inDoubt: call.write })
    }
  }
  const get = (operation: Call['operation'], path: string, context: CallContext): Call => ({
    operation,
    method: 'GET',
    path,
    write: false,
    context,
  })
  const post = (operation: Call['operation'], path: string, body: object, context: CallContext): Call => ({
    operation,
    method: 'POST',
    path: `/api/operator/${path}`,
    body: JSON.stringify(body),
    write: operation === 'synchronize' || operation === 'status',
    context,
  })

  return {
    organizations: (context) =>
      send(get('organizations', '/api/company/organization', context), async ({ body, sentAt }) => {
        const { rows, ...told } = await organizationsOf(body)
        reportDrift('organizations', told)
        return { rows, askedAt: sentAt }
      }),
    operators: (organization, context, before) =>
      send(
        get('operators', `/api/operator?organizationId=${organization}`, context),
        async ({ body, sentAt }) => {
          const bodyDigest = createHash('sha256').update(body).digest('base64')
          if (before?.digest === bodyDigest) return { ...before, askedAt: sentAt }
          const { rows, organizationName, ...told } = await operatorsOf(body, organization)
          reportDrift('operators', told, organization)
          // Without a digest the next answer is parsed again, so its drift is reported again.
          const digest = Object.keys(told.drift).length === 0 ? bodyDigest : undefined
          return { rows, organizationName, askedAt: sentAt, digest }
        },
      ),
    synchronize: (rows, context) =>
      send(post('synchronize', 'synchronize', rows, context), async ({ body }) => {
        const added = await addedOf(body)
        reportDrift('synchronize', added)
        return added.rows
      }),
    setStatus: async (id, status, context) => {
      await send(post('status', 'status', { id, status }, context), ({ body }) => checkDone(body))
    },
    operatorToken: (id, expiresAt, context) =>
      send(
        post('token', 'get-token', { id, expiresAt: expiresAt.toISOString() }, context),
        ({ body }) => tokenOf(body).token,
      ),
    validate: (token, context) =>
      send(post('validate', 'validate-token', { token }, context), ({ body }) => validityOf(body)),
    unknownFields: unknownFields.all,
  }
}
