import { createReadStream } from 'node:fs'
import { open, rename, rm } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { exitCodes } from '../../../exit-codes.ts'
import { CommandFailure } from '../call-gateway.ts'
import type { Kept } from './kept-keys.ts'

/** The first line of a backup. */
export type Head = { backup: 1; version: string; madeAt: string; redis: string }

const cannot = (verb: string, file: string, error: unknown): CommandFailure => {
  const code = verb === 'read' ? exitCodes.noInput : exitCodes.cannotCreate
  return new CommandFailure(code, `${file} cannot be ${verb}: ${(error as NodeJS.ErrnoException).code}`)
}

/**
 * One JSON value a line: a head, the keys, an end with their number. The file appears when it is whole, with mode 600.
 * @throws CommandFailure when it exists or cannot be written
 */
export const writeBackup = async (file: string, head: Head, keys: AsyncIterable<Kept>): Promise<number> => {
  const part = `${file}.part`
  // A file that exists is kept, whichever it is.
  const claim = await open(file, 'wx', 0o600).catch((error) => {
    throw cannot('written', file, error)
  })
  await claim.close()
  try {
    const out = await open(part, 'w', 0o600)
    let count = 0
    try {
      await out.write(`${JSON.stringify(head)}\n`)
      for await (const key of keys) {
        await out.write(`${JSON.stringify(key)}\n`)
        count++
      }
      await out.write(`${JSON.stringify({ end: count })}\n`)
      await out.sync()
    } finally {
      await out.close()
    }
    await rename(part, file)
    return count
  } catch (error) {
    await Promise.all([rm(part, { force: true }), rm(file, { force: true })])
    throw error
  }
}

const damaged = (file: string): CommandFailure =>
  new CommandFailure(exitCodes.data, `${file} is no whole backup. Nothing was changed.`)

/** The keys of a backup. @throws CommandFailure when it is not whole: before its last key */
export const readBackup = async function* (file: string): AsyncGenerator<Kept> {
  let count = -1
  let end: number | undefined
  const stream = createReadStream(file)
  // A line is complete with its end, so a file that was cut within its last line has no end.
  const lines = createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY })
  stream.on('error', () => lines.close())
  for await (const line of lines) {
    let value: Partial<Kept & Head & { end: number }>
    try {
      value = JSON.parse(line)
    } catch {
      throw damaged(file)
    }
    if (count === -1 && value.backup !== 1) throw damaged(file)
    if (count >= 0 && value.key !== undefined) yield value as Kept
    if (value.end === undefined) count++
    else end = value.end
  }
  if (stream.errored) throw cannot('read', file, stream.errored)
  if (end === undefined || end !== count) throw damaged(file)
}
