import { Group } from '@mantine/core'
import { Button } from '../states/button.tsx'
import { useWords } from '../words/words.ts'

/** `cursors`: those of the pages that led here; the last one is that of this page. */
export const Pager = ({
  cursors,
  next,
  go,
}: {
  cursors: string[]
  next: string | null
  go: (cursors: string[]) => void
}) => {
  const { t } = useWords()
  if (cursors.length === 0 && next === null) return null
  return (
    <Group gap="xs" role="group" aria-label={t('pager.title')}>
      <Button
        variant="default"
        size="xs"
        disabled={cursors.length === 0}
        onClick={() => go(cursors.slice(0, -1))}
      >
        {t('pager.before')}
      </Button>
      <span>{t('pager.page', { page: cursors.length + 1 })}</span>
      <Button
        variant="default"
        size="xs"
        disabled={next === null}
        onClick={() => next !== null && go([...cursors, next])}
      >
        {t('pager.next')}
      </Button>
    </Group>
  )
}
