import { countRows, type Operation, type Row } from '../../src/writes/operation.ts'

let operations = 0

/** An operation of organization 24 with these rows in one chunk, as it is before anything was sent. */
export const operationOf = (rows: readonly Row[], change: Partial<Operation> = {}): Operation => {
  const { organization = 24 } = change
  return {
    id: `${organization}-operation_${++operations}`,
    kind: 'add',
    client: 'crm',
    organization,
    state: 'queued',
    onDuplicate: 'skip',
    onDeleted: 'report',
    total: rows.length,
    counts: countRows(rows),
    next: 0,
    chunks: 1,
    startedAt: 1_700_000_000_000,
    ...change,
  }
}

export const rowsNamed = (...names: string[]): Row[] =>
  names.map((name, index) => ({ index, name, outcome: 'pending' }))
