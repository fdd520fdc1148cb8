import type { Command } from 'commander'
import { requestsPerMinuteDefault } from '../../access/caller.ts'
import { faultsOfClient, hashKey, makeKey } from '../../access/keys.ts'
import { parseId } from '../../contract/ids.ts'
import { scopes } from '../../contract/scopes.ts'
import { exitCodes } from '../../exit-codes.ts'
import { partsOf } from '../../setting.ts'
import { CommandFailure } from './call-gateway.ts'
import { changeClients, type Entry, readClients } from './clients-file.ts'
import { type Shown, say, showRows } from './output.ts'

type CreateOptions = {
  id: string
  scopes: string[]
  organizations?: string
  requestsPerMinute: number
  expiresAt?: string
  file?: string
}

/** A fault of an entry, with the name of its option. */
const asOption = (fault: string): string =>
  fault.replace(
    /^\/(\w+)[^:]*/,
    (_, field: string) => `--${field.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`,
  )

/** @throws CommandFailure that names each option that is wrong */
const entryOf = (key: string, options: CreateOptions): Entry => {
  const { id, organizations = '', requestsPerMinute, expiresAt } = options
  const entry = {
    id,
    keyHash: hashKey(key),
    scopes: options.scopes,
    organizations: organizations === '*' ? '*' : partsOf(organizations).map((text) => parseId(text) ?? text),
    requestsPerMinute,
    expiresAt,
  }
  const faults = faultsOfClient(entry).map(asOption)
  if (expiresAt !== undefined && Date.parse(expiresAt) <= Date.now())
    faults.push('--expires-at: wanted: an instant in the future')
  if (faults.length > 0) throw new CommandFailure(exitCodes.usage, faults.join('\n'))
  if (entry.organizations.length === 0)
    say('The key may touch no organization: --organizations was not given.')
  return entry
}

const create = (options: CreateOptions): void => {
  const key = makeKey(options.id)
  const entry = entryOf(key, options)
  if (options.file === undefined) {
    say(`The key, shown only now:\n${key}`)
    process.stdout.write(`${JSON.stringify(entry, null, 2)}\n`)
    return
  }
  const { length } = changeClients(options.file, (entries) => [...entries, entry], true)
  say(`${options.file} lists ${length} key${length === 1 ? '' : 's'} now. The new key, shown only now:`)
  process.stdout.write(`${key}\n`)
}

const list = ({ file, ...shown }: Shown & { file: string }): void => {
  const rows = readClients(file).map(({ keyHash, ...entry }) => ({
    scopes: [],
    organizations: [],
    requestsPerMinute: requestsPerMinuteDefault,
    ...entry,
    key: keyHash.slice(0, 15),
    expiresAt: entry.expiresAt,
  }))
  showRows(rows, ['id', 'key', 'scopes', 'organizations', 'requestsPerMinute', 'expiresAt'], shown)
}

const isNamed = ({ id, keyHash }: Entry, options: { id: string; hash?: string }): boolean =>
  id === options.id && keyHash.startsWith(options.hash ?? '')
const noneOf = (file: string, id: string): CommandFailure =>
  new CommandFailure(
    exitCodes.data,
    `${file} lists no such key of ${id}. See: chathub-gateway keys list --file ${file}`,
  )

const revoke = (options: { file: string; id: string; hash?: string }): void => {
  let count = 0
  const left = changeClients(options.file, (entries) => {
    const kept = entries.filter((entry) => !isNamed(entry, options))
    count = entries.length - kept.length
    if (count === 0) throw noneOf(options.file, options.id)
    return kept
  })
  say(`${count} key${count === 1 ? '' : 's'} revoked. A running gateway reads the file within seconds.`)
  if (left.length === 0)
    say('The file lists nobody now. A gateway refuses it and goes on with the keys it has.')
}

/** The entry of another key with the same rights. @throws CommandFailure when that key would have expired already */
const renewed = (last: Entry, key: string, expiresAt = last.expiresAt): Entry => {
  const entry = { ...last, keyHash: hashKey(key), expiresAt }
  const faults = faultsOfClient(entry).map(asOption)
  if (faults.length === 0 && Date.parse(expiresAt ?? '') <= Date.now())
    faults.push(
      `--expires-at: the new key would have ended at ${expiresAt}; wanted: an instant in the future`,
    )
  if (faults.length > 0) throw new CommandFailure(exitCodes.usage, faults.join('\n'))
  return entry
}

type RotateOptions = { file: string; id: string; overlapHours: number; expiresAt?: string }

const rotate = ({ file, id, overlapHours, expiresAt }: RotateOptions): void => {
  if (!(overlapHours >= 0 && overlapHours <= 8760))
    throw new CommandFailure(exitCodes.usage, '--overlap-hours: wanted: a number from 0 to 8760')
  const key = makeKey(id)
  const endsAt = Date.now() + overlapHours * 3_600_000
  const entries = changeClients(file, (before) => {
    const last = before.findLast((entry) => entry.id === id)
    if (!last) throw noneOf(file, id)
    const shortened = before.map((entry) =>
      entry.id === id && !(Date.parse(entry.expiresAt ?? '') <= endsAt)
        ? { ...entry, expiresAt: new Date(endsAt).toISOString() }
        : entry,
    )
    return [...shortened, renewed(last, key, expiresAt)]
  })
  const newEndsAt = entries.at(-1)?.expiresAt
  const until = newEndsAt === undefined ? '' : ` The new one ends at ${newEndsAt}.`
  say(
    `The older keys of ${id} end at ${new Date(endsAt).toISOString()}.${until} The new key, shown only now:`,
  )
  process.stdout.write(`${key}\n`)
}

const fileOption = ['--file <path>', 'the file of API_KEYS_FILE'] as const

/** `keys create|list|revoke|rotate`. */
export const addKeys = (program: Command): void => {
  const group = program.command('keys').description('Manages the keys of callers.')

  group
    .command('create')
    .description('Makes a key and shows it once. Without --file the entry for API_KEYS_FILE goes to stdout.')
    .requiredOption('--id <id>', 'client id')
    .option('--scopes <scopes>', `comma separated: ${scopes.join(' ')}`, partsOf, [
      'organizations:read',
      'operators:read',
    ])
    .option('--organizations <ids>', 'comma separated ids, or *; default: none')
    .option('--requests-per-minute <n>', 'limit', Number, requestsPerMinuteDefault)
    .option('--expires-at <instant>', 'RFC 3339')
    .option('--file <path>', 'adds the entry to this file, or makes it; the key goes to stdout')
    .addHelpText(
      'after',
      '\nExample:\n  chathub-gateway keys create --id crm --scopes operators:read,operators:write --organizations 24,6 --file clients.json',
    )
    .action(create)

  group
    .command('list')
    .description('Lists the keys of a file. It holds only hashes.')
    .requiredOption(...fileOption)
    .option('--json', 'one JSON value a line, as in a pipe')
    .action(list)

  group
    .command('revoke')
    .description('Removes keys from a file.')
    .requiredOption(...fileOption)
    .requiredOption('--id <id>', 'client id')
    .option('--hash <start>', 'only the key whose hash begins so, as keys list shows it')
    .action(revoke)

  group
    .command('rotate')
    .description('Makes another key with the same rights. The older ones end after the overlap.')
    .requiredOption(...fileOption)
    .requiredOption('--id <id>', 'client id')
    .option('--overlap-hours <n>', 'how long the older keys go on', Number, 24)
    .option('--expires-at <instant>', 'RFC 3339; default: as the older key')
    .action(rotate)
}
