import type { ReactNode } from 'react'
import { useTitle } from './use-title.ts'

/** The name of a screen, with a line about it and what can be done there. */
export const ScreenHead = ({
  title,
  text,
  children,
}: {
  title: string
  text?: string | undefined
  children?: ReactNode
}) => {
  useTitle(title)
  return (
    <header className="screen-head">
      <div>
        <h1>{title}</h1>
        {text && <p dir="auto">{text}</p>}
      </div>
      {children && <div className="screen-actions">{children}</div>}
    </header>
  )
}
