import { useStatus } from '../data/use-status.tsx'
import { navigate } from '../page/hash-location.ts'
import { ScreenHead } from '../page/screen-head.tsx'
import { Needs } from '../session/needs.tsx'
import { useOrganizations } from '../shell/use-organization.tsx'
import { Button } from '../states/button.tsx'
import { Empty } from '../states/empty.tsx'
import { Icon } from '../states/icon.tsx'
import { Notice } from '../states/notice.tsx'
import { Shown } from '../states/shown.tsx'
import { StateWord } from '../states/state-word.tsx'
import { useFormat } from '../words/use-format.ts'
import { useWords } from '../words/words.ts'
import './board.css'
import { PlaceCard } from './place-card.tsx'
import { useBoard } from './use-board.ts'

const Tile = ({ label, value, tone }: { label: string; value: string; tone?: string }) => (
  <div className="card tile" data-tone={tone}>
    <dt>{label}</dt>
    <dd>{value}</dd>
  </div>
)

/** By itself, because it is drawn again more often than the rest. */
const Parts = () => {
  const { t } = useWords()
  return (
    <ul className="parts" aria-label={t('health.title')}>
      {useStatus().map(({ name, state, tone }) => (
        <li key={name}>
          {t(`health.${name}.title`)} <StateWord tone={tone}>{t(`health.${name}.${state}`)}</StateWord>
        </li>
      ))}
    </ul>
  )
}

const Unavailable = ({ ids }: { ids: number[] }) => {
  const { t } = useWords()
  const organizations = useOrganizations()
  return (
    <Notice tone="warn" live title={t('board.unavailable', { count: ids.length })}>
      {ids.map((id) => organizations.find((each) => each.id === id)?.name ?? `#${id}`).join(', ')}
    </Notice>
  )
}

const Content = () => {
  const { t } = useWords()
  const format = useFormat()
  const { statistics, places } = useBoard()
  const needy = places.filter(({ state }) => state === 'nobody' || state === 'low').length
  return (
    <>
      <ScreenHead title={t('board.title')} text={t('board.text')}>
        <Button variant="default" leftSection={<Icon name="screen" />} onClick={() => navigate('/wall')}>
          {t('wall.open')}
        </Button>
      </ScreenHead>
      <Shown query={statistics} rows={6}>
        {(all) => (
          <>
            <dl className="tiles">
              <Tile label={t('board.active')} value={format.number(all.active)} />
              <Tile label={t('board.inactive')} value={format.number(all.inactive)} />
              <Tile label={t('board.deleted')} value={format.number(all.deleted)} />
              <Tile label={t('board.needy')} value={format.number(needy)} tone={needy > 0 ? 'bad' : 'good'} />
            </dl>
            <Parts />
            {all.unavailable.length > 0 && <Unavailable ids={all.unavailable} />}
            {places.length === 0 && all.unavailable.length === 0 && (
              <Empty icon="people" title={t('board.none')}>
                {t('board.noneText')}
              </Empty>
            )}
            <ul className="places">
              {places.map((place) => (
                <PlaceCard key={place.id} place={place} />
              ))}
            </ul>
          </>
        )}
      </Shown>
    </>
  )
}

export const Board = () => (
  <Needs scope="operators:read">
    <Content />
  </Needs>
)
