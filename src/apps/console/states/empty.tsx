import type { ReactNode } from 'react'
import { Icon, type IconName } from './icon.tsx'

/** In the place of a list without rows: why, and the one thing to do. */
export const Empty = ({
  icon,
  title,
  children,
  action,
}: {
  icon: IconName
  title: string
  children?: ReactNode
  action?: ReactNode
}) => (
  <div className="empty">
    <Icon name={icon} />
    <strong>{title}</strong>
    {children && <span>{children}</span>}
    {action}
  </div>
)
