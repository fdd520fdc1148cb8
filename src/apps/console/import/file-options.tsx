import { Autocomplete, Select } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import type { ReadFile } from '../../../client/client.ts'
import { useWords } from '../words/words.ts'
import type { Source } from './import.tsx'
import type { Previewing } from './use-preview.ts'

/** A header is within the first so many bytes. */
const headBytes = 8192

/** Headers of a text file, so that another column can be chosen. A workbook is read by the gateway alone. */
const headersOf = async ({ content }: Source, file: ReadFile | undefined): Promise<string[]> => {
  if (file?.format === 'xlsx') return []
  const bytes = typeof content === 'string' ? undefined : await content.slice(0, headBytes).arrayBuffer()
  const text = bytes ? new TextDecoder(file?.charset ?? 'utf-8').decode(bytes) : String(content)
  const [line = ''] = text.split(/\r?\n/)
  const delimiter = file?.delimiter ?? [';', '\t', ','].find((each) => line.includes(each)) ?? ','
  return line.split(delimiter).map((cell) => cell.trim().replace(/^"(.*)"$/, '$1'))
}

/** How the file was read, and what shall happen to names that exist. */
export const FileOptions = ({ source, reading }: { source: Source; reading: Previewing }) => {
  const { t } = useWords()
  const { options, setOptions, setPolicy, file } = reading
  const [column, setColumn] = useState(options.column)
  const { data: headers = [] } = useQuery({
    queryKey: ['headers', source, file?.charset],
    queryFn: () => headersOf(source, file),
    gcTime: 0,
  })
  const chosen = file?.columns.join(' + ')
  return (
    <>
      <div className="read-options">
        <Autocomplete
          label={t('import.column')}
          placeholder={chosen}
          data={[...new Set(headers)].filter((name) => name !== '')}
          value={column}
          onChange={setColumn}
          onBlur={() => column !== options.column && setOptions({ column })}
          onOptionSubmit={(name) => setOptions({ column: name })}
        />
        <Select
          label={t('import.header')}
          allowDeselect={false}
          value={options.header}
          data={['', 'yes', 'no'].map((value) => ({ value, label: t(`import.headers.${value || 'auto'}`) }))}
          onChange={(header) => setOptions({ header: header ?? '' })}
        />
        <Select
          label={t('import.duplicate')}
          allowDeselect={false}
          value={options.onDuplicate}
          data={['skip', 'allow'].map((value) => ({ value, label: t(`import.duplicates.${value}`) }))}
          onChange={(onDuplicate) => setPolicy({ onDuplicate: onDuplicate ?? 'skip' })}
        />
        <Select
          label={t('import.deleted')}
          allowDeselect={false}
          value={options.onDeleted}
          data={['report', 'reactivate'].map((value) => ({ value, label: t(`import.deletedOnes.${value}`) }))}
          onChange={(onDeleted) => setPolicy({ onDeleted: onDeleted ?? 'report' })}
        />
      </div>
      {file && (
        <p className="quiet">
          {t('import.read', {
            columns: chosen,
            how: [file.format, file.charset, file.sheet].filter(Boolean).join(', '),
          })}{' '}
          {file.notes.join(' ')}
        </p>
      )}
    </>
  )
}
