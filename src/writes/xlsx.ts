import { Worker } from 'node:worker_threads'
import type { Clock } from '../clock.ts'
import type { TableRow } from './csv.ts'
import { brokenFile } from './file-format.ts'

type Sheet = { sheet: string; rows: Iterable<TableRow> }
/** What the thread answers: the rows as JSON, one a line, or why there are none. */
export type SheetAnswer = { sheet: string; lines: Uint8Array } | { fault: SheetFault; sheets?: string[] }
export type SheetFault = 'broken' | 'format' | 'large' | 'sheet'

const timeLimitMs = 15_000
const heapMiB = 256

const remedy = 'Copy the names to a new workbook, or save the sheet as CSV UTF-8.'
const sentences: Record<SheetFault, string> = {
  broken: 'It is not a complete Excel workbook. Save it again, or save the sheet as CSV UTF-8.',
  format: 'It is an archive but no Excel workbook (.xlsx). Save the table as .xlsx or as CSV UTF-8.',
  large: `It is too large: unpacked, or to be read within ${timeLimitMs / 1000} s. ${remedy}`,
  sheet: 'The workbook has no such sheet.',
}

/**
 * Reads one sheet of an Excel workbook in a thread of its own, one workbook at a time. The thread has bounds of memory and
 * time, so that neither a zip bomb nor a huge sheet delays other requests.
 * @throws Failure `request.invalid-body`
 */
export const createSheetReader = (clock: Clock) => {
  let last: Promise<unknown> = Promise.resolve()
  return async (bytes: Buffer, sheet: string | undefined): Promise<Sheet> => {
    const ask = () => askThread(clock, bytes, sheet)
    const answering = last.then(ask, ask)
    last = answering
    const answer = await answering
    if ('lines' in answer) return { sheet: answer.sheet, rows: rowsOf(Buffer.from(answer.lines)) }
    const { fault, sheets = [] } = answer
    const names = sheets.slice(0, 20).map((name, index) => `${index + 1} “${name}”`)
    const there = fault === 'sheet' ? ` It has: ${names.join(', ')}.` : ''
    throw brokenFile(fault, sentences[fault] + there)
  }
}

const askThread = (clock: Clock, bytes: Buffer, sheet: string | undefined): Promise<SheetAnswer> =>
  new Promise((resolve, reject) => {
    const thread = new Worker(new URL('./xlsx-thread.js', import.meta.url), {
      workerData: { bytes, sheet },
      resourceLimits: { maxOldGenerationSizeMb: heapMiB },
      // The thread gets nothing of the process: no settings, no arguments.
      env: {},
      argv: [],
      execArgv: [],
    })
    const end = (answer: SheetAnswer): void => {
      cancel()
      resolve(answer)
      void thread.terminate()
    }
    const cancel = clock.after(timeLimitMs, () => end({ fault: 'large' }))
    thread.once('message', end)
    // The thread answers each fault that it finds itself, so only its own memory or code can fail.
    thread.once('error', (error: NodeJS.ErrnoException) =>
      error.code === 'ERR_WORKER_OUT_OF_MEMORY' ? end({ fault: 'large' }) : reject(error),
    )
    thread.once('exit', () => end({ fault: 'large' }))
  })

function* rowsOf(lines: Buffer): Generator<TableRow> {
  let line = 0
  for (let at = 0; at < lines.length; ) {
    const end = lines.indexOf('\n', at)
    line++
    yield { line, cells: JSON.parse(lines.toString('utf8', at, end)) as TableRow['cells'] }
    at = end + 1
  }
}
