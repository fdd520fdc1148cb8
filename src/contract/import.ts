import { z } from 'zod'
import { BooleanText, component, countsOf } from './ids.ts'
import { Operation, OperationRows, rowOutcomes } from './operation.ts'
import { onDeletedModes } from './operator.ts'

const short = (max: number, description: string) =>
  z.string().min(1).max(max).optional().describe(description)

export const ImportQuery = z.strictObject({
  column: short(
    100,
    'The column with the names: its header, or its number from 1. Default: the column with a usual header.',
  ),
  header: BooleanText.optional().describe(
    'Whether the first row is a header. Default: true, except for a single column without a usual header.',
  ),
  sheet: short(100, 'The sheet of a workbook: its name, or its number from 1. Default: the first one.'),
  charset: short(40, 'The encoding of a text file, such as windows-1251. Default: detected.'),
  dryRun: BooleanText.optional().describe('Only report what would happen.'),
  onDuplicate: z
    .enum(['skip', 'allow'])
    .optional()
    .describe('For a name that exists already. Default: skip.'),
  onDeleted: z
    .enum(onDeletedModes)
    .optional()
    .describe('For a name whose operator is deleted. Default: report.'),
})
export type ImportQuery = z.infer<typeof ImportQuery>

export const formMedia = 'multipart/form-data'
/** Media types under which programs send tables, in lower case. The content decides which format a file has. */
export const tableMedia = [
  formMedia, // first, because generators of clients take the first one
  'text/csv',
  'text/tab-separated-values',
  'text/plain',
  'application/csv',
  'application/vnd.ms-excel',
  'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet',
  'application/vnd.ms-excel.sheet.macroenabled.12',
  'application/octet-stream',
]

/** A file that is the body of a request, or a part of a form. */
export type SentFile = {
  bytes: Buffer
  /** Its media type with all parameters. It only hints at the encoding. */
  contentType: string
}
export const SentFile = z
  .custom<SentFile>((value) => (value as SentFile | undefined)?.bytes instanceof Uint8Array)
  .meta({ openapi: { type: 'string', format: 'binary' } })

const ReadFile = component('ReadFile', {
  format: z.enum(['csv', 'xlsx']),
  charset: z.string().optional().describe('The encoding of a text file.'),
  delimiter: z.string().optional().describe('The character between the columns of a text file.'),
  sheet: z.string().optional().describe('The sheet of a workbook.'),
  columns: z.array(z.string()).describe('Headers of the columns with the names, else their numbers.'),
  notes: z.array(z.string()).describe('What the gateway guessed or assumed, in sentences.'),
})
export type ReadFile = z.infer<typeof ReadFile>

export const StartedImport = component('StartedImport', { ...Operation.shape, file: ReadFile })
export const ImportPreview = component('ImportPreview', {
  ...OperationRows.shape,
  ...countsOf(rowOutcomes),
  file: ReadFile,
})
