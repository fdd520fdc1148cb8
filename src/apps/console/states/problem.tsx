import { GatewayError, PermissionError, RateLimitError } from '../../../client/client.ts'
import { useWords } from '../words/words.ts'
import { Button } from './button.tsx'
import { CopyButton } from './copy-button.tsx'
import { Countdown } from './countdown.tsx'
import { Notice } from './notice.tsx'
import { useProblemText } from './use-problem-text.ts'

/** What still works, by the first part of a code. */
const stillWorks = (error: unknown): 'chathub' | 'redis' | 'connection' | 'none' => {
  const [part] = error instanceof GatewayError ? error.code.split('.') : []
  if (part === 'chathub' || part === 'queue') return 'chathub'
  if (part === 'redis') return 'redis'
  return part === 'connection' || part === 'timeout' ? 'connection' : 'none'
}

/** The scopes that a refusal names. */
const scopesOf = (error: PermissionError): string => error.errors.map(({ detail }) => detail).join(' ')

/** A failed read or write: a plain sentence, what still works, the id of the request, and the way on. */
export const Problem = ({ error, retry }: { error: unknown; retry?: (() => void) | undefined }) => {
  const { t } = useWords()
  const problemText = useProblemText()
  const { requestId, retryAfter } = error instanceof GatewayError ? error : {}
  const works = stillWorks(error)
  return (
    <Notice
      tone={error instanceof RateLimitError ? 'warn' : 'bad'}
      live
      title={problemText(error)}
      action={
        <>
          {requestId && <CopyButton text={requestId} label={t('action.copyId')} />}
          {retry && (
            <Button size="compact-sm" variant="default" onClick={retry}>
              {t('action.again')}
            </Button>
          )}
        </>
      }
    >
      {works !== 'none' && t(`works.${works}`)} {error instanceof PermissionError && scopesOf(error)}{' '}
      {retryAfter !== undefined && <Countdown key={requestId} seconds={retryAfter} />}{' '}
      {requestId && (
        <>
          {t('problem.request')} <code>{requestId}</code>
        </>
      )}
    </Notice>
  )
}
