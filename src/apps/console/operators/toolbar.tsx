import { ActionIcon, Button, CloseButton, TextInput } from '@mantine/core'
import { useDebouncedCallback } from '@mantine/hooks'
import { useMutation } from '@tanstack/react-query'
import { useEffect, useState } from 'react'
import { useTranslation } from 'react-i18next'
import type { Statistics } from '../../../client/client.ts'
import { download } from '../data/download.ts'
import { Icon } from '../states/icon.tsx'
import { toast } from '../states/toast.ts'
import { useProblemText } from '../states/use-problem-text.ts'
import { useFormat } from '../words/use-format.ts'
import { density } from './density.ts'
import { type Filters, queryOf, tabNames, tabs } from './filters.ts'

const searchMs = 150

const Search = ({ q, change }: { q: string; change: (q: string) => void }) => {
  const { t } = useTranslation()
  const [text, setText] = useState(q)
  const tell = useDebouncedCallback(change, searchMs)
  useEffect(() => setText(q), [q])
  const set = (next: string) => {
    setText(next)
    tell(next)
  }
  return (
    <TextInput
      type="search"
      className="search"
      aria-label={t('operators.search')}
      placeholder={`${t('operators.search')}  ( / )`}
      leftSection={<Icon name="search" size={16} />}
      rightSection={
        text && <CloseButton size="sm" aria-label={t('operators.clearSearch')} onClick={() => set('')} />
      }
      value={text}
      onChange={({ currentTarget }) => set(currentTarget.value)}
    />
  )
}

export const Toolbar = ({
  organization,
  filters,
  change,
  statistics,
}: {
  organization: number
  filters: Filters
  change: (changes: Partial<Filters>) => void
  statistics: Statistics | undefined
}) => {
  const { t } = useTranslation()
  const format = useFormat()
  const problemText = useProblemText()
  const rows = density.use()
  const save = useMutation({
    mutationFn: () => {
      const { status, sort, q = '' } = queryOf(filters)
      const query = new URLSearchParams({ status: status.join(), sort: sort.join(), ...(q && { q }) })
      return download(
        `/v1/organizations/${organization}/operators?${query}&fields=id,name,status,statusSince,changedBy`,
      )
    },
    onError: (error) => toast(problemText(error), { isBad: true }),
  })
  const countOf = (tab: (typeof tabNames)[number]): number | undefined =>
    statistics && tabs[tab].reduce((sum, status) => sum + statistics[status], 0)
  return (
    <div className="toolbar">
      <fieldset className="tabs" aria-label={t('operators.tabs')}>
        {tabNames.map((tab) => {
          const count = countOf(tab)
          return (
            <button
              key={tab}
              type="button"
              aria-pressed={filters.show === tab}
              onClick={() => change({ show: tab })}
            >
              {t(`tab.${tab}`)} {count !== undefined && <span>{format.number(count)}</span>}
            </button>
          )
        })}
      </fieldset>
      <Search q={filters.q} change={(q) => change({ q })} />
      <Button
        variant="default"
        leftSection={<Icon name="download" size={16} />}
        loading={save.isPending}
        onClick={() => save.mutate()}
      >
        {t('operators.export')}
      </Button>
      <ActionIcon
        variant="default"
        size="input-sm"
        aria-label={t('operators.dense')}
        aria-pressed={rows === 'dense'}
        title={t('operators.dense')}
        onClick={() => density.set(rows === 'dense' ? 'airy' : 'dense')}
      >
        <Icon name="rows" />
      </ActionIcon>
    </div>
  )
}
