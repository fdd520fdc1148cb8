import type { Command } from 'commander'
import { faultsOfClient, hashKey, makeKey } from '../../access/keys.ts'
import { AuthenticationError, type Client, createClient } from '../../client/client.ts'
import { parseId } from '../../contract/ids.ts'
import { type Scope, scopes } from '../../contract/scopes.ts'
import { exitCodes } from '../../exit-codes.ts'
import { partsOf } from '../../setting.ts'
import { baseUrlOf, CommandFailure, callsGateway, clientOf, type GatewayOptions } from './call-gateway.ts'
import { changeClients, type Entry } from './clients-file.ts'
import { say, showObject } from './output.ts'

type Grant = {
  scopes?: string[] | undefined
  /** Default: those of the key. */
  organizations?: string | undefined
  subject?: string | undefined
  /** How long the link works. */
  minutes: number
  /** Of the page as the browser sees it. */
  origin: string
}
type Options = GatewayOptions & Omit<Grant, 'minutes'> & { ttl: number; file?: string }

/** A session of the console ends with the key that made its link. */
const keyHours = 12
const linkClient = 'login-link'
/** How long a gateway may take to read the file of keys again. */
const readingMs = 5000

/** @throws CommandFailure */
const idsOf = (organizations: string): number[] | '*' => {
  if (organizations === '*') return '*'
  const ids = partsOf(organizations).map(parseId)
  if (ids.every((id) => id !== undefined)) return ids
  throw new CommandFailure(exitCodes.usage, '--organizations: wanted: ids, comma separated, or *')
}

/** An address that signs one person in, once. Without scopes the session gets those of the key, but for `sessions:mint`. */
export const makeLoginLink = async (
  client: Client,
  grant: Grant,
): Promise<{ url: string; expiresAt: string }> => {
  const me = await client.gateway.me()
  const organizations = grant.organizations === undefined ? me.organizations : idsOf(grant.organizations)
  const wanted = grant.scopes ?? me.scopes.filter((scope) => scope !== 'sessions:mint')
  const { ticket, expiresAt } = await client.sessions.mint({
    organizations,
    scopes: wanted as Scope[],
    origin: grant.origin,
    ticketSeconds: Math.round(grant.minutes * 60),
    ...(grant.subject !== undefined && { subject: grant.subject }),
  })
  // The part behind # is never sent, so no log of a server or proxy has it.
  return { url: `${grant.origin}/console/#ticket=${ticket}`, expiresAt }
}

/** Lists a key for this link alone in the file of the gateway. Who may write that file may do everything anyway. */
const keyInFile = (file: string, { scopes: wanted = [...scopes], organizations = '*' }: Options): string => {
  const key = makeKey(linkClient)
  const entry = {
    id: linkClient,
    keyHash: hashKey(key),
    scopes: [...new Set([...wanted, 'sessions:mint'])],
    organizations: idsOf(organizations),
    expiresAt: new Date(Date.now() + keyHours * 3_600_000).toISOString(),
  }
  const faults = faultsOfClient(entry)
  if (faults.length > 0) throw new CommandFailure(exitCodes.usage, faults.join('\n'))
  const isOver = ({ id, expiresAt }: Entry): boolean =>
    id === linkClient && Date.parse(expiresAt ?? '') <= Date.now()
  changeClients(file, (entries) => [...entries.filter((one) => !isOver(one)), entry])
  return key
}

/** Tries until the gateway has read the file of keys. */
const whenRead = async <T>(attempt: () => Promise<T>): Promise<T> => {
  const until = Date.now() + readingMs
  for (;;) {
    try {
      return await attempt()
    } catch (error) {
      if (!(error instanceof AuthenticationError) || Date.now() > until) throw error
      await new Promise((resolve) => setTimeout(resolve, 200))
    }
  }
}

const run = async (options: Options): Promise<void> => {
  if (!(options.ttl >= 1 && options.ttl <= 60))
    throw new CommandFailure(exitCodes.usage, '--ttl: wanted: minutes from 1 to 60')
  const baseUrl = baseUrlOf(options)
  const origin = options.origin ?? new URL(baseUrl).origin
  const grant = { ...options, minutes: options.ttl, origin }
  const { file } = options
  const client =
    file === undefined ? clientOf(options) : createClient({ baseUrl, key: keyInFile(file, options) })
  const make = () => makeLoginLink(client, grant)
  const link = await (file === undefined ? make() : whenRead(make))
  say(`Signs one person in, once, until ${link.expiresAt}. Give it to that person alone.`)
  if (options.json) showObject(link, options)
  else process.stdout.write(`${link.url}\n`)
}

/** `login-link`. */
export const addLoginLink = (program: Command): void => {
  callsGateway(program.command('login-link'))
    .description('Makes an address that signs one person in to the console, once.')
    .option('--scopes <scopes>', 'comma separated; default: those of the key', partsOf)
    .option('--organizations <ids>', 'comma separated ids, or *; default: those of the key')
    .option('--subject <name>', 'names the person in the audit log, in history and in operations')
    .option('--ttl <minutes>', 'how long the link works, 1 to 60', Number, 10)
    .option('--origin <origin>', 'of the gateway as the browser sees it; default: that of --url')
    .option(
      '--file <path>',
      `in place of a key: the file of API_KEYS_FILE, which gets a key that ends after ${keyHours} h`,
    )
    .addHelpText(
      'after',
      '\nExamples:\n  chathub-gateway login-link --subject olena --scopes organizations:read,operators:read,operators:status,events:read --organizations 24\n  chathub-gateway login-link --subject admin --file clients.json',
    )
    .action(run)
}
