import { useEffect, useRef, useState } from 'react'
import { ScreenHead } from '../page/screen-head.tsx'
import { Needs } from '../session/needs.tsx'
import { useOrganizations } from '../shell/use-organization.tsx'
import { useWords } from '../words/words.ts'
import { Check } from './check.tsx'
import { Choose } from './choose.tsx'
import './import.css'
import { Progress } from './progress.tsx'

/** A file or pasted text. `text`: undefined while it has not been read. */
export type Source = { name: string; content: Blob | string }

/**
 * Choose, check, import, report. `operation`: an import that began, or any other operation; it is followed from any tab, also
 * after a reload.
 */
const Import = ({ organization, operation }: { organization: number; operation?: string }) => {
  const { t } = useWords()
  const [source, setSource] = useState<Source>()
  const step = useRef<HTMLElement>(null)
  const before = useRef(source)
  // What had the focus is gone with the step before.
  useEffect(() => {
    if (before.current !== source) step.current?.focus()
    before.current = source
  }, [source])
  const name = useOrganizations().find(({ id }) => id === organization)?.name
  return (
    <Needs scope={operation ? 'operators:read' : 'operators:import'}>
      {!operation && <ScreenHead title={t('import.title')} text={name} />}
      <section ref={step} tabIndex={-1} className="step" aria-label={source?.name ?? t('import.title')}>
        {operation ? (
          <Progress organization={organization} name={name} id={operation} />
        ) : source ? (
          <Check organization={organization} source={source} back={() => setSource(undefined)} />
        ) : (
          <Choose organization={organization} choose={setSource} />
        )}
      </section>
    </Needs>
  )
}

export default Import
