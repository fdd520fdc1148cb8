import type { Client, Operation } from '../../client/client.ts'
import { exitCodes } from '../../exit-codes.ts'
import { CommandFailure } from './call-gateway.ts'
import { say } from './output.ts'

const barLength = 30
/** By a shell's convention: ended by Ctrl-C. */
const interrupted = 130

/** Shows each state on stderr: a bar on a terminal, else a line for every 5 %. */
const createProgress = () => {
  const startedAt = performance.now()
  let lastStep = -1
  return ({ total, pending, state }: Operation): void => {
    const done = total - pending
    const share = total === 0 ? 1 : done / total
    const seconds = (performance.now() - startedAt) / 1000
    const left = share > 0 && share < 1 ? `, about ${Math.ceil((seconds / share) * (1 - share))} s left` : ''
    if (process.stderr.isTTY) {
      const bar = '█'.repeat(Math.round(share * barLength)).padEnd(barLength, '░')
      process.stderr.write(`\r\u001b[K${bar} ${done} of ${total}, ${state}${left}`)
      return
    }
    const step = Math.floor(share * 20)
    if (step > lastStep) say(`${done} of ${total}, ${state}`)
    lastStep = step
  }
}

/** Waits for the end of an operation. Ctrl-C ends the wait, not the operation, and names how to come back. */
export const followOperation = async (client: Client, operation: Operation): Promise<Operation> => {
  const left = new AbortController()
  const leave = (): void => left.abort()
  process.once('SIGINT', leave)
  try {
    return await client.operations.wait(operation, { onProgress: createProgress(), signal: left.signal })
  } catch (error) {
    if (!left.signal.aborted) throw error
    const again = `chathub-gateway operations show ${operation.id} --wait`
    throw new CommandFailure(interrupted, `\nThe operation goes on. Come back to it with:\n  ${again}`)
  } finally {
    process.removeListener('SIGINT', leave)
    if (process.stderr.isTTY) process.stderr.write('\n')
  }
}

/** Says what an ended operation leaves to do. Its exit code is 75 when it needs review. */
export const tellEnd = ({ id, state, rejected, unknown, detail }: Operation): void => {
  if (rejected + unknown > 0) say(`Reasons: chathub-gateway operations show ${id} --rows`)
  if (state !== 'needsReview') return
  say(`${detail ?? 'It needs review.'} When it is clear: chathub-gateway operations retry ${id}`)
  process.exitCode = exitCodes.tryLater
}
