import { randomBytes } from 'node:crypto'
import { extname } from 'node:path'
import { Failure } from '../../errors.ts'
import type { Answer } from '../answer.ts'
import type { AcceptEncoding } from '../negotiate.ts'
import { builtFile, readIfThere } from './built-file.ts'
import { escapeHtml } from './page.ts'

const types: Record<string, string> = {
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.webmanifest': 'application/manifest+json; charset=utf-8',
  '.svg': 'image/svg+xml; charset=utf-8',
  '.txt': 'text/plain; charset=utf-8',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
}
/** Segments that begin with a letter or digit, so that no path leads out of the folder. */
const plainPath = /^(?:[\w-][\w.-]*\/)*[\w-][\w.-]*$/

/** Styles that a script makes need the nonce. Nothing else may run or load but files of the gateway. */
const policyOf = (nonce: string): string =>
  `default-src 'none'; script-src 'self'; style-src 'self' 'nonce-${nonce}'; img-src 'self' data:; connect-src 'self'; font-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'`

const notBuilt =
  'The page of the console was not built. Operators of the gateway: type `npm run build` and start again. The package and the image have it.'

/**
 * The console as `npm run build` left it in a folder. `metas`: what the page is told by the gateway, as
 * `<meta name content>`.
 */
export const createConsoleFiles = (folder: URL, metas: Record<string, string> = {}) => {
  const head = Object.entries(metas)
    .map(([name, content]) => `<meta name="${name}" content="${escapeHtml(content)}">`)
    .join('\n')
  return {
    /**
     * The page, the same for every path of it. Each answer has a nonce of its own.
     * @throws Failure `console.unavailable` when it was not built
     */
    page: (): Answer => {
      const html = readIfThere(new URL('index.html', folder))?.toString()
      if (html === undefined) throw new Failure('console.unavailable', { detail: notBuilt })
      const nonce = randomBytes(16).toString('base64')
      const text = html
        // The build knows no address. Relative ones would be taken from the path that the browser shows.
        .replaceAll('="./', '="/console/')
        .replace(/(<meta name="csp-nonce" content=")[^"]*/, `$1${nonce}`)
        .replace('</head>', `${head}</head>`)
      return {
        bytes: Buffer.from(text),
        policy: policyOf(nonce),
        headers: { 'Content-Type': 'text/html; charset=utf-8', 'Cross-Origin-Opener-Policy': 'same-origin' },
      }
    },
    /** A file that the page loads. Undefined: the path is one of the page. @throws Failure `route.unknown` */
    file: (path: string, acceptEncoding: AcceptEncoding): Answer | undefined => {
      const type = types[extname(path)]
      if (type === undefined) return undefined
      const file = plainPath.test(path) ? builtFile(new URL(path, folder), acceptEncoding) : undefined
      if (!file) throw new Failure('route.unknown')
      // The names of files in assets/ change with their content.
      const age = path.startsWith('assets/') ? 'max-age=31536000, immutable' : 'max-age=3600'
      const headers = { 'Content-Type': type, 'Cache-Control': `public, ${age}`, ...file.headers }
      return { bytes: file.bytes, headers }
    },
  }
}
