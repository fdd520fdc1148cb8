import type { Reporter } from '../report.ts'
import type { UnknownFields } from './wire.ts'

export type UnknownField = { operation: string; field: string; type: string }

const fieldsMax = 20

/**
 * Remembers the fields of ChatHub's rows that are not documented, by name and type. Each is reported once in the life of the
 * process: it is news, and no fault.
 */
export const createUnknownFields = (report: Reporter) => {
  const found = new Map<string, UnknownField>()
  return {
    add: (operation: string, fields: UnknownFields): void => {
      for (const [field, type] of Object.entries(fields)) {
        const key = `${operation} ${field}`
        if (found.has(key) || found.size >= fieldsMax) continue
        found.set(key, { operation, field, type })
        report({ name: 'contract-drift', operation, what: 'unknown-field', rows: 1, field, type })
      }
    },
    all: (): UnknownField[] => [...found.values()],
  }
}
