import { useWords } from '../words/words.ts'
import { CopyButton } from './copy-button.tsx'

/** A text to be copied. Without `label` it is shown, shortened. */
export const CopyText = ({ text, label }: { text: string; label?: string }) => {
  const { t } = useWords()
  return (
    <span className="copy">
      {label === undefined && <code title={text}>{text}</code>}
      <CopyButton text={text} label={label ?? t('action.copy')} />
    </span>
  )
}
