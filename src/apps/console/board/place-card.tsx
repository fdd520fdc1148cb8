import { memo } from 'react'
import { useFormat } from '../words/use-format.ts'
import { useWords } from '../words/words.ts'
import { PlaceWords, tones } from './place-words.tsx'
import type { Place } from './use-board.ts'

/** One organization: how many are active, and whether that is enough. Drawn again when that has changed. */
export const PlaceCard = memo(({ place }: { place: Place }) => {
  const { t } = useWords()
  const format = useFormat()
  const { id, name, active, inactive, deleted, unknown } = place
  const to = `/${id}/operators`
  return (
    <li className="card place" data-tone={tones[place.state]}>
      <h2>
        <a href={`#${to}`}>{name}</a>
      </h2>
      <p className="place-number">
        <strong>{format.number(active)}</strong> {t('board.activeOf', { count: active })}
      </p>
      <PlaceWords place={place} />
      <p className="place-more">
        <a href={`#${to}?show=inactive`}>{t('board.countInactive', { count: inactive })}</a>
        <a href={`#${to}?show=deleted`}>{t('board.countDeleted', { count: deleted })}</a>
        {unknown > 0 && <span>{t('board.countUnknown', { count: unknown })}</span>}
      </p>
    </li>
  )
})
