import { useEffect, useRef, useState } from 'react'
import { useLive } from '../data/live.ts'
import { useNow } from '../data/use-now.ts'
import { navigate } from '../page/hash-location.ts'
import { isCombined, keyOf } from '../page/key-of.ts'
import { useTitle } from '../page/use-title.ts'
import { Needs } from '../session/needs.tsx'
import { Banners } from '../shell/banners.tsx'
import { Button } from '../states/button.tsx'
import { Shown } from '../states/shown.tsx'
import { StateWord } from '../states/state-word.tsx'
import { useAge } from '../words/use-age.ts'
import { useFormat } from '../words/use-format.ts'
import { useWords } from '../words/words.ts'
import './board.css'
import { PlaceWords, tones } from './place-words.tsx'
import { type Place, useBoard } from './use-board.ts'

/** A browser may refuse it. */
const fillScreen = (): void => void document.documentElement.requestFullscreen().catch(() => {})

/** What is shown; while paused it stays as it was. */
const useHeld = (places: Place[], isPaused: boolean): Place[] => {
  const held = useRef(places)
  if (!isPaused) held.current = places
  return held.current
}

const Content = () => {
  const { t } = useWords()
  const format = useFormat()
  const age = useAge()
  const live = useLive()
  const now = useNow()
  const [isPaused, setPaused] = useState(false)
  const { statistics, places } = useBoard()
  const shown = useHeld(places, isPaused)
  useTitle(t('wall.title'))
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (isCombined(event)) return
      const key = keyOf(event)
      if (key === 'Escape' && !document.fullscreenElement) navigate('/')
      if (key === 'p') setPaused((is) => !is)
      if (key === 'f') fillScreen()
    }
    addEventListener('keydown', onKey)
    return () => removeEventListener('keydown', onKey)
  }, [])
  const leave = () => {
    if (document.fullscreenElement) void document.exitFullscreen()
    navigate('/')
  }
  return (
    <main className="wall">
      <header>
        <h1>{t('wall.title')}</h1>
        <StateWord tone={isPaused || live === 'polling' ? 'warn' : live === 'live' ? 'good' : 'quiet'}>
          {isPaused ? t('wall.paused') : t(`health.live.${live}`)}
        </StateWord>
        {statistics.data && <span className="quiet">{age(statistics.data.asOf, now)}</span>}
        <span className="grow" />
        <time className="wall-clock">{format.time(now)}</time>
        <Button variant="default" size="xs" aria-pressed={isPaused} onClick={() => setPaused(!isPaused)}>
          {isPaused ? t('wall.go') : t('wall.pause')} (p)
        </Button>
        <Button variant="default" size="xs" onClick={fillScreen}>
          {t('wall.full')} (f)
        </Button>
        <Button variant="default" size="xs" onClick={leave}>
          {t('wall.leave')} (Esc)
        </Button>
      </header>
      <Banners />
      <Shown query={statistics} rows={6}>
        {() => (
          <ul className="wall-places" aria-live="off">
            {shown.map((place) => (
              <li key={place.id} className="card" data-tone={tones[place.state]}>
                <h2>{place.name}</h2>
                <strong>{format.number(place.active)}</strong>
                <PlaceWords place={place} />
              </li>
            ))}
          </ul>
        )}
      </Shown>
    </main>
  )
}

const Wall = () => (
  <Needs scope="operators:read">
    <Content />
  </Needs>
)

export default Wall
