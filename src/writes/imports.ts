import { authorize } from '../access/authorize.ts'
import type { Caller } from '../access/caller.ts'
import type { CallContext } from '../chathub/exchange.ts'
import type { Organizations } from '../lists/organizations.ts'
import type { NewWrite, Operation, Row } from './operation.ts'
import type { OperationWriter } from './operation-writer.ts'

type ImportRequest = Pick<NewWrite, 'rows' | 'onDuplicate' | 'onDeleted'>

/** CSV imports: operations of the `imports` lane, which people and writes go before. @throws Failure `organization.unknown` */
export type Imports = {
  /** Begins an import. Its rows are kept when this resolves. */
  start(
    caller: Caller,
    organization: number,
    request: ImportRequest,
    context: CallContext,
    requestKey: string,
  ): Promise<Operation>
  /** The outcome of each row if it were written now. Changes nothing. */
  preview(caller: Caller, organization: number, request: ImportRequest, context: CallContext): Promise<Row[]>
}

export const createImports = (writer: OperationWriter, organizations: Organizations): Imports => ({
  start: async (caller, organization, request, context, requestKey) => {
    authorize(caller, { organization })
    await organizations.get(caller, organization, context)
    return writer.enqueue({ ...request, kind: 'import', client: caller.id, organization, requestKey })
  },
  preview: async (caller, organization, request, context) => {
    authorize(caller, { organization })
    return writer.preview({ ...request, organization }, context)
  },
})
