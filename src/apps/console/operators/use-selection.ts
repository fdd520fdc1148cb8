import { useState } from 'react'
import type { Operator } from '../../../client/client.ts'

/**
 * `rows`: the chosen ones by id, also of pages that are not shown now. With `all`, everything that matches is chosen but
 * these.
 */
export type Selection = { all: boolean; rows: ReadonlyMap<number, Operator> }
const none: Selection = { all: false, rows: new Map() }

export const isChosen = ({ all, rows }: Selection, id: number): boolean => rows.has(id) !== all

export const useSelection = () => {
  const [selection, setSelection] = useState<Selection>(none)
  return {
    selection,
    clear: () => setSelection(none),
    chooseAll: () => setSelection({ all: true, rows: new Map() }),
    choose: (operators: readonly Operator[], isWanted: boolean): void =>
      setSelection(({ all, rows }) => {
        const next = new Map(rows)
        for (const operator of operators)
          if (isWanted !== all) next.set(operator.id, operator)
          else next.delete(operator.id)
        return { all, rows: next }
      }),
  }
}
