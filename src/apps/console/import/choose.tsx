import { FileButton, Stack, Textarea } from '@mantine/core'
import { type ClipboardEvent, type DragEvent, useState } from 'react'
import { Button } from '../states/button.tsx'
import { Icon } from '../states/icon.tsx'
import { useWords } from '../words/words.ts'
import type { Source } from './import.tsx'
import { RecentImports } from './recent-imports.tsx'

const accepted = '.csv,.tsv,.txt,.xlsx,.xlsm,text/csv,text/plain'
const longText = 20_000
const sample = 'name\nAlex Brown\nОлена Шевченко\nJosé Núñez\n'

/** A file by drop or choice, or names by paste. */
export const Choose = ({
  organization,
  choose,
}: {
  organization: number
  choose: (source: Source) => void
}) => {
  const { t } = useWords()
  const [isOver, setOver] = useState(false)
  const [text, setText] = useState('')
  const take = (file: File | null | undefined) => file && choose({ name: file.name, content: file })
  // A browser takes minutes to show a long text in a field. It goes to the check at once.
  const paste = (event: ClipboardEvent) => {
    const pasted = event.clipboardData.getData('text')
    if (pasted.length < longText) return
    event.preventDefault()
    choose({ name: t('import.pasted'), content: pasted })
  }
  const drop = (event: DragEvent) => {
    event.preventDefault()
    setOver(false)
    take(event.dataTransfer.files[0])
  }
  return (
    <Stack maw={760}>
      <section
        className="drop"
        aria-label={t('import.drop')}
        data-over={isOver || undefined}
        onDragOver={(event) => {
          event.preventDefault()
          setOver(true)
        }}
        onDragLeave={() => setOver(false)}
        onDrop={drop}
      >
        <Icon name="import" size={32} />
        <strong>{t('import.drop')}</strong>
        <span className="quiet">{t('import.forms')}</span>
        <FileButton accept={accepted} onChange={take} inputProps={{ 'aria-label': t('import.choose') }}>
          {(props) => <Button {...props}>{t('import.choose')}</Button>}
        </FileButton>
        <a href={`data:text/csv;charset=utf-8,${encodeURIComponent(sample)}`} download="operators.csv">
          {t('import.sample')}
        </a>
      </section>
      <form
        onSubmit={(event) => {
          event.preventDefault()
          // A first line without a header is a name, too.
          if (text.trim() !== '') choose({ name: t('import.pasted'), content: text })
        }}
      >
        <Textarea
          rows={6}
          resize="vertical"
          label={t('import.paste')}
          description={t('import.pasteHelp')}
          value={text}
          onPaste={paste}
          onChange={({ currentTarget }) => setText(currentTarget.value)}
        />
        <Button className="apart" type="submit" variant="default" disabled={text.trim() === ''}>
          {t('import.check')}
        </Button>
      </form>
      <RecentImports organization={organization} />
    </Stack>
  )
}
