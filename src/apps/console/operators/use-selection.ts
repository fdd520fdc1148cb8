import { useState } from 'react'
import type { Operator } from '../../../client/client.ts'

/** Chosen rows by id, also of pages that are not shown now, or all that match. */
export type Selection = { all: boolean; rows: ReadonlyMap<number, Operator> }
const none: Selection = { all: false, rows: new Map() }

export const useSelection = () => {
  const [selection, setSelection] = useState<Selection>(none)
  return {
    selection,
    clear: () => setSelection(none),
    chooseAll: () => setSelection({ all: true, rows: new Map() }),
    choose: (operators: readonly Operator[], isChosen: boolean): void =>
      setSelection(({ rows }) => {
        const next = new Map(rows)
        for (const operator of operators)
          if (isChosen) next.set(operator.id, operator)
          else next.delete(operator.id)
        return { all: false, rows: next }
      }),
  }
}
