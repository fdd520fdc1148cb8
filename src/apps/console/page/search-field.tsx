import { TextInput } from '@mantine/core'
import { useDebouncedCallback } from '@mantine/hooks'
import { useEffect, useId, useState } from 'react'
import { CloseButton } from '../states/close-button.tsx'
import { Icon } from '../states/icon.tsx'
import { useWords } from '../words/words.ts'

const searchMs = 150

/** What the key `/` leads to. `change` is told when the typing pauses. `known`: what is offered while one types. */
export const SearchField = ({
  label,
  text: now,
  change,
  known = [],
}: {
  label: string
  text: string
  change: (text: string) => void
  known?: readonly string[]
}) => {
  const { t } = useWords()
  const list = useId()
  const [text, setText] = useState(now)
  const tell = useDebouncedCallback(change, searchMs)
  useEffect(() => setText(now), [now])
  const set = (next: string) => {
    setText(next)
    tell(next)
  }
  return (
    <>
      <TextInput
        type="search"
        className="search"
        dir="auto"
        aria-label={label}
        placeholder={`${label}  ( / )`}
        list={known.length > 0 ? list : undefined}
        leftSection={<Icon name="search" size={16} />}
        rightSection={text && <CloseButton label={t('operators.clearSearch')} onClick={() => set('')} />}
        value={text}
        onChange={({ currentTarget }) => set(currentTarget.value)}
      />
      {known.length > 0 && (
        <datalist id={list}>
          {known.map((each) => (
            <option key={each} value={each} />
          ))}
        </datalist>
      )}
    </>
  )
}
