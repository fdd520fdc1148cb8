import { lazy, Suspense, useEffect, useRef, useState } from 'react'
import { withMantine } from '../mantine/with-mantine.tsx'
import { navigate } from '../page/hash-location.ts'
import { isCombined, keyOf } from '../page/key-of.ts'
import { useCan } from '../session/rights.ts'
import { undoLast } from '../states/undo.ts'
import { paletteOpen } from './palette-open.ts'
import { screens } from './screens.ts'
import { useOrganization } from './use-organization.tsx'

const Palette = lazy(withMantine(() => import('./palette.tsx')))
const ShortcutHelp = lazy(withMantine(() => import('./shortcut-help.tsx')))

const isTyping = ({ target }: KeyboardEvent): boolean =>
  target instanceof HTMLElement &&
  !target.matches('[type="checkbox"]') &&
  (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName))
/** What is meant for the palette is no key of the page, also while the palette is loaded. */
const isMeantElsewhere = (event: KeyboardEvent): boolean =>
  isCombined(event) || isTyping(event) || paletteOpen.get()
const hasDialog = (): boolean => document.querySelector('[role="dialog"]') !== null
/** One that wants an answer first. The drawer of an operator is none. */
const hasQuestion = (): boolean => document.querySelector('.mantine-Modal-content') !== null

const isPaletteKey = (event: KeyboardEvent): boolean =>
  (event.ctrlKey || event.metaKey) && keyOf(event).toLowerCase() === 'k'

/** Keys that work on every screen, where nobody is typing. */
export const Shortcuts = () => {
  const organization = useOrganization()
  const can = useCan()
  const [isHelpOpen, setHelpOpen] = useState(false)
  const isPaletteOpen = paletteOpen.use()
  const isGoing = useRef(false)
  useEffect(() => {
    const go = (key: string): void => {
      isGoing.current = false
      const screen = screens.find((each) => each.key === key)
      if (screen && (screen.scope === undefined || can(screen.scope))) navigate(screen.path(organization))
    }
    const actions: Record<string, () => void> = {
      '/': () => document.querySelector<HTMLInputElement>('input[type="search"]')?.focus(),
      '?': () => setHelpOpen(true),
      u: undoLast,
      b: () => document.querySelector<HTMLElement>('.bulk button')?.focus(),
      g: () => {
        isGoing.current = true
      },
    }
    const onKey = (event: KeyboardEvent): void => {
      const key = keyOf(event)
      if (isPaletteKey(event)) {
        event.preventDefault()
        return void (hasQuestion() || paletteOpen.set(true))
      }
      // What was done in a drawer is taken back there.
      if (isMeantElsewhere(event) || (key !== 'u' && hasDialog())) return
      if (isGoing.current) return void go(key)
      const action = actions[key]
      if (!action) return
      event.preventDefault()
      action()
    }
    addEventListener('keydown', onKey)
    return () => removeEventListener('keydown', onKey)
  }, [organization, can])
  return (
    <Suspense>
      {isHelpOpen && <ShortcutHelp onClose={() => setHelpOpen(false)} />}
      {isPaletteOpen && <Palette />}
    </Suspense>
  )
}
