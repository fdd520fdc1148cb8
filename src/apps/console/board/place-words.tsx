import { StateWord } from '../states/state-word.tsx'
import { useFormat } from '../words/use-format.ts'
import { useWords } from '../words/words.ts'
import type { Place } from './use-board.ts'

export const tones = { nobody: 'bad', low: 'warn', fine: 'good', empty: 'quiet' } as const

/** Whether enough accounts are active, in words. */
export const PlaceWords = ({ place: { state, low } }: { place: Place }) => {
  const { t } = useWords()
  const format = useFormat()
  return (
    <StateWord tone={tones[state]}>
      {state === 'low' && low
        ? t('board.low', { count: low.floor, time: format.time(low.since) })
        : t(`board.state.${state}`)}
      {state === 'nobody' && low && ` · ${t('board.since', { time: format.time(low.since) })}`}
    </StateWord>
  )
}
