import { Button, CopyButton } from '@mantine/core'
import { useWords } from '../words/words.ts'

/** A text to be copied. Without `label` it is shown, shortened. */
export const CopyText = ({ text, label }: { text: string; label?: string }) => {
  const { t } = useWords()
  return (
    <span className="copy">
      {label === undefined && <code title={text}>{text}</code>}
      <CopyButton value={text}>
        {({ copied, copy }) => (
          <Button size="compact-sm" variant="default" onClick={copy}>
            {copied ? t('action.copied') : (label ?? t('action.copy'))}
          </Button>
        )}
      </CopyButton>
    </span>
  )
}
