import { createHash, randomBytes } from 'node:crypto'
import { Failure } from '../../errors.ts'
import type { Answer } from '../answer.ts'
import { readIfThere } from './built-file.ts'
import { escapeHtml } from './page.ts'

/** Styles that a script makes need the nonce. `scripts`: those within the page, by their hashes. Else only files of the gateway run. */
const policyOf = (nonce: string, scripts: string): string =>
  `default-src 'none'; script-src 'self'${scripts}; style-src 'self' 'nonce-${nonce}'; img-src 'self' data:; connect-src 'self'; font-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'`

const notBuilt =
  'The page of the console was not built. Operators of the gateway: type `npm run build` and start again. The package and the image have it.'

/**
 * The console as `npm run build` left it in a folder, the same for every path of it. Each answer has a nonce of its own.
 * `metas`: what the page is told by the gateway, as `<meta name content>`.
 * @throws Failure `console.unavailable` when it was not built
 */
export const consolePage = (folder: URL, metas: Record<string, string>): Answer => {
  const html = readIfThere(new URL('index.html', folder))?.toString()
  if (html === undefined) throw new Failure('console.unavailable', { detail: notBuilt })
  const nonce = randomBytes(16).toString('base64')
  const scripts = [...html.matchAll(/<script>(.*?)<\/script>/gs)].map(
    ([, script = '']) => ` 'sha256-${createHash('sha256').update(script).digest('base64')}'`,
  )
  const head = Object.entries(metas).map(
    ([name, content]) => `<meta name="${name}" content="${escapeHtml(content)}">\n`,
  )
  const text = html
    // The build knows no address. Relative ones would be taken from the path that the browser shows.
    .replaceAll('="./', '="/console/')
    .replace(/(<meta name="csp-nonce" content=")[^"]*/, `$1${nonce}`)
    .replace('</head>', `${head.join('')}</head>`)
  return {
    bytes: Buffer.from(text),
    policy: policyOf(nonce, scripts.join('')),
    headers: { 'Content-Type': 'text/html; charset=utf-8', 'Cross-Origin-Opener-Policy': 'same-origin' },
  }
}
