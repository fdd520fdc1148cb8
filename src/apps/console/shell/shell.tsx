import { type ComponentType, lazy, Suspense, useEffect, useRef, useState } from 'react'
import { Board } from '../board/board.tsx'
import { withMantine } from '../mantine/with-mantine.tsx'
import { usePath } from '../page/hash-location.ts'
import { Boundary } from '../states/boundary.tsx'
import { Icon } from '../states/icon.tsx'
import { Loading } from '../states/loading.tsx'
import { useWords } from '../words/words.ts'
import { Banners } from './banners.tsx'
import { Mark } from './mark.tsx'
import { Missing } from './missing.tsx'
import { Navigation } from './navigation.tsx'
import { Shortcuts } from './shortcuts.tsx'
import { TopBar } from './top-bar.tsx'

const Wall = lazy(() => import('../board/wall.tsx'))
const Operators = lazy(withMantine(() => import('../operators/operators.tsx')))
const Import = lazy(withMantine(() => import('../import/import.tsx')))
const Activity = lazy(withMantine(() => import('../activity/activity.tsx')))
const Upstream = lazy(withMantine(() => import('../upstream/upstream.tsx')))
const Keys = lazy(() => import('../keys/keys.tsx'))

const plainScreens = new Map<string, ComponentType>([
  ['/', Board],
  ['/wall', Wall],
  ['/activity', Activity],
  ['/upstream', Upstream],
  ['/keys', Keys],
])

const Screen = ({ path }: { path: string }) => {
  const [, organization, name, operation] = /^\/(\d+)\/(operators|import)(?:\/([\w-]+))?$/.exec(path) ?? []
  if (name === 'import')
    return (
      <Import key={operation ?? organization} organization={Number(organization)} operation={operation} />
    )
  if (name === 'operators' && operation === undefined)
    return <Operators key={organization} organization={Number(organization)} />
  const Plain = plainScreens.get(path) ?? Missing
  return <Plain />
}

/** The frame of every screen but the wall board, which has the whole page. */
export const Shell = () => {
  const { t } = useWords()
  const path = usePath()
  const [isMenuOpen, setMenuOpen] = useState(false)
  const main = useRef<HTMLElement>(null)
  const before = useRef(path)
  // A new screen begins at its start, also for who uses the keyboard.
  useEffect(() => {
    if (before.current === path) return
    before.current = path
    setMenuOpen(false)
    main.current?.focus({ preventScroll: true })
    scrollTo(0, 0)
  }, [path])
  const screen = (
    <Suspense fallback={<Loading />}>
      <Screen path={path} />
    </Suspense>
  )
  if (path === '/wall') return screen
  return (
    <div className="shell">
      <header className="top">
        <a
          className="skip"
          href={`#${path}`}
          onClick={(event) => {
            event.preventDefault()
            main.current?.focus()
          }}
        >
          {t('shell.skip')}
        </a>
        <button
          type="button"
          className="icon-button burger"
          onClick={() => setMenuOpen(!isMenuOpen)}
          aria-label={t('shell.menu')}
          aria-expanded={isMenuOpen}
        >
          <Icon name={isMenuOpen ? 'close' : 'rows'} />
        </button>
        <a href="#/" className="brand" aria-label="ChatHub">
          <Mark />
          <span>ChatHub</span>
        </a>
        <TopBar />
      </header>
      <div className="side" data-open={isMenuOpen || undefined}>
        <Navigation />
      </div>
      <main ref={main} tabIndex={-1} className="main">
        <Banners />
        <Boundary key={path}>{screen}</Boundary>
      </main>
      <Shortcuts />
    </div>
  )
}
