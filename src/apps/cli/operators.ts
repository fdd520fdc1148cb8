import { readFile } from 'node:fs/promises'
import { buffer } from 'node:stream/consumers'
import { type Command, Option } from 'commander'
import { type Event, isOperation, type Operation } from '../../client/client.ts'
import { exitCodes } from '../../exit-codes.ts'
import { partsOf } from '../../setting.ts'
import { CommandFailure, callsGateway, clientOf, type GatewayOptions, idArgument } from './call-gateway.ts'
import { followOperation, tellEnd } from './follow-operation.ts'
import { showLine, showObject, showRows } from './output.ts'

type OrgOptions = GatewayOptions & { org: number }
type AddOptions = {
  onDuplicate?: 'skip' | 'allow' | 'fail'
  onDeleted?: 'report' | 'reactivate'
  dryRun?: boolean
}
type FileOptions = { column?: string; sheet?: string; charset?: string }

const inOrganization = (command: Command): Command =>
  callsGateway(command).requiredOption('--org <id>', 'id of the organization', idArgument)
const adds = (command: Command): Command =>
  inOrganization(command)
    .addOption(
      new Option('--on-duplicate <what>', 'for a name that exists').choices(['skip', 'allow', 'fail']),
    )
    .addOption(new Option('--on-deleted <what>', 'for a deleted one').choices(['report', 'reactivate']))
    .option('--dry-run', 'only tells what would happen')

/** Only the fields that were given. */
const given = <T extends object>(values: T): T =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as T

const fileAt = (path: string): Promise<Uint8Array> => {
  if (path === '-') return buffer(process.stdin)
  return readFile(path).catch(({ code }) => {
    throw new CommandFailure(exitCodes.noInput, `${path} cannot be read (${code}).`)
  })
}

/** The gateway skips names that exist. @throws CommandFailure that lists them, by a dry run */
const refuseKnown = async (options: OrgOptions, file: Uint8Array, query: object): Promise<void> => {
  const preview = await clientOf(options).operators.import(options.org, file, { ...query, dryRun: true })
  if (!('items' in preview)) return
  const known = preview.items.filter(({ outcome }) => outcome.startsWith('exists'))
  if (known.length === 0) return
  const lines = known.slice(0, 20).map(({ line, name }) => `  line ${line}: ${name}`)
  const more = known.length > 20 ? [`  and ${known.length - 20} more`] : []
  const why = 'Nothing was imported. These names exist, or stand in the file twice:'
  throw new CommandFailure(exitCodes.data, [why, ...lines, ...more].join('\n'))
}

const sentenceOf = ({ observedAt, organization, type, operator, from, to, name }: Event): string =>
  [
    observedAt,
    `organization ${organization ?? '*'}`,
    type,
    operator ? `${operator.id} ${operator.name ?? ''}` : (name ?? ''),
    to ? `${from ?? 'new'} → ${to}` : '',
  ]
    .filter(Boolean)
    .join('  ')

/** `operators list|add|import|set-status|watch`. */
export const addOperators = (program: Command): void => {
  const group = program
    .command('operators')
    .description('Reads and changes the operators of an organization.')
  const ended = async (options: GatewayOptions, operation: Operation): Promise<void> => {
    const last = await followOperation(clientOf(options), operation)
    showObject(last, options)
    tellEnd(last)
  }

  inOrganization(group.command('list'))
    .description('Lists operators.')
    .option('--status <statuses>', 'comma separated: active inactive deleted unknown', partsOf)
    .option('--q <text>', 'part of the name')
    .option(
      '--sort <fields>',
      'comma separated: id name status, each with - before it for descending',
      partsOf,
    )
    .action(async (options: OrgOptions & { status?: string[]; q?: string; sort?: string[] }) => {
      const { org, status, q, sort } = options
      const { items } = await clientOf(options).operators.list(org, given({ status, q, sort }) as object)
      showRows(items, ['id', 'name', 'status'], options)
    })

  adds(group.command('add'))
    .description('Adds operators. Names that exist are not added again.')
    .argument('<names...>', 'each in quotes')
    .action(async (names: string[], options: OrgOptions & AddOptions) => {
      const { org, onDuplicate, onDeleted, dryRun } = options
      const body = given({ operators: names.map((name) => ({ name })), onDuplicate, onDeleted, dryRun })
      const added = await clientOf(options).operators.add(org, body as never)
      if (isOperation(added)) await ended(options, added)
      else showRows(added.results, ['name', 'outcome', 'id'], options)
    })

  adds(group.command('import'))
    .description('Imports the names of a CSV file or an Excel workbook, and waits for the end.')
    .argument('<file>', 'path, or - for stdin')
    .option('--column <name>', 'the column with the names, by header or number')
    .option('--sheet <name>', 'the sheet of a workbook')
    .option('--charset <name>', 'the encoding of a text file')
    .action(async (path: string, options: OrgOptions & AddOptions & FileOptions) => {
      const { org, onDuplicate, onDeleted, dryRun, column, sheet, charset } = options
      const file = await fileAt(path)
      const how = { onDeleted, column, sheet, charset }
      if (onDuplicate === 'fail') await refuseKnown(options, file, given(how) as object)
      const query = given({ ...how, dryRun, ...(onDuplicate !== 'fail' && { onDuplicate }) })
      const started = await clientOf(options).operators.import(org, file, query as object)
      if (isOperation(started)) await ended(options, started)
      else showObject(started, options)
    })

  inOrganization(group.command('set-status'))
    .description('Sets the status of operators.')
    .argument('<status>', 'active, inactive or deleted')
    .argument('<ids...>', 'ids of operators', (text: string, ids: number[] = []) => [
      ...ids,
      idArgument(text),
    ])
    .action(async (status: 'active', ids: number[], options: OrgOptions) => {
      const answer = await clientOf(options).operators.setStatus(options.org, { ids, status })
      if (isOperation(answer)) await ended(options, answer)
      else showRows(answer.results, ['id', 'outcome', 'reason'], options)
    })

  callsGateway(group.command('watch'))
    .description('Prints what changes, until Ctrl-C.')
    .option('--org <ids>', 'comma separated; default: all', (text) => partsOf(text).map(idArgument))
    .action(async (options: GatewayOptions & { org?: number[] }) => {
      const filter = options.org ? { organizations: options.org } : {}
      for await (const event of clientOf(options).events.subscribe(filter))
        showLine(event, sentenceOf(event), options)
    })
}
