import { Component, type ReactNode } from 'react'
import { useWords } from '../words/words.ts'
import { Button } from './button.tsx'
import { Notice } from './notice.tsx'

const Broken = () => {
  const { t } = useWords()
  return (
    <Notice
      tone="bad"
      live
      title={t('broken.title')}
      action={
        <Button size="compact-sm" variant="default" onClick={() => location.reload()}>
          {t('broken.reload')}
        </Button>
      }
    >
      {t('broken.text')}
    </Notice>
  )
}

/** A screen that cannot be drawn, or whose files a newer gateway does not have, leaves the frame of the page in use. */
export class Boundary extends Component<{ children: ReactNode }, { isBroken: boolean }> {
  override state = { isBroken: false }
  static getDerivedStateFromError() {
    return { isBroken: true }
  }
  override render() {
    return this.state.isBroken ? <Broken /> : this.props.children
  }
}
