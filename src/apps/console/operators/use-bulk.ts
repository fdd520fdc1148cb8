import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import { isOperation, type Operation } from '../../../client/client.ts'
import { gateway } from '../data/gateway.ts'
import { toast } from '../states/toast.ts'
import { useProblemText } from '../states/use-problem-text.ts'
import { useWords } from '../words/words.ts'
import type { Known } from './change-if-same.ts'
import { type Filters, queryOf } from './filters.ts'
import { useShowChange } from './use-operators.ts'
import { isChosen, type Selection } from './use-selection.ts'

/** The most operators of one operation. */
export const bulkMax = 5000

const idsOf = async (organization: number, filters: Filters, selection: Selection): Promise<number[]> => {
  if (!selection.all) return [...selection.rows.keys()]
  const { items } = await gateway.operators.list(organization, { ...queryOf(filters), fields: ['id'] })
  return items.map(({ id }) => id).filter((id) => isChosen(selection, id))
}

/** Sets the status of many operators as one operation with one undo. `progress`: its last state. */
export const useBulk = (organization: number, filters: Filters, selection: Selection) => {
  const { t } = useWords()
  const problemText = useProblemText()
  const show = useShowChange(organization)
  const [progress, setProgress] = useState<Operation>()
  const undo = async (operation: string): Promise<void> => {
    try {
      const ended = await gateway.operations.wait(await gateway.operations.undo(operation))
      toast(t('bulk.undone', { count: ended.changed }))
    } catch (error) {
      toast(problemText(error), { isBad: true })
    }
    show()
  }
  const run = useMutation({
    mutationFn: async (status: Known) => {
      const ids = await idsOf(organization, filters, selection)
      const answer = await gateway.operators.setStatus(organization, { ids, status })
      if (!isOperation(answer)) return { counts: answer, operation: answer.operation }
      setProgress(answer)
      const ended = await gateway.operations.wait(answer, { onProgress: setProgress })
      return { counts: ended, operation: ended.id }
    },
    onSuccess: ({ counts, operation }) => {
      const { changed, rejected, unknown } = counts
      const failed = rejected + unknown
      const text = [
        t('bulk.changed', { count: changed }),
        failed > 0 ? t('bulk.failed', { count: failed }) : '',
      ].join(' ')
      toast(text, {
        isBad: failed > 0,
        ...(operation && changed > 0 && { undo: () => void undo(operation) }),
      })
    },
    onSettled: () => show(),
  })
  return { run, progress }
}
