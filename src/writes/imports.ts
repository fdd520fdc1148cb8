import { authorize } from '../access/authorize.ts'
import type { Caller } from '../access/caller.ts'
import type { Cache } from '../cache/cache.ts'
import type { CallContext } from '../chathub/exchange.ts'
import type { Clock } from '../clock.ts'
import { operatorsKey } from '../lists/operator-lists.ts'
import type { Organizations } from '../lists/organizations.ts'
import type { Roster } from '../lists/roster.ts'
import type { Operation, Row } from './operation.ts'
import type { OperationWriter } from './operation-writer.ts'
import { type Modes, planRows, previewRows } from './row-planner.ts'

type ImportRequest = Modes & { rows: Row[] }

/** CSV imports: operations of the `imports` lane, which leaves room for people. @throws Failure `organization.unknown` */
export type Imports = {
  /** Begins an import. Its rows are kept when this resolves. */
  start(
    caller: Caller,
    organization: number,
    request: ImportRequest,
    context: CallContext,
    requestKey: string,
  ): Promise<Operation>
  /** What would become of each row now; changes nothing. */
  preview(caller: Caller, organization: number, request: ImportRequest, context: CallContext): Promise<Row[]>
}

export const createImports = (options: {
  writer: OperationWriter
  organizations: Organizations
  cache: Cache<Roster>
  clock: Clock
}): Imports => {
  const { writer, organizations, cache, clock } = options
  return {
    start: async (caller, organization, request, context, requestKey) => {
      authorize(caller, { organization })
      await organizations.get(caller, organization, context)
      return writer.enqueue({ ...request, kind: 'import', client: caller.id, organization, requestKey })
    },
    preview: async (caller, organization, { rows, ...modes }, context) => {
      authorize(caller, { organization })
      const { copy } = await cache.read(operatorsKey(organization), context, { notBefore: clock.now() })
      return previewRows(planRows(copy.value, rows, modes), modes)
    },
  }
}
