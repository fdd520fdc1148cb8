import { useLive } from '../data/live.ts'
import { useStatus } from '../data/use-status.tsx'
import { StateWord } from '../states/state-word.tsx'
import { useWords } from '../words/words.ts'
import { DropDown } from './drop-down.tsx'

/** ChatHub, Redis, budget and live updates in words. The worst of them is in the bar. */
export const Health = () => {
  const { t } = useWords()
  const live = useLive()
  const parts = useStatus()
  const all = [
    ...parts,
    { name: 'live' as const, state: live, tone: live === 'live' ? ('good' as const) : ('warn' as const) },
  ]
  const order = ['bad', 'warn', 'quiet', 'good']
  const worst = all.toSorted((a, b) => order.indexOf(a.tone) - order.indexOf(b.tone))[0]
  if (!worst) return null
  return (
    <DropDown
      className="bar-button health"
      face={
        <>
          <span className="only-read">{t('health.title')}: </span>
          <StateWord tone={worst.tone}>
            <span className="health-word">
              {worst.tone === 'good'
                ? t('health.good')
                : `${t(`health.${worst.name}.title`)} · ${t(`health.${worst.name}.${worst.state}`)}`}
            </span>
          </StateWord>
        </>
      }
    >
      {() => (
        <dl className="facts health-facts">
          {all.map(({ name, state, tone }) => (
            <div key={name}>
              <dt>{t(`health.${name}.title`)}</dt>
              <dd>
                <StateWord tone={tone}>{t(`health.${name}.${state}`)}</StateWord>
              </dd>
            </div>
          ))}
        </dl>
      )}
    </DropDown>
  )
}
