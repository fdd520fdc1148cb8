import { Group } from '@mantine/core'
import { InvalidRequestError } from '../../../client/client.ts'
import { Button } from '../states/button.tsx'
import { Loading } from '../states/loading.tsx'
import { Notice } from '../states/notice.tsx'
import { Problem } from '../states/problem.tsx'
import { useFormat } from '../words/use-format.ts'
import { useWords } from '../words/words.ts'
import { CheckRows } from './check-rows.tsx'
import { FileOptions } from './file-options.tsx'
import type { Source } from './import.tsx'
import { usePreview } from './use-preview.ts'

/** The file itself is wrong, so asking again is of no use. */
const isFault = (error: unknown): error is InvalidRequestError => error instanceof InvalidRequestError

/** What is wrong with a file, in the words of the gateway. */
const Faults = ({ error }: { error: unknown }) =>
  isFault(error) && error.errors.length > 0 ? (
    <ul>
      {error.errors.map(({ pointer, detail }) => (
        <li key={pointer + detail}>{detail}</li>
      ))}
    </ul>
  ) : null

/** The dry run: what would become of each row. Nothing is sent to ChatHub before the last button. */
export const Check = ({
  organization,
  source,
  back,
}: {
  organization: number
  source: Source
  back: () => void
}) => {
  const { t } = useWords()
  const format = useFormat()
  const reading = usePreview(organization, source)
  const { preview, error, start, isJudging, retry } = reading
  const willDo = preview ? preview.created + preview.reactivated + preview.pending : 0
  return (
    <>
      <h2>{source.name}</h2>
      <FileOptions source={source} reading={reading} />
      {error && (
        <>
          <Problem error={error} retry={isFault(error) ? undefined : retry} />
          <Faults error={error} />
        </>
      )}
      {!preview && !error && <Loading rows={6} />}
      {preview && (
        <Notice
          tone={preview.rejected > 0 ? 'warn' : 'good'}
          live
          title={t('import.would', { count: willDo, total: format.number(preview.total) })}
        >
          {preview.rejected > 0 && t('import.bad', { count: preview.rejected })}
        </Notice>
      )}
      {start.error && <Problem error={start.error} retry={() => start.mutate()} />}
      {/* Before the rows: who uses the keyboard need not walk through all of them. */}
      <Group my="sm">
        <Button
          disabled={willDo === 0 || isJudging || error !== null}
          loading={start.isPending}
          onClick={() => start.mutate()}
        >
          {t('import.start', { count: willDo })}
        </Button>
        <Button variant="default" onClick={back}>
          {t('import.back')}
        </Button>
      </Group>
      {preview && <CheckRows preview={preview} reading={reading} />}
    </>
  )
}
