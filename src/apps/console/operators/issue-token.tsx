import { useMutation } from '@tanstack/react-query'
import { gateway } from '../data/gateway.ts'
import { Button } from '../states/button.tsx'
import { CopyText } from '../states/copy-text.tsx'
import { Notice } from '../states/notice.tsx'
import { Problem } from '../states/problem.tsx'
import { useFormat } from '../words/use-format.ts'
import { useWords } from '../words/words.ts'

/** Issues a token for ChatHub's widget. It is shown once. */
export const IssueToken = ({ organization, id }: { organization: number; id: number }) => {
  const { t } = useWords()
  const format = useFormat()
  const issue = useMutation({ mutationFn: () => gateway.tokens.mint(organization, id), gcTime: 0 })
  return (
    <section>
      <h2>{t('token.title')}</h2>
      <p className="quiet">{t('token.text')}</p>
      {issue.error && <Problem error={issue.error} />}
      {issue.data ? (
        <Notice tone="good" live title={t('token.once', { time: format.time(issue.data.expiresAt) })}>
          <CopyText text={issue.data.token} />
        </Notice>
      ) : (
        <Button size="xs" variant="default" loading={issue.isPending} onClick={() => issue.mutate()}>
          {t('token.issue')}
        </Button>
      )}
    </section>
  )
}
