import { TextInput } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { type KeyboardEvent, useId, useState } from 'react'
import { gateway } from '../data/gateway.ts'
import { navigate } from '../page/hash-location.ts'
import { useCan } from '../session/rights.ts'
import { Dialog } from '../states/dialog.tsx'
import { StateWord } from '../states/state-word.tsx'
import { fold } from '../words/fold.ts'
import { useWords } from '../words/words.ts'
import { paletteOpen } from './palette-open.ts'
import { screens } from './screens.ts'
import { useOrganization, useOrganizations } from './use-organization.tsx'

type Entry = { id: string; label: string; kind: string; tone?: string; to: string }

/** Screens and organizations whose name has the text, then operators of all organizations. */
const useEntries = (text: string): { entries: Entry[]; isSearching: boolean } => {
  const { t } = useWords()
  const can = useCan()
  const here = useOrganization()
  const organizations = useOrganizations()
  const [q] = useDebouncedValue(text.trim(), 150)
  const { data, isFetching } = useQuery({
    queryKey: ['directory', q],
    queryFn: ({ signal }) => gateway.operators.search({ q, status: ['active', 'inactive'] }, { signal }),
    enabled: q.length > 1 && can('operators:read'),
    placeholderData: keepPreviousData,
  })
  const fixed: Entry[] = [
    ...screens
      .filter(({ scope }) => scope === undefined || can(scope))
      .map(({ name, path }) => ({
        id: name,
        label: t(`nav.${name}`),
        kind: t('palette.screen'),
        to: path(here),
      })),
    { id: 'wall', label: t('wall.title'), kind: t('palette.screen'), to: '/wall' },
    ...organizations.map(({ id, name }) => ({
      id: `o${id}`,
      label: name,
      kind: t('palette.organization'),
      to: `/${id}/operators`,
    })),
  ]
  const found = (q.length > 1 ? (data?.items ?? []) : []).slice(0, 8).map(
    ({ id, name, status, organization }): Entry => ({
      id: `p${id}`,
      label: name,
      kind: organization.name,
      tone: status,
      to: `/${organization.id}/operators?${new URLSearchParams({ q: name, show: 'all', open: String(id) })}`,
    }),
  )
  const shown = fixed.filter(({ label }) => fold(label).includes(fold(text.trim()))).slice(0, 8)
  return { entries: [...shown, ...found], isSearching: isFetching || q !== text.trim() }
}

/** Goes to a screen, an organization or an operator by a few letters. */
const Palette = () => {
  const { t } = useWords()
  const [text, setText] = useState('')
  const [at, setAt] = useState(0)
  const list = useId()
  const { entries, isSearching } = useEntries(text)
  const chosen = entries[Math.min(at, entries.length - 1)]
  const close = () => paletteOpen.set(false)
  const go = (entry: Entry | undefined) => {
    if (!entry) return
    close()
    navigate(entry.to)
  }
  const onKey = (event: KeyboardEvent) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key]
    if (event.key === 'Enter') go(chosen)
    if (step === undefined) return
    event.preventDefault()
    setAt((Math.min(at, entries.length - 1) + step + entries.length) % Math.max(1, entries.length))
  }
  return (
    <Dialog onClose={close} withCloseButton={false} padding={0} aria-label={t('palette.open')}>
      <TextInput
        data-autofocus
        variant="unstyled"
        className="palette-input"
        placeholder={t('palette.hint')}
        aria-label={t('palette.open')}
        role="combobox"
        aria-expanded
        aria-controls={list}
        aria-activedescendant={chosen && `${list}-${chosen.id}`}
        value={text}
        onChange={({ currentTarget }) => {
          setText(currentTarget.value)
          setAt(0)
        }}
        onKeyDown={onKey}
      />
      {entries.length === 0 && !isSearching && <p className="palette-none">{t('palette.none')}</p>}
      <div id={list} role="listbox" aria-label={t('palette.open')} className="palette">
        {entries.map((entry) => (
          // biome-ignore lint/a11y/useKeyWithClickEvents: the field above has the keys.
          <div
            key={entry.id}
            id={`${list}-${entry.id}`}
            role="option"
            tabIndex={-1}
            aria-selected={entry === chosen}
            onClick={() => go(entry)}
          >
            <span dir="auto">{entry.label}</span>
            <small>{entry.tone ? <StateWord tone={entry.tone}>{entry.kind}</StateWord> : entry.kind}</small>
          </div>
        ))}
      </div>
    </Dialog>
  )
}

export default Palette
