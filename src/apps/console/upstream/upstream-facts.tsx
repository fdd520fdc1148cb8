import type { ReactNode } from 'react'
import type { Upstream } from '../../../client/client.ts'
import { toneOf } from '../data/use-status.tsx'
import { StateWord } from '../states/state-word.tsx'
import { useFormat } from '../words/use-format.ts'
import { useWords } from '../words/words.ts'

const Card = ({
  title,
  tone,
  state,
  children,
}: {
  title: string
  tone?: string
  state?: ReactNode
  children?: ReactNode
}) => (
  <section className="card">
    <h2>{title}</h2>
    {state && <StateWord tone={tone ?? 'quiet'}>{state}</StateWord>}
    {children && <dl className="facts">{children}</dl>}
  </section>
)
const Fact = ({ name, children }: { name: string; children: ReactNode }) => (
  <div>
    <dt>{name}</dt>
    <dd>{children}</dd>
  </div>
)

const tokenTones = { none: 'bad', unproven: 'quiet', ready: 'good', refused: 'bad' } as const
const breakerTones = { closed: 'good', open: 'bad', 'half-open': 'warn' } as const

export const UpstreamFacts = ({ upstream }: { upstream: Upstream }) => {
  const { t } = useWords()
  const format = useFormat()
  const { chathub, token, queue, budget, breaker, cache, reads, redis, storage } = upstream
  return (
    <div className="cards">
      <Card title="ChatHub" tone={toneOf(chathub.state)} state={t(`health.chathub.${chathub.state}`)}>
        <Fact name={t('upstream.since')}>{format.time(chathub.since)}</Fact>
        {chathub.checkedAt && <Fact name={t('upstream.checked')}>{format.time(chathub.checkedAt)}</Fact>}
        <Fact name={t('upstream.breaker')}>
          <StateWord tone={breakerTones[breaker.state]}>{t(`breaker.${breaker.state}`)}</StateWord>
        </Fact>
      </Card>
      <Card title={t('upstream.token')} tone={tokenTones[token.state]} state={t(`tokenState.${token.state}`)}>
        {token.ageSeconds !== null && <Fact name={t('upstream.age')}>{format.span(token.ageSeconds)}</Fact>}
        {token.source && <Fact name={t('upstream.source')}>{t(`tokenSource.${token.source}`)}</Fact>}
        {token.detail && <Fact name={t('upstream.detail')}>{token.detail}</Fact>}
      </Card>
      <Card title="Redis" tone={toneOf(redis.state)} state={t(`health.redis.${redis.state}`)}>
        {redis.detail && <Fact name={t('upstream.detail')}>{redis.detail}</Fact>}
        {storage.usedBytes !== null && (
          <Fact name={t('upstream.memory')}>
            {format.bytes(storage.usedBytes)}
            {storage.maxBytes !== null && ` / ${format.bytes(storage.maxBytes)}`}
          </Fact>
        )}
        {storage.state === 'full' && <Fact name={t('upstream.storage')}>{t('upstream.full')}</Fact>}
      </Card>
      <Card title={t('health.budget.title')}>
        <Fact name={t('upstream.allowed')}>
          {format.number(budget.allowedNow)} / {format.number(budget.requestsPerSecond)}
        </Fact>
        <Fact name={t('upstream.used')}>{format.number(budget.usedInLastSecond)}</Fact>
        {budget.pausedForMs > 0 && (
          <Fact name={t('upstream.paused')}>{format.span(budget.pausedForMs / 1000)}</Fact>
        )}
      </Card>
      <Card title={t('upstream.queue')}>
        {Object.entries(queue.waiting).map(([lane, count]) => (
          <Fact key={lane} name={t(`lane.${lane}`)}>
            {format.number(count)}
          </Fact>
        ))}
        <Fact name={t('upstream.most')}>{format.number(queue.max)}</Fact>
      </Card>
      <Card title={t('upstream.reads')}>
        <Fact name={t('upstream.fresh')}>{format.percent(reads.fresh)}</Fact>
        <Fact name={t('upstream.revalidated')}>{format.percent(reads.revalidated)}</Fact>
        <Fact name={t('upstream.waited')}>{format.percent(reads.waited)}</Fact>
        <Fact name={t('upstream.stale')}>{format.percent(reads.stale)}</Fact>
        {reads.p95AgeSeconds !== null && (
          <Fact name={t('upstream.p95')}>{format.span(reads.p95AgeSeconds)}</Fact>
        )}
      </Card>
      <Card title={t('upstream.cache')}>
        <Fact name={t('upstream.lists')}>{format.number(cache.lists)}</Fact>
        <Fact name={t('upstream.memory')}>{format.bytes(cache.bytes)}</Fact>
      </Card>
    </div>
  )
}
