import {
  closeSync,
  existsSync,
  fchmodSync,
  fchownSync,
  fstatSync,
  fsyncSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs'
import { parseClients } from '../../access/keys.ts'
import { exitCodes } from '../../exit-codes.ts'
import { textOf } from '../../watch-file.ts'
import { CommandFailure } from './call-gateway.ts'

/** An entry as the file has it, with defaults left out. */
export type Entry = { id: string; keyHash: string; expiresAt?: string | undefined; [field: string]: unknown }

/** The entries of API_KEYS_FILE. @throws CommandFailure when the gateway would refuse the file */
export const readClients = (path: string, mayBeNew = false): Entry[] => {
  let text: string
  try {
    text = textOf(readFileSync(path))
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (mayBeNew && code === 'ENOENT') return []
    throw new CommandFailure(exitCodes.noInput, `${path} cannot be read (${code}).`)
  }
  checkText(path, text)
  return (JSON.parse(text) as { clients: Entry[] }).clients
}

const checkText = (path: string, text: string): void => {
  const { faults } = parseClients(text, true, Date.now())
  if (faults.length === 0) return
  throw new CommandFailure(exitCodes.data, faults.map((fault) => `${path}: ${fault}`).join('\n'))
}

/** A gateway that runs as another user must go on reading the file. */
const keepRights = (draft: number, path: string): void => {
  const before = statSync(path, { throwIfNoEntry: false })
  if (!before) return
  fchmodSync(draft, before.mode & 0o777)
  const now = fstatSync(draft)
  if (before.uid !== now.uid || before.gid !== now.gid) fchownSync(draft, before.uid, before.gid)
}

/**
 * Replaces the entries at once, so that a gateway never reads half a file. A new file has mode 600; an existing one keeps
 * mode and owner, and a link to it stays one. The file `<path>.new` keeps a second command out. @throws CommandFailure
 */
export const changeClients = (
  named: string,
  change: (entries: Entry[]) => Entry[],
  mayBeNew = false,
): Entry[] => {
  const path = existsSync(named) ? realpathSync(named) : named
  const draft = `${path}.new`
  let file: number
  try {
    file = openSync(draft, 'wx', 0o600)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    const why =
      code === 'EEXIST' ? 'exists: another command is at work, or died; then remove it' : `(${code})`
    throw new CommandFailure(exitCodes.cannotCreate, `${draft} cannot be written ${why}.`)
  }
  try {
    const entries = change(readClients(path, mayBeNew))
    const text = `${JSON.stringify({ clients: entries }, null, 2)}\n`
    checkText(path, text)
    writeSync(file, text)
    keepRights(file, path)
    fsyncSync(file)
    renameSync(draft, path)
    return entries
  } catch (error) {
    // Not after the rename: a file of this name would then be that of another command.
    rmSync(draft, { force: true })
    throw error
  } finally {
    closeSync(file)
  }
}
