import type { OperationRow } from '../../../client/client.ts'
import { useWords } from '../words/words.ts'
import { StateWord } from './state-word.tsx'

const tones: Record<OperationRow['outcome'], string> = {
  created: 'good',
  reactivated: 'good',
  changed: 'good',
  exists: 'quiet',
  unchanged: 'quiet',
  pending: 'quiet',
  existsDeleted: 'warn',
  unknown: 'warn',
  rejected: 'bad',
}

/** What became of a row of a write, or would. */
export const OutcomeWord = ({
  outcome,
  isPlan = false,
}: {
  outcome: OperationRow['outcome']
  isPlan?: boolean
}) => {
  const { t } = useWords()
  return (
    <StateWord tone={tones[outcome]}>
      {t(isPlan && outcome === 'created' ? 'outcome.new' : `outcome.${outcome}`)}
    </StateWord>
  )
}
