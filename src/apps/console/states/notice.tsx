import type { ReactNode } from 'react'
import { Icon, type IconName } from './icon.tsx'
import './notice.css'

type Tone = 'quiet' | 'good' | 'warn' | 'bad'
const icons: Record<Tone, IconName> = { quiet: 'info', good: 'check', warn: 'warn', bad: 'warn' }

/** A sentence that stands in the page, with an action beside it. Its icon and words say what its colour says. */
export const Notice = ({
  tone,
  title,
  children,
  action,
  live = false,
}: {
  tone: Tone
  title: ReactNode
  children?: ReactNode
  action?: ReactNode
  /** Screen readers say it when it comes. */
  live?: boolean
}) => (
  <div className="notice" data-tone={tone} role={live ? (tone === 'bad' ? 'alert' : 'status') : undefined}>
    <Icon name={icons[tone]} />
    <div>
      <strong>{title}</strong>
      {children && <p>{children}</p>}
    </div>
    {action && <div className="notice-action">{action}</div>}
  </div>
)
