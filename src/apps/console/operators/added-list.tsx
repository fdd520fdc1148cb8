import { Group } from '@mantine/core'
import { Button } from '../states/button.tsx'
import { CopyText } from '../states/copy-text.tsx'
import { Notice } from '../states/notice.tsx'
import { OutcomeWord } from '../states/outcome-word.tsx'
import { RowsBox } from '../states/rows-box.tsx'
import { useWords } from '../words/words.ts'
import type { Added } from './add-dialog.tsx'

/** What became of each name. A token is nowhere else. */
export const AddedList = ({
  added,
  reactivate,
  isBusy,
  close,
}: {
  added: Added[]
  reactivate: (names: string[]) => void
  isBusy: boolean
  close: () => void
}) => {
  const { t } = useWords()
  const deleted = added.filter(({ outcome }) => outcome === 'existsDeleted').map(({ name }) => name)
  const created = added.filter(({ outcome }) => outcome === 'created').length
  const tokens = added.flatMap((one) => ('token' in one && one.token ? [`${one.name}\t${one.token}`] : []))
  return (
    <>
      <Notice tone={created > 0 ? 'good' : 'quiet'} live title={t('add.done', { count: created })}>
        {tokens.length > 0 && t('add.tokenOnce')}
      </Notice>
      <RowsBox label={t('add.title')}>
        <table className="plain stacks">
          <thead>
            <tr>
              <th scope="col">{t('column.name')}</th>
              <th scope="col">{t('column.outcome')}</th>
              {tokens.length > 0 && <th scope="col">{t('column.token')}</th>}
            </tr>
          </thead>
          <tbody>
            {added.map((one) => (
              <tr key={one.index}>
                <th scope="row">
                  <bdi>{one.name}</bdi>
                </th>
                <td>
                  <OutcomeWord outcome={one.outcome} />
                </td>
                {tokens.length > 0 && (
                  <td>
                    {'token' in one && one.token ? (
                      <CopyText text={one.token} />
                    ) : (
                      'tokenError' in one && one.tokenError
                    )}
                  </td>
                )}
              </tr>
            ))}
          </tbody>
        </table>
      </RowsBox>
      <Group justify="flex-end" mt="md">
        {deleted.length > 0 && (
          <Button variant="default" loading={isBusy} onClick={() => reactivate(deleted)}>
            {t('add.reactivate', { count: deleted.length })}
          </Button>
        )}
        {tokens.length > 1 && <CopyText text={tokens.join('\n')} label={t('add.copyAll')} />}
        <Button data-autofocus onClick={close}>
          {t('action.done')}
        </Button>
      </Group>
    </>
  )
}
