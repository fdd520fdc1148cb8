#!/usr/bin/env node
import { Argument, Command, CommanderError } from 'commander'
import { CommandFailure, exitFailed, idArgument } from './apps/cli/call-gateway.ts'
import { completions, wordsAfter } from './apps/cli/completion.ts'
import { addKeys } from './apps/cli/keys.ts'
import { addLoginLink } from './apps/cli/login-link.ts'
import { addOperations } from './apps/cli/operations.ts'
import { addOperators } from './apps/cli/operators.ts'
import type { ProbeOptions } from './apps/cli/probe/probe.ts'
import { exitCodes } from './exit-codes.ts'
import { version } from './version.ts'

const program = new Command('chathub-gateway')
  .description('A backend-for-frontend for SMSBAT ChatHub.')
  .version(version)
  .exitOverride()

// What needs the whole gateway is loaded late: the other commands start faster without it.
program
  .command('serve')
  .description('Starts the gateway. Its settings come from the environment (.env.example).')
  .action(async () => {
    // A gateway goes on when its log cannot be written.
    process.stdout.removeAllListeners('error')
    const { exitUnstarted, run } = await import('./main.ts')
    await run(process.env).catch(exitUnstarted)
  })
program
  .command('demo')
  .description('Starts gateway, ChatHub simulator and a sample key on loopback.')
  .option('--once', 'run the main use case once, check every answer, and exit')
  .action(async ({ once = false }: { once?: boolean }) => {
    const { exitUnstarted } = await import('./main.ts')
    const { runDemo } = await import('./apps/demo/demo.ts')
    await runDemo({ once }).catch(exitUnstarted)
  })
program
  .command('simulate')
  .description('Starts a simulated ChatHub. Its --help names its options.')
  .helpOption(false)
  .allowUnknownOption()
  .allowExcessArguments()
  .action(async (_options: object, { args }: Command) =>
    (await import('./apps/simulator/run-simulator.ts')).runSimulator(args),
  )
program
  .command('doctor')
  .description(
    'Checks settings, ports, ChatHub and Redis as the environment names them, and says what to do.',
  )
  .option('--json', 'one JSON value a line, as in a pipe')
  .action(async (options: { json?: boolean }) => (await import('./apps/cli/doctor.ts')).runDoctor(options))
program
  .command('probe')
  .description(
    'Finds out on a test organization what ChatHub does not document. Uses the credential of the environment.',
  )
  .requiredOption('--organization <id>', 'a test organization', idArgument)
  .option('--yes', 'writes without asking: adds some operators and leaves them deleted')
  .option('--batch', 'also adds CHATHUB_BATCH_SIZE names at once')
  .option('--json', 'one JSON value a line, as in a pipe')
  .action(async (options: ProbeOptions) => (await import('./apps/cli/probe/probe.ts')).runProbe(options))
program
  .command('backup')
  .description(
    'Copies what Redis keeps, such as operations, audit and webhooks, into a file. Gateways may run.',
  )
  .requiredOption('--to <file>', 'a new file')
  .action(async (options: { to: string }) => (await import('./apps/cli/backup/backup.ts')).backUp(options))
program
  .command('restore')
  .description('Puts such a copy into an empty Redis. No gateway may run on it.')
  .requiredOption('--from <file>', 'a file of the command backup')
  .option('--force', 'replaces what is there')
  .action(async (options: { from: string; force?: boolean }) =>
    (await import('./apps/cli/backup/backup.ts')).restore(options),
  )
addOperators(program)
addOperations(program)
addKeys(program)
addLoginLink(program)
program
  .command('openapi')
  .description('Prints the OpenAPI document of this version.')
  .option('--yaml', 'as YAML')
  .action(async ({ yaml = false }: { yaml?: boolean }) => {
    const { endpoints } = await import('./contract/endpoints.ts')
    const { createOpenApi } = await import('./contract/openapi.ts')
    const { yamlOf } = await import('./contract/yaml.ts')
    const document = createOpenApi(Object.values(endpoints), version)
    process.stdout.write(yaml ? yamlOf(document) : `${JSON.stringify(document, null, 2)}\n`)
  })
program
  .command('completion')
  .description('Prints the completion of a shell, as in: source <(chathub-gateway completion bash)')
  .addArgument(new Argument('<shell>').choices(Object.keys(completions)))
  .action((shell: keyof typeof completions) => void process.stdout.write(completions[shell]))
program
  .command('complete', { hidden: true })
  .argument('[words...]')
  .action((words: string[]) => void process.stdout.write(`${wordsAfter(program, words).join('\n')}\n`))

process.stdout.on('error', ({ code }: NodeJS.ErrnoException) => {
  // A reader such as `head` may leave early. What a full disk does not take is lost.
  if (code === 'EPIPE') process.exit(0)
  exitFailed(new CommandFailure(exitCodes.cannotCreate, `The output cannot be written (${code}).`))
})
await program.parseAsync().catch((error: unknown) => {
  if (!(error instanceof CommanderError)) exitFailed(error)
  // Commander has said why. Help and version end with 0.
  process.exit((error as CommanderError).exitCode === 0 ? 0 : exitCodes.usage)
})
