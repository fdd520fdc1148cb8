import { TextInput } from '@mantine/core'
import { useState } from 'react'
import type { ImportPreview, OperationRow } from '../../../client/client.ts'
import { Button } from '../states/button.tsx'
import { OutcomeWord } from '../states/outcome-word.tsx'
import { RowsBox } from '../states/rows-box.tsx'
import { useFormat } from '../words/use-format.ts'
import { useWords } from '../words/words.ts'
import { Reason } from './reason.tsx'
import type { Previewing } from './use-preview.ts'

/** What needs a look comes first. */
const order: OperationRow['outcome'][] = [
  'rejected',
  'existsDeleted',
  'unknown',
  'exists',
  'reactivated',
  'created',
  'pending',
]
const pageSize = 100

/** Goes on with the next row, since this one will look another way. */
const focusNext = (from: HTMLElement, what: string): void => {
  const next = from.closest('tr')?.nextElementSibling?.querySelector<HTMLElement>(what)
  const box = from.closest<HTMLElement>('.rows-box')
  ;(next ?? box)?.focus()
}

const Fix = ({ row, reading }: { row: OperationRow; reading: Previewing }) => {
  const { t } = useWords()
  const { line = 0, name = '' } = row
  const [text, setText] = useState(name)
  const done = () => text.trim() !== name && reading.edit(line, text.trim())
  return (
    <TextInput
      size="xs"
      dir="auto"
      aria-label={t('import.fix', { line })}
      value={text}
      onChange={({ currentTarget }) => setText(currentTarget.value)}
      onBlur={done}
      onKeyDown={({ key, currentTarget }) => key === 'Enter' && focusNext(currentTarget, 'input')}
    />
  )
}

/** The verdict of each row, doubtful ones first. A name is corrected here, or its row is left out. */
export const CheckRows = ({ preview, reading }: { preview: ImportPreview; reading: Previewing }) => {
  const { t } = useWords()
  const format = useFormat()
  const [only, setOnly] = useState<OperationRow['outcome']>()
  const [shown, setShown] = useState(pageSize)
  const skipped = [...reading.edits].filter(([, name]) => name === null).map(([line]) => line)
  const rows = preview.items
    .filter(({ outcome }) => only === undefined || outcome === only)
    .toSorted((a, b) => order.indexOf(a.outcome) - order.indexOf(b.outcome) || a.index - b.index)
  return (
    <>
      <fieldset className="tabs" aria-label={t('column.outcome')}>
        <button type="button" aria-pressed={only === undefined} onClick={() => setOnly(undefined)}>
          {t('tab.all')} <span>{format.number(preview.total)}</span>
        </button>
        {order
          .filter((outcome) => preview[outcome] > 0)
          .map((outcome) => (
            <button
              key={outcome}
              type="button"
              aria-pressed={only === outcome}
              onClick={() => setOnly(outcome)}
            >
              {t(outcome === 'created' ? 'outcome.new' : `outcome.${outcome}`)}{' '}
              <span>{format.number(preview[outcome])}</span>
            </button>
          ))}
      </fieldset>
      <RowsBox label={t('import.rowsTitle')} isBusy={reading.isJudging}>
        <table className="plain stacks">
          <thead>
            <tr>
              <th scope="col">{t('column.line')}</th>
              <th scope="col">{t('column.name')}</th>
              <th scope="col">{t('column.outcome')}</th>
              <th scope="col">
                <span className="only-read">{t('column.action')}</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {rows.slice(0, shown).map((row) => (
              <tr key={`${row.line} ${row.name}`}>
                <td data-label={t('column.line')}>{row.line}</td>
                <th scope="row">
                  {row.outcome === 'created' ? <bdi>{row.name}</bdi> : <Fix row={row} reading={reading} />}
                </th>
                <td className="verdict">
                  <OutcomeWord outcome={row.outcome} isPlan /> <Reason reason={row.reason} />
                </td>
                <td>
                  <Button
                    size="compact-xs"
                    variant="default"
                    aria-label={t('import.skipLine', { line: row.line })}
                    onClick={({ currentTarget }) => {
                      reading.edit(row.line ?? 0, null)
                      focusNext(currentTarget, 'button')
                    }}
                  >
                    {t('import.skip')}
                  </Button>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </RowsBox>
      {rows.length > shown && (
        <Button className="apart" size="xs" variant="default" onClick={() => setShown(shown + 10 * pageSize)}>
          {t('import.more', { count: rows.length - shown })}
        </Button>
      )}
      {skipped.length > 0 && (
        <Button
          className="apart"
          size="xs"
          variant="default"
          onClick={() => skipped.forEach((line) => void reading.edit(line, undefined))}
        >
          {t('import.unskip', { count: skipped.length })}
        </Button>
      )}
    </>
  )
}
