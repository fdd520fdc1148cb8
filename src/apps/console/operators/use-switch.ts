import { useState } from 'react'
import { noteFailure } from '../data/query-client.ts'
import { toast } from '../states/toast.ts'
import { useProblemText } from '../states/use-problem-text.ts'
import { useWords } from '../words/words.ts'
import { type Change, ChangedMeanwhile, changeIfSame, type Known } from './change-if-same.ts'
import { useShowChange, useStatistics } from './use-operators.ts'

/**
 * Sets the status of one operator, with an undo. `asking`: the change that would leave nobody active; it waits for a second
 * yes. `pending`: what is being set, by id; a row shows this until the answer is there.
 */
export const useSwitch = (organization: number) => {
  const { t } = useWords()
  const problemText = useProblemText()
  const show = useShowChange(organization)
  const active = useStatistics(organization).data?.data.active
  const [pending, setPending] = useState<ReadonlyMap<number, Known>>(new Map())
  const [asking, setAsking] = useState<Change>()

  const tellFailure = (error: unknown, { operator }: Change): void => {
    noteFailure(error)
    if (!(error instanceof ChangedMeanwhile))
      return void toast(`${operator.name}: ${problemText(error)}`, { isBad: true })
    show(error.now)
    toast(t('operators.changedMeanwhile', { name: operator.name, status: t(`status.${error.now.status}`) }), {
      isBad: true,
    })
  }
  const send = async (change: Change, isUndo = false): Promise<void> => {
    const { operator, to } = change
    setPending((all) => new Map(all).set(operator.id, to))
    try {
      await changeIfSame(organization, change)
      show({ id: operator.id, status: to })
      const back = operator.status
      const undo = () => void send({ operator: { ...operator, status: to }, to: back as Known }, true)
      const text = t(`operators.now.${to}`, { name: operator.name })
      toast(text, isUndo || back === 'unknown' ? {} : { undo })
    } catch (error) {
      tellFailure(error, change)
    } finally {
      setPending((all) => new Map([...all].filter(([id]) => id !== operator.id)))
    }
  }
  return {
    pending,
    asking,
    change: (change: Change): void => {
      const isLast =
        change.operator.status === 'active' && change.to !== 'active' && active !== undefined && active <= 1
      if (isLast) setAsking(change)
      else void send(change)
    },
    answer: (isYes: boolean): void => {
      if (isYes && asking) void send(asking)
      setAsking(undefined)
    },
  }
}
export type Switching = ReturnType<typeof useSwitch>
