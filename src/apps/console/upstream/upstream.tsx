import { lazy, Suspense } from 'react'
import type { Upstream } from '../../../client/client.ts'
import { gateway } from '../data/gateway.ts'
import { useRead } from '../data/use-read.ts'
import { ScreenHead } from '../page/screen-head.tsx'
import { Needs } from '../session/needs.tsx'
import { useCan } from '../session/rights.ts'
import { RowsBox } from '../states/rows-box.tsx'
import { Shown } from '../states/shown.tsx'
import { useFormat } from '../words/use-format.ts'
import { useWords } from '../words/words.ts'
import { ListAges } from './list-ages.tsx'
import { Purge } from './purge.tsx'
import './upstream.css'
import { UpstreamFacts } from './upstream-facts.tsx'

const Chart = lazy(() => import('./chart.tsx'))
const everyMs = 5000

/** The same numbers as the chart. */
const Twin = ({ samples }: { samples: Upstream['recent'] }) => {
  const { t } = useWords()
  const format = useFormat()
  return (
    <details>
      <summary>{t('upstream.table')}</summary>
      <RowsBox label={t('upstream.table')}>
        <table className="plain">
          <thead>
            <tr>
              <th scope="col">{t('column.time')}</th>
              <th scope="col">{t('upstream.used')}</th>
              <th scope="col">{t('upstream.allowed')}</th>
              <th scope="col">{t('upstream.waiting')}</th>
            </tr>
          </thead>
          <tbody>
            {samples.toReversed().map(({ at, used, allowed, waiting }) => (
              <tr key={at}>
                <th scope="row">{format.full(at)}</th>
                <td>{format.number(used)}</td>
                <td>{format.number(allowed)}</td>
                <td>{format.number(waiting)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </RowsBox>
    </details>
  )
}

const Content = () => {
  const { t } = useWords()
  const canPurge = useCan()('cache:purge')
  const query = useRead(['upstream'], (signal) => gateway.gateway.upstream({ signal }), { every: everyMs })
  return (
    <>
      <ScreenHead title={t('nav.upstream')} text={t('upstream.text')}>
        {canPurge && <Purge />}
      </ScreenHead>
      <Shown query={query}>
        {(upstream) => (
          <>
            <UpstreamFacts upstream={upstream} />
            <h2>{t('upstream.chart')}</h2>
            <Suspense fallback={<div className="card chart" />}>
              <Chart samples={upstream.recent} />
            </Suspense>
            <Twin samples={upstream.recent} />
            <ListAges lists={upstream.cache.organizations} />
          </>
        )}
      </Shown>
    </>
  )
}

const Screen = () => (
  <Needs scope="admin">
    <Content />
  </Needs>
)

export default Screen
