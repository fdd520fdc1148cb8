import type { ReactNode } from 'react'
import { Notice } from '../states/notice.tsx'
import { useWords } from '../words/words.ts'
import { type Scope, useCan } from './rights.ts'

/** Its content, or the name of the scope that is missing. */
export const Needs = ({ scope, children }: { scope: Scope; children: ReactNode }) => {
  const { t } = useWords()
  if (useCan()(scope)) return children
  return (
    <Notice tone="quiet" title={t('forbidden.title')}>
      {t('forbidden.text')} <code>{scope}</code>
    </Notice>
  )
}
