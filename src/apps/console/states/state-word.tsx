import type { ReactNode } from 'react'
import './state-word.css'

/** A word with a shape before it, so that colour is never alone. */
export const StateWord = ({ tone, children }: { tone: string; children: ReactNode }) => (
  <span className="state-word" data-tone={tone}>
    {children}
  </span>
)
