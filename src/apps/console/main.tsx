import './console.css'
import './controls.css'
import { createRoot } from 'react-dom/client'
import { App } from './app.tsx'
import { firstReads, opened } from './first-reads.ts'
import { startScheme } from './page/colour-scheme.ts'
import { startWords } from './words/words.ts'

// A link that is opened in this very tab changes the fragment alone.
addEventListener('hashchange', () => /^#(ticket|error)=/.test(location.hash) && location.reload())

const start = async (): Promise<void> => {
  startScheme()
  await Promise.all([startWords(), firstReads])
  const root = document.getElementById('root') as HTMLElement
  createRoot(root).render(<App failure={await opened} />)
}
void start()
