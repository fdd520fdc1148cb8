import type { Command } from 'commander'
import { partsOf } from '../../setting.ts'
import { callsGateway, clientOf, type GatewayOptions, idArgument } from './call-gateway.ts'
import { followOperation, tellEnd } from './follow-operation.ts'
import { showObject, showRows } from './output.ts'

const columns = ['id', 'kind', 'organization', 'state', 'total', 'pending', 'rejected', 'startedAt'] as const

/** `operations list|show|cancel|retry`. */
export const addOperations = (program: Command): void => {
  const group = program.command('operations').description('Follows writes that take long.')

  callsGateway(group.command('list'))
    .description('Lists your operations, newest first.')
    .option('--org <id>', 'only of this organization', idArgument)
    .option('--state <states>', 'comma separated: queued running done cancelled needsReview', partsOf)
    .option('--limit <n>', 'the most operations', Number, 50)
    .action(async (options: GatewayOptions & { org?: number; state?: string[]; limit: number }) => {
      const { org, state, limit } = options
      const query = {
        limit,
        ...(org !== undefined && { organization: org }),
        ...(state && { state: state as never }),
      }
      showRows((await clientOf(options).operations.list(query)).items, columns, options)
    })

  callsGateway(group.command('show'))
    .description('Shows an operation.')
    .argument('<id>', 'id of the operation')
    .option('--rows', 'its rows instead')
    .option('--wait', 'waits for its end first')
    .action(async (id: string, options: GatewayOptions & { rows?: boolean; wait?: boolean }) => {
      const client = clientOf(options)
      const found = await client.operations.get(id)
      const operation = options.wait ? await followOperation(client, found) : found
      if (options.rows)
        showRows(
          (await client.operations.rows(id)).items,
          ['index', 'name', 'outcome', 'reason'] as never,
          options,
        )
      else showObject(operation, options)
      if (options.wait) tellEnd(operation)
    })

  callsGateway(group.command('cancel'))
    .description('Stops an operation before its next batch.')
    .argument('<id>', 'id of the operation')
    .action(async (id: string, options: GatewayOptions) =>
      showObject(await clientOf(options).operations.cancel(id), options),
    )

  callsGateway(group.command('retry'))
    .description('Tries the rows again that ended in doubt, and waits for the end.')
    .argument('<id>', 'id of the operation')
    .action(async (id: string, options: GatewayOptions) => {
      const client = clientOf(options)
      const ended = await followOperation(client, await client.operations.retry(id))
      showObject(ended, options)
      tellEnd(ended)
    })
}
