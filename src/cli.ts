#!/usr/bin/env node
import { Command } from 'commander'
import { requestsPerMinuteDefault } from './access/caller.ts'
import { faultsOfClient, hashKey, makeKey } from './access/keys.ts'
import { parseId } from './contract/ids.ts'
import { scopes } from './contract/scopes.ts'
import { partsOf } from './setting.ts'
import { version } from './version.ts'

/** sysexits.h: the command was used wrongly. */
const EX_USAGE = 64

const program = new Command('chathub-gateway')
  .description('A backend-for-frontend for SMSBAT ChatHub.')
  .version(version)

program
  .command('keys')
  .description('Manages the keys of callers.')
  .command('create')
  .description('Makes a key. The key is shown once, on stderr. Stdout gets the entry for API_KEYS_FILE.')
  .requiredOption('--id <id>', 'client id')
  .option('--scopes <scopes>', `comma separated: ${scopes.join(' ')}`, partsOf, [
    'organizations:read',
    'operators:read',
  ])
  .option('--organizations <ids>', 'comma separated ids, or *; default: none')
  .option('--requests-per-minute <n>', 'limit', Number, requestsPerMinuteDefault)
  .option('--expires-at <instant>', 'RFC 3339')
  .addHelpText(
    'after',
    '\nExample:\n  chathub-gateway keys create --id crm --scopes operators:read,operators:write --organizations 24,6',
  )
  .action(
    (options: {
      id: string
      scopes: string[]
      organizations?: string
      requestsPerMinute: number
      expiresAt?: string
    }) => {
      const { id, organizations = '', requestsPerMinute, expiresAt } = options
      const key = makeKey(id)
      const entry = {
        id,
        keyHash: hashKey(key),
        scopes: options.scopes,
        organizations:
          organizations === '*' ? '*' : partsOf(organizations).map((text) => parseId(text) ?? text),
        requestsPerMinute,
        expiresAt,
      }
      const faults = faultsOfClient(entry).map(asOption)
      if (expiresAt !== undefined && Date.parse(expiresAt) <= Date.now())
        faults.push('--expires-at: wanted: an instant in the future')
      if (faults.length > 0) {
        process.stderr.write(`${faults.join('\n')}\n`)
        process.exit(EX_USAGE)
      }
      if (entry.organizations.length === 0)
        process.stderr.write('The key may touch no organization: --organizations was not given.\n')
      process.stderr.write(`The key, shown only now:\n${key}\n`)
      process.stdout.write(`${JSON.stringify(entry, null, 2)}\n`)
    },
  )

/** A fault of an entry, with the name of its option. */
const asOption = (fault: string): string =>
  fault.replace(
    /^\/(\w+)[^:]*/,
    (_, field: string) => `--${field.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`,
  )

program
  .command('demo')
  .description('Starts gateway, ChatHub simulator and a sample key on loopback.')
  .option('--once', 'run the main use case once, check every answer, and exit')
  // Loaded late: the other commands need nothing of the gateway.
  .action(async ({ once = false }: { once?: boolean }) => {
    const { exitUnstarted } = await import('./main.ts')
    const { runDemo } = await import('./apps/demo/demo.ts')
    await runDemo({ once }).catch(exitUnstarted)
  })

await program.parseAsync()
