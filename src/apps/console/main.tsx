import './mantine.css'
import './console.css'
import './controls.css'
import { setNonce } from 'get-nonce'
import { createRoot } from 'react-dom/client'
import { App } from './app.tsx'
import { firstReads, opened } from './first-reads.ts'
import { startWords } from './words/words.ts'

// The lock of the page behind a dialog makes a style of its own.
const nonce = document.querySelector<HTMLMetaElement>('meta[name="csp-nonce"]')?.content ?? ''
if (nonce !== '') setNonce(nonce)

// A link that is opened in this very tab changes the fragment alone.
addEventListener('hashchange', () => /^#(ticket|error)=/.test(location.hash) && location.reload())

const start = async (): Promise<void> => {
  await Promise.all([startWords(), firstReads])
  const root = document.getElementById('root') as HTMLElement
  createRoot(root).render(<App nonce={nonce} failure={await opened} />)
}
void start()
