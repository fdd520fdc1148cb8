import { type Command, InvalidArgumentError } from 'commander'
import {
  AuthenticationError,
  type Client,
  ConnectionError,
  createClient,
  GatewayError,
  OutcomeUnknownError,
  PermissionError,
  RateLimitError,
  TimeoutError,
  UnavailableError,
} from '../../client/client.ts'
import { parseId } from '../../contract/ids.ts'
import { exitCodes } from '../../exit-codes.ts'
import { type Shown, say } from './output.ts'

export type GatewayOptions = Shown & { url?: string; key?: string }

/** A failure whose message is all that its reader needs. */
export class CommandFailure extends Error {
  readonly exitCode: number
  constructor(exitCode: number, message: string) {
    super(message)
    this.exitCode = exitCode
  }
}

/** An id among the arguments of a command. @throws InvalidArgumentError */
export const idArgument = (text: string): number => {
  const id = parseId(text)
  if (id === undefined) throw new InvalidArgumentError('Wanted: an id, in digits.')
  return id
}

/** The options of every command that calls a gateway. */
export const callsGateway = (command: Command): Command =>
  command
    .option('--url <url>', 'the gateway; default: CHATHUB_GATEWAY_URL, else http://127.0.0.1:8080')
    .option('--key <key>', 'default: CHATHUB_GATEWAY_KEY, which no list of processes shows')
    .option('--json', 'one JSON value a line, as in a pipe')

/** @throws CommandFailure */
export const baseUrlOf = ({ url }: GatewayOptions): string => {
  const baseUrl = url ?? (process.env['CHATHUB_GATEWAY_URL'] || 'http://127.0.0.1:8080')
  if (!URL.canParse(baseUrl) || !/^https?:/.test(baseUrl))
    throw new CommandFailure(
      exitCodes.usage,
      'The address is no URL. Wanted: http://host:port or https://host.',
    )
  return baseUrl
}

/** @throws CommandFailure */
export const clientOf = (options: GatewayOptions): Client => {
  const key = options.key ?? process.env['CHATHUB_GATEWAY_KEY']
  if (!key) throw new CommandFailure(exitCodes.usage, 'No key. Wanted: CHATHUB_GATEWAY_KEY, or --key.')
  return createClient({ baseUrl: baseUrlOf(options), key })
}

const exitCodeOf = (error: GatewayError): number => {
  if (error instanceof AuthenticationError || error instanceof PermissionError) return exitCodes.noPermission
  if (error instanceof UnavailableError || error instanceof ConnectionError) return exitCodes.unavailable
  const mayRepeat = [RateLimitError, TimeoutError, OutcomeUnknownError].some((kind) => error instanceof kind)
  return mayRepeat ? exitCodes.tryLater : exitCodes.data
}

/** Says why a command failed, and ends the process with the code of sysexits.h. */
export const exitFailed = (error: unknown): never => {
  if (error instanceof CommandFailure) {
    say(error.message)
    process.exit(error.exitCode)
  }
  if (!(error instanceof GatewayError)) {
    say((error as Error).stack ?? String(error))
    process.exit(70)
  }
  say(error.message)
  for (const { pointer, detail } of error.errors) say(`  ${pointer || '/'}: ${detail}`)
  if (error.retryAfter !== undefined) say(`It can succeed in ${error.retryAfter} s.`)
  if (error instanceof ConnectionError) say('Wanted: a gateway that runs at --url or CHATHUB_GATEWAY_URL.')
  if (error.requestId) say(`${error.code}, request ${error.requestId}`)
  process.exit(exitCodeOf(error))
}
