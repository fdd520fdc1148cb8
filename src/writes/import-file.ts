import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import { type Clock, inSlices } from '../clock.ts'
import type { SentFile } from '../contract/import.ts'
import { Failure, type Fault } from '../errors.ts'
import { refuseOtherFormats, timeLimitMs, tooLarge } from './file-format.ts'
import type { Row } from './operation.ts'
import { type FileQuery, type ReadTable, readText } from './read-table.ts'

/** What a thread is given, and what it answers: rows as JSON, an array of some in each line; or why there are none. */
export type FileToRead = SentFile & { query: FileQuery }
export type FileAnswer =
  | { lines: Uint8Array<ArrayBuffer>; file: ReadTable['file'] }
  | { detail: string; errors: Fault[] }

/** Runs work alone, when it is the turn of the client. */
type InTurn = <T>(client: string, work: () => Promise<T>) => Promise<T>

// The worst text of this size takes about 5 ms, and the start of a thread takes longer.
const smallMax = 16 * 1024
const heapMiB = 256

/** The rows of a file to import, and how it was read. The bytes are the reader's from then on. */
export type ReadImportFile = (client: string, file: SentFile, query: FileQuery) => Promise<ReadTable>

/**
 * Reads a CSV file or an Excel workbook, judged by its content, in a thread of its own, one file at a time. The thread has
 * bounds of memory and time, so no file delays other requests. A small text is read on the spot. « Importation groupée »
 * @throws Failure `request.invalid-body` for a file that is no table
 */
export const createImportFileReader =
  (clock: Clock, inTurn: InTurn): ReadImportFile =>
  async (client, file, query) => {
    if (file.bytes.length <= smallMax && refuseOtherFormats(file.bytes) === 'text')
      return readText(file, query)
    const answer = await inTurn(client, () => askThread(clock, { ...file, query }))
    if ('errors' in answer) throw new Failure('request.invalid-body', answer)
    const rows: Row[] = []
    await inSlices(linesOf(Buffer.from(answer.lines.buffer)), (line) => {
      rows.push(...(JSON.parse(line) as Row[]))
    })
    return { rows, file: answer.file }
  }

const askThread = (clock: Clock, file: FileToRead): Promise<FileAnswer> =>
  new Promise((resolve, reject) => {
    const extension = extname(import.meta.url)
    const thread = new Worker(new URL(`table-thread${extension}`, import.meta.url), {
      workerData: file,
      // Moved, not copied. Node may share a smaller one among many.
      transferList: file.bytes.buffer.byteLength > Buffer.poolSize ? [file.bytes.buffer as ArrayBuffer] : [],
      resourceLimits: { maxOldGenerationSizeMb: heapMiB },
      // The thread gets nothing of the process: no settings, no arguments. TypeScript needs what the process was started with.
      env: {},
      argv: [],
      execArgv: extension === '.ts' ? process.execArgv : [],
    })
    const cancel = clock.after(timeLimitMs, () => void thread.terminate())
    thread.once('message', (answer: FileAnswer) => {
      resolve(answer)
      void thread.terminate()
    })
    // The thread answers each fault that it finds itself, so only its own memory, time or code can fail.
    thread.once('error', (error: NodeJS.ErrnoException) =>
      reject(error.code === 'ERR_WORKER_OUT_OF_MEMORY' ? tooLarge() : error),
    )
    thread.once('exit', () => {
      cancel()
      reject(tooLarge())
    })
  })

function* linesOf(bytes: Buffer): Generator<string> {
  for (let at = 0, end = 0; at < bytes.length; at = end + 1) {
    end = bytes.indexOf('\n', at)
    yield bytes.toString('utf8', at, end)
  }
}
