import { useMutation } from '@tanstack/react-query'
import { gateway } from '../data/gateway.ts'
import { queryClient } from '../data/query-client.ts'
import { ChangedMeanwhile, changeIfSame, type Known } from '../operators/change-if-same.ts'
import { useCan } from '../session/rights.ts'
import { toast } from '../states/toast.ts'
import { useProblemText } from '../states/use-problem-text.ts'
import { useWords } from '../words/words.ts'
import type { Line } from './lines-of.ts'

const hasEnded = (state: string): boolean =>
  state === 'done' || state === 'cancelled' || state === 'needsReview'

/** Whether anything of it can be set back, and by a right that this session has. */
const isUndoable = (line: Line, can: ReturnType<typeof useCan>): boolean => {
  if (!can('operators:status')) return false
  const { operation, record } = line
  if (operation)
    return hasEnded(operation.state) && operation.created + operation.reactivated + operation.changed > 0
  return (
    line.count === 1 &&
    record.kind === 'statusChanged' &&
    record.outcome === 'applied' &&
    record.operator?.id != null &&
    record.from !== null &&
    record.from !== 'unknown'
  )
}

/** Takes back an operation as a whole, or one change of a status while nobody has changed it again. */
export const useUndo = (line: Line, isUndone: boolean) => {
  const { t } = useWords()
  const can = useCan()
  const problemText = useProblemText()
  const undo = useMutation({
    mutationFn: async () => {
      if (line.operation)
        return (await gateway.operations.wait(await gateway.operations.undo(line.operation.id))).changed
      const { organization, operator, from, to } = line.record
      const shown = { id: Number(operator?.id), name: operator?.name ?? '', status: to as Known }
      await changeIfSame(Number(organization), { operator: shown, to: from as Known })
      return 1
    },
    onSuccess: (count) => toast(t('bulk.undone', { count })),
    onError: (error) => {
      const now = error instanceof ChangedMeanwhile ? error.now : undefined
      const text = now
        ? t('operators.changedMeanwhile', { name: now.name, status: t(`status.${now.status}`) })
        : problemText(error)
      toast(text, { isBad: true })
    },
    onSettled: () => {
      for (const queryKey of [['activity'], ['operators'], ['statistics']])
        void queryClient.invalidateQueries({ queryKey })
    },
  })
  return { canUndo: !isUndone && isUndoable(line, can), undo }
}
