import { randomBytes } from 'node:crypto'
import { createInterface } from 'node:readline/promises'
import { type Config, ConfigFaults, readConfig } from '../../../config.ts'
import { isFailure } from '../../../errors.ts'
import { exitCodes } from '../../../exit-codes.ts'
import { CommandFailure } from '../call-gateway.ts'
import { type Shown, say, showLine } from '../output.ts'
import { createAskChatHub } from './ask-chathub.ts'
import { type Finding, finding } from './finding.ts'
import { tryLogin, tryReading } from './try-reading.ts'
import { removeAdded, tryAdding, tryBatch, tryLateness, tryStatuses, tryTokens } from './try-writing.ts'

const burstMax = 50

export type ProbeOptions = Shown & { organization: number; yes?: boolean; batch?: boolean }

const settings = (): Config => {
  try {
    // Nobody calls the probe, so the settings need no keys.
    const keys = {
      API_KEYS: `{"clients":[{"id":"probe","keyHash":"sha256:${'0'.repeat(64)}"}]}`,
      API_KEYS_FILE: '',
    }
    return readConfig({ ...process.env, ...keys })
  } catch (error) {
    if (error instanceof ConfigFaults) throw new CommandFailure(exitCodes.config, error.message)
    throw error
  }
}

/** Whether the person at the terminal, or `--yes`, lets it write. */
const mayWrite = async ({ yes }: ProbeOptions, what: string): Promise<boolean> => {
  if (yes) return true
  if (!process.stdin.isTTY) {
    say(`${what} Without a terminal this needs --yes, so only reading was tried.`)
    return false
  }
  const terminal = createInterface({ input: process.stdin, output: process.stderr })
  const answer = await terminal.question(`${what} Go on? [y/N] `)
  terminal.close()
  return /^y(es)?$/i.test(answer.trim())
}

/**
 * Finds out on a test organization what ChatHub does not document. Exit code 65: an assumption is refuted; 69, 77: ChatHub
 * cannot be asked.
 */
export const runProbe = async (options: ProbeOptions): Promise<void> => {
  const config = settings()
  const { organization } = options
  const stopped = new AbortController()
  const chathub = createAskChatHub(config, stopped.signal)
  const findings: Finding[] = []
  const tell = (...found: Finding[]): void => {
    findings.push(...found)
    for (const one of found)
      showLine(
        one,
        `${one.line.padEnd(4)} ${one.state.padEnd(9)}  ${one.assumed} Found: ${one.found}.`,
        options,
      )
  }
  const stop = (): void => stopped.abort()
  // The timers of the clock do not keep a process alive.
  const alive = setInterval(() => {}, 60_000)
  process.once('SIGINT', stop)
  try {
    tell(...(await tryLogin(chathub)))
    const { findings: read, name, operators } = await tryReading(chathub, organization)
    tell(...read)
    const adds = 6 + (options.batch ? config.batchSize : 0)
    const what = `Organization ${organization} “${name}” has ${operators} operators. The probe adds about ${adds}, and leaves them deleted.`
    if (name === undefined) say(`Organization ${organization} is not in the list, so nothing is written.`)
    else if (await mayWrite(options, what)) await write(config, options, chathub, tell)
    const count = Math.min(burstMax, 2 * config.requestsPerSecond)
    const refusals = await chathub.burst(count)
    tell(finding('O5', refusals === 0, `${refusals} answers 429, also to ${count} calls in a row`))
  } catch (error) {
    if (stopped.signal.aborted) throw new CommandFailure(130, 'Stopped.')
    if (!isFailure(error)) throw error
    throw new CommandFailure(exitCodes.unavailable, `${config.chathubUrl.origin}: ${error.detail}`)
  } finally {
    clearInterval(alive)
    process.removeListener('SIGINT', stop)
    await chathub.close()
  }
  const count = (state: Finding['state']): number => findings.filter((one) => one.state === state).length
  say(
    `${count('confirmed')} confirmed, ${count('refuted')} refuted, ${count('unclear')} unclear. docs/assumptions.md has what each means.`,
  )
  if (count('refuted') > 0) process.exitCode = exitCodes.data
}

const write = async (
  config: Config,
  { organization, batch }: ProbeOptions,
  chathub: ReturnType<typeof createAskChatHub>,
  tell: (...found: Finding[]) => void,
): Promise<void> => {
  const prefix = `probe-${randomBytes(4).toString('hex')}`
  const trial = { chathub, organization, prefix }
  try {
    const { findings, ids } = await tryAdding(trial)
    tell(...findings)
    tell(...(await tryStatuses(trial, ids[0])))
    tell(...(await tryTokens(trial, ids[0], Date.now())))
    if (batch) tell(await tryBatch(trial, config.batchSize))
    say(`A connection is broken now, and the list watched for up to ${(3 * config.settleMs) / 1000} s.`)
    tell(await tryLateness(trial, config.settleMs))
  } finally {
    chathub.letFinish()
    const names = `operators whose names begin with ${prefix}`
    const { deleted, left } = await removeAdded(trial).catch(() => {
      throw new CommandFailure(exitCodes.tryLater, `ChatHub fails. Delete the ${names} by hand.`)
    })
    say(`${deleted} ${names} are deleted.`)
    if (left.length > 0) say(`Not deleted: ${left.join(', ')}. Delete them by hand.`)
  }
}
