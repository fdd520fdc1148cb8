import {
  ConflictError,
  isOperation,
  type Operator,
  type OperatorInOrganization,
} from '../../../client/client.ts'
import { gateway } from '../data/gateway.ts'

export type Known = 'active' | 'inactive' | 'deleted'
export type Change = { operator: Pick<Operator, 'id' | 'name' | 'status'>; to: Known }

/** Somebody else changed the operator after it was shown. */
export class ChangedMeanwhile extends Error {
  readonly now: OperatorInOrganization
  constructor(now: OperatorInOrganization) {
    super('changed meanwhile')
    this.now = now
  }
}

/** Changes the operator only if it still is as it is shown. @throws ChangedMeanwhile, GatewayError */
export const changeIfSame = async (organization: number, { operator, to }: Change): Promise<void> => {
  const { data: now, headers } = await gateway.operators.get(organization, operator.id).withResponse()
  if (now.status !== operator.status) throw new ChangedMeanwhile(now)
  try {
    const ifMatch = { headers: { 'If-Match': headers.get('etag') ?? '*' } }
    const answer = await gateway.operators.update(organization, operator.id, { status: to }, ifMatch)
    if (isOperation(answer)) await gateway.operations.wait(answer)
  } catch (error) {
    if (!(error instanceof ConflictError && error.code === 'precondition.failed')) throw error
    throw new ChangedMeanwhile(await gateway.operators.get(organization, operator.id))
  }
}
