import { lazy, Suspense, useEffect, useRef, useState } from 'react'
import { Link, Route, Switch, useLocation } from 'wouter'
import { Board } from '../board/board.tsx'
import { withMantine } from '../mantine/with-mantine.tsx'
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

const Screens = () => (
  <Suspense fallback={<Loading />}>
    <Switch>
      <Route path="/" component={Board} />
      <Route path="/wall" component={Wall} />
      <Route path="/:org/operators">{({ org }) => <Operators key={org} organization={Number(org)} />}</Route>
      <Route path="/:org/import">{({ org }) => <Import key={org} organization={Number(org)} />}</Route>
      <Route path="/:org/import/:operation">
        {({ org, operation }) => <Import key={operation} organization={Number(org)} operation={operation} />}
      </Route>
      <Route path="/activity" component={Activity} />
      <Route path="/upstream" component={Upstream} />
      <Route path="/keys" component={Keys} />
      <Route component={Missing} />
    </Switch>
  </Suspense>
)

/** The frame of every screen but the wall board, which has the whole page. */
export const Shell = () => {
  const { t } = useWords()
  const [path] = useLocation()
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
  if (path === '/wall') return <Screens />
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
        <Link href="/" className="brand" aria-label="ChatHub">
          <Mark />
          <span>ChatHub</span>
        </Link>
        <TopBar />
      </header>
      <div className="side" data-open={isMenuOpen || undefined}>
        <Navigation />
      </div>
      <main ref={main} tabIndex={-1} className="main">
        <Banners />
        <Boundary key={path}>
          <Screens />
        </Boundary>
      </main>
      <Shortcuts />
    </div>
  )
}
