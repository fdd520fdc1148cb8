import { useWords } from '../words/words.ts'
import { Button } from './button.tsx'
import { CloseButton } from './close-button.tsx'
import { hideToast, toasts } from './toast.ts'
import './toasts.css'

/** What was done just now, at the lower edge of the page. */
export const Toasts = () => {
  const { t } = useWords()
  return (
    <div className="toasts" role="status" aria-live="polite" aria-label={t('toast.title')}>
      {toasts.use().map(({ id, message, isBad, undo }) => (
        <div key={id} className="toast" data-tone={isBad ? 'bad' : 'good'} role={isBad ? 'alert' : undefined}>
          <span>{message}</span>
          {undo && (
            <Button size="compact-sm" variant="default" onClick={undo}>
              {t('action.undo')} (u)
            </Button>
          )}
          <CloseButton label={t('action.close')} onClick={() => hideToast(id)} />
        </div>
      ))}
    </div>
  )
}
