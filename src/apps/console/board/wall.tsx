import { Button } from '@mantine/core'
import { useEffect, useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { useLocation } from 'wouter'
import { useLive } from '../data/live.ts'
import { useNow } from '../data/use-now.ts'
import { Needs } from '../session/needs.tsx'
import { Shown } from '../states/shown.tsx'
import { StateWord } from '../states/state-word.tsx'
import { useFormat } from '../words/use-format.ts'
import './board.css'
import { PlaceWords, tones } from './place-words.tsx'
import { type Place, useBoard } from './use-board.ts'

/** What is shown; while paused it stays as it was. */
const useHeld = (places: Place[], isPaused: boolean): Place[] => {
  const held = useRef(places)
  if (!isPaused) held.current = places
  return held.current
}

const Content = () => {
  const { t } = useTranslation()
  const format = useFormat()
  const [, navigate] = useLocation()
  const live = useLive()
  const now = useNow()
  const [isPaused, setPaused] = useState(false)
  const { statistics, places } = useBoard()
  const shown = useHeld(places, isPaused)
  useEffect(() => {
    const onKey = ({ key }: KeyboardEvent) => {
      if (key === 'Escape' && !document.fullscreenElement) navigate('/')
      if (key === 'p') setPaused((is) => !is)
      if (key === 'f') void document.documentElement.requestFullscreen().catch(() => {})
    }
    addEventListener('keydown', onKey)
    return () => removeEventListener('keydown', onKey)
  }, [navigate])
  const leave = () => {
    if (document.fullscreenElement) void document.exitFullscreen()
    navigate('/')
  }
  return (
    <main className="wall">
      <header>
        <h1>{t('wall.title')}</h1>
        <StateWord tone={isPaused ? 'warn' : live === 'live' ? 'good' : 'quiet'}>
          {isPaused ? t('wall.paused') : t(`health.live.${live}`)}
        </StateWord>
        {statistics.data && (
          <span className="quiet">{t('age.text', { age: format.ago(statistics.data.asOf, now) })}</span>
        )}
        <span className="grow" />
        <time className="wall-clock">{format.time(now)}</time>
        <Button variant="default" size="xs" aria-pressed={isPaused} onClick={() => setPaused(!isPaused)}>
          {isPaused ? t('wall.go') : t('wall.pause')} (p)
        </Button>
        <Button variant="default" size="xs" onClick={() => void document.documentElement.requestFullscreen()}>
          {t('wall.full')} (f)
        </Button>
        <Button variant="default" size="xs" onClick={leave}>
          {t('wall.leave')} (Esc)
        </Button>
      </header>
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
