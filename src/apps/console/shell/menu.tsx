import { type KeyboardEvent, type ReactNode, useEffect, useRef } from 'react'

/** The place that a key leads to, among `count` entries. */
const steps: Record<string, (at: number, count: number) => number> = {
  ArrowDown: (at, count) => (at + 1) % count,
  ArrowUp: (at, count) => (at <= 0 ? count : at) - 1,
  Home: () => 0,
  End: (_, count) => count - 1,
}

/** Ms in which further letters belong to the word that is being typed. */
const typingMs = 700

const entriesOf = (box: HTMLElement | null): HTMLElement[] => [
  ...(box?.querySelectorAll<HTMLElement>('[role^="menuitem"]') ?? []),
]

/** The entries of a menu take the focus by arrow keys and by their first letters. The chosen one has it when it opens. */
export const Menu = ({ label, children }: { label: string; children: ReactNode }) => {
  const box = useRef<HTMLDivElement>(null)
  const typed = useRef({ text: '', at: 0 })
  useEffect(() => {
    const all = entriesOf(box.current)
    const entry = all.find(({ ariaChecked }) => ariaChecked === 'true') ?? all[0]
    entry?.focus()
  }, [])
  const onKeyDown = (event: KeyboardEvent) => {
    const all = entriesOf(box.current)
    const step = steps[event.key]
    if (step) {
      event.preventDefault()
      return all[step(all.indexOf(document.activeElement as HTMLElement), all.length)]?.focus()
    }
    if (event.key.length !== 1 || event.key === ' ' || event.ctrlKey || event.metaKey) return
    // The keys of the page are letters, too.
    event.stopPropagation()
    const isGoingOn = event.timeStamp - typed.current.at < typingMs
    typed.current = {
      text: (isGoingOn ? typed.current.text : '') + event.key.toLowerCase(),
      at: event.timeStamp,
    }
    all.find(({ textContent }) => textContent?.toLowerCase().startsWith(typed.current.text))?.focus()
  }
  return (
    <div ref={box} role="menu" tabIndex={-1} aria-label={label} className="menu" onKeyDown={onKeyDown}>
      {children}
    </div>
  )
}
