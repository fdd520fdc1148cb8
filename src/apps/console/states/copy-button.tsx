import { useEffect, useState } from 'react'
import { useWords } from '../words/words.ts'
import { Button } from './button.tsx'

/** Ms for which it tells that the text was copied. */
const toldMs = 1000

/** Copies a text to the clipboard. A browser may refuse it. */
export const CopyButton = ({ text, label }: { text: string; label: string }) => {
  const { t } = useWords()
  const [isCopied, setCopied] = useState(false)
  useEffect(() => {
    if (!isCopied) return
    const timer = setTimeout(() => setCopied(false), toldMs)
    return () => clearTimeout(timer)
  }, [isCopied])
  const copy = () =>
    void navigator.clipboard?.writeText(text).then(
      () => setCopied(true),
      () => {},
    )
  return (
    <Button size="compact-sm" variant="default" onClick={copy}>
      {isCopied ? t('action.copied') : label}
    </Button>
  )
}
