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
export type Listed<T> = { rows: T[]; askedAt: number }

/** ChatHub's endpoints in the contract's words. Every call @throws Failure `chathub.*`. */
export type ChatHub = {
  organizations(errand: Errand): Promise<Listed<Organization>>
  operators(
    organization: number,
    errand: Errand,
  ): Promise<Listed<Operator> & { organizationName: string | undefined }>
  /** Adds; at most as many rows as ChatHub takes at once (« Importation groupée »: 100). Order is not promised. */
  synchronize(rows: { organizationId: number; name: string }[], errand: Errand): Promise<Operator[]>
  setStatus(operator: number, code: number, errand: Errand): Promise<void>
  operatorToken(operator: number, expiresAt: Date, errand: Errand): Promise<string>
  validate(token: string, errand: Errand): Promise<Validity>
}

export const createChatHub = (exchange: Exchange, report: Reporter): ChatHub => {
  const drift = <T extends Sifted<unknown>>(operation: string, sifted: T, organization?: number): T => {
    for (const [what, rows] of Object.entries(sifted.drift))
      report({
        name: 'contract-drift',
        operation,
        what,
        rows,
        ...(organization !== undefined && { organization }),
      })
    return sifted
  }
  /** Reads a body; one that breaks the contract is reported, and leaves a write in doubt. */
  const read = async <T>(call: Call, parse: (reply: Reply) => T): Promise<T> => {
    const reply = await exchange(call)
    try {
      return parse(reply)
    } catch (error) {
      if (!isFailure(error, 'chathub.nonsense')) throw error
      report({
        name: 'contract-drift',
        operation: call.operation,
        what: (error.cause as Error).message,
        rows: 0,
      })
      throw new Failure('chathub.nonsense', { cause: error.cause, inDoubt: call.write })
    }
  }
  /** A read that ChatHub refuses as invalid is its contract broken, not the caller's fault. */
  const get = <T>(call: Call, parse: (reply: Reply) => T): Promise<T> =>
    read(call, parse).catch((error) => {
      throw isFailure(error, 'chathub.rejected') ? new Failure('chathub.nonsense', { cause: error }) : error
    })

  return {
    organizations: (errand) =>
      get(
        {
          operation: 'organizations',
          method: 'GET',
          path: '/api/company/organization',
          write: false,
          errand,
        },
        (reply) => {
          const { rows } = drift('organizations', organizationsOf(reply.body))
          return { rows, askedAt: reply.sentAt }
        },
      ),
    operators: (organization, errand) =>
      get(
        {
          operation: 'operators',
          method: 'GET',
          path: `/api/operator?organizationId=${organization}`,
          write: false,
          errand,
        },
        (reply) => {
          const { rows, organizationName } = drift(
            'operators',
            operatorsOf(reply.body, organization),
            organization,
          )
          return { rows, organizationName, askedAt: reply.sentAt }
        },
      ),
    synchronize: (rows, errand) =>
      read(
        {
          operation: 'synchronize',
          method: 'POST',
          path: '/api/operator/synchronize',
          body: JSON.stringify(rows),
          write: true,
          errand,
        },
        (reply) => drift('synchronize', addedOf(reply.body)).rows,
      ),
    setStatus: async (id, status, errand) => {
      await exchange({
        operation: 'status',
        method: 'POST',
        path: '/api/operator/status',
        body: JSON.stringify({ id, status }),
        write: true,
        errand,
      })
    },
    operatorToken: (id, expiresAt, errand) =>
      read(
        {
          operation: 'token',
          method: 'POST',
          path: '/api/operator/get-token',
          body: JSON.stringify({ id, expiresAt: expiresAt.toISOString() }),
          write: false,
          errand,
        },
        (reply) => tokenOf(reply.body).token,
      ),
    validate: (token, errand) =>
      read(
        {
          operation: 'validate',
          method: 'POST',
          path: '/api/operator/validate-token',
          body: JSON.stringify({ token }),
          write: false,
          errand,
        },
        (reply) => validityOf(reply.body),
      ),
  }
}
