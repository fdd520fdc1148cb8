#!/usr/bin/env node
import { Command } from 'commander'
import { z } from 'zod'
import { requestsPerMinuteDefault } from './access/caller.ts'
import { hashKey, makeKey } from './access/keys.ts'
import { idMax, parseId } from './contract/ids.ts'
import { scopes } from './contract/scopes.ts'
import { partsOf } from './setting.ts'
import { version } from './version.ts'

const program = new Command('chathub-gateway')
  .description('A backend-for-frontend for SMSBAT ChatHub.')
  .version(version)

program
  .command('keys')
  .description('Keys of callers.')
  .command('create')
  .description('Make a key. The key is shown once, on stderr; stdout gets the entry for API_KEYS_FILE.')
  .requiredOption('--id <id>', 'client id')
  .option('--scopes <scopes>', `comma separated: ${scopes.join(' ')}`, partsOf, [
    'organizations:read',
    'operators:read',
  ])
  .option('--organizations <ids>', 'comma separated ids, or *; without it none')
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
      const { id, requestsPerMinute, expiresAt } = options
      const unknown = options.scopes.filter((scope) => !(scopes as readonly string[]).includes(scope))
      const ids = partsOf(options.organizations ?? '')
      const organizations = options.organizations === '*' ? '*' : ids.map(Number)
      const end = z.iso.datetime({ offset: true }).safeParse(expiresAt)
      const faults = unknown.map((scope) => `--scopes: ${scope} is not one of ${scopes.join(' ')}`)
      if (!/^[A-Za-z0-9._-]{1,64}$/.test(id)) faults.unshift('--id: wanted: 1 to 64 of A–Z a–z 0–9 . _ -')
      if (organizations !== '*' && ids.some((id) => parseId(id) === undefined))
        faults.push(`--organizations: wanted: ids from 1 to ${idMax} in plain digits, or *`)
      if (!Number.isInteger(requestsPerMinute) || requestsPerMinute <= 0)
        faults.push('--requests-per-minute: wanted: a whole number')
      if (expiresAt !== undefined && !(end.success && Date.parse(end.data) > Date.now()))
        faults.push('--expires-at: wanted: an RFC 3339 instant that is still to come')
      for (const fault of faults) process.stderr.write(`${fault}\n`)
      if (faults.length > 0) process.exit(64)
      const key = makeKey(id)
      const entry = {
        id,
        keyHash: hashKey(key),
        scopes: options.scopes,
        organizations,
        requestsPerMinute,
        ...(expiresAt && { expiresAt: new Date(expiresAt).toISOString() }),
      }
      if (organizations.length === 0)
        process.stderr.write('It may touch no organization: --organizations was not given.\n')
      process.stderr.write(`The key, shown only now:\n${key}\n`)
      process.stdout.write(`${JSON.stringify(entry, null, 2)}\n`)
    },
  )

program
  .command('demo')
  .description('Gateway, ChatHub simulator and a sample key on loopback.')
  .option('--once', 'do the main job once, check every answer, and exit')
  // The other commands need nothing of the gateway, and are quick without it.
  .action(async ({ once }: { once?: boolean }) =>
    (await import('./apps/demo/demo.ts')).runDemo({ once: once ?? false }),
  )

await program.parseAsync()
