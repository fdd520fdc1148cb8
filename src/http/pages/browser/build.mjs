// npm run build: makes dist/assets, the files that the pages load, each compressed once. The guides are rendered here.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { Marked } from 'marked'

const root = fileURLToPath(new URL('../../../../', import.meta.url))
const swagger = join(root, 'node_modules/swagger-ui-dist')
const out = join(root, 'dist/assets')
rmSync(out, { recursive: true, force: true })
mkdirSync(out, { recursive: true })
const put = (name, content) => writeFileSync(join(out, `${name}.gz`), gzipSync(content, { level: 9 }))

for (const name of ['docs.css', 'docs.js', 'reference.js', 'widget-loader.js', 'icon.svg'])
  put(name, readFileSync(new URL(name, import.meta.url)))
// The maps are left out, so no browser is to ask for them.
for (const name of ['swagger-ui-bundle.js', 'swagger-ui.css'])
  put(name, readFileSync(join(swagger, name), 'utf8').replace(/\/[/*]# sourceMappingURL=.*$/m, ''))
put(
  'swagger-ui.LICENSE.txt',
  ['LICENSE', 'NOTICE', 'swagger-ui-bundle.js.LICENSE.txt']
    .map((name) => readFileSync(join(swagger, name), 'utf8'))
    .join('\n\n'),
)

const escapeHtml = (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')

const slugOf = (text) =>
  text
    .toLowerCase()
    .replace(/<[^>]*>|[^\p{L}\p{N} -]/gu, '')
    .trim()
    .replaceAll(' ', '-')

/** The guides in the order in which somebody may need them; others follow by name. */
const order = [
  ...[
    'from-direct-calls',
    'client',
    'command-line',
    'keys-and-rotation',
    'console',
    'browsers',
    'widget',
    'imports',
    'mcp',
    'when-things-fail',
  ],
  ...['how-the-cache-decides', 'choosing-limits', 'several-instances'],
]
const placeOf = (file) => [...order, ''].findIndex((name) => name === '' || file === `${name}.md`)

/** A Markdown file of docs/ as a page. Links to others lead to their pages; the repository's own files stay names. */
const guideOf = (path, known) => {
  const headings = []
  const marked = new Marked({
    renderer: {
      heading({ tokens, depth, text }) {
        const id = slugOf(text)
        if (depth > 1) headings.push({ id, text: text.replaceAll('`', '') })
        return `<h${depth} id="${id}">${this.parser.parseInline(tokens)}</h${depth}>\n`
      },
      link({ href, tokens }) {
        const text = this.parser.parseInline(tokens)
        // Addresses in the text are examples.
        if (text === href) return text
        if (/^(https?:|#|\/)/.test(href)) return `<a href="${href}">${text}</a>`
        const [file, hash = ''] = href.split('#')
        const name = basename(file, '.md')
        if (!known.has(name)) return text
        return `<a href="/docs/guides/${name}${hash && `#${hash}`}">${text}</a>`
      },
      image: ({ text }) => text,
      // What the block before it prints is no sample to copy.
      code: ({ text, lang = '' }) => {
        const isAnswer = / answer$/.test(lang)
        return `<pre tabindex="0"${isAnswer ? ' class="answer"' : ''}><code>${escapeHtml(text)}</code></pre>\n`
      },
      table(token) {
        const cells = (row, tag) =>
          row.map(({ tokens }) => `<${tag}>${this.parser.parseInline(tokens)}</${tag}>`).join('')
        const rows = token.rows.map((row) => `<tr>${cells(row, 'td')}</tr>`).join('\n')
        const head = cells(token.header, 'th')
        return `<div class="wide" tabindex="0" role="region" aria-label="Table"><table><thead><tr>${head}</tr></thead><tbody>${rows}</tbody></table></div>\n`
      },
    },
  })
  const html = marked.parse(readFileSync(path, 'utf8'))
  const [, title = basename(path, '.md')] = /<h1[^>]*>(.*?)<\/h1>/.exec(html) ?? []
  const isGuide = path.includes('docs/guides/')
  return {
    name: basename(path, '.md'),
    isGuide,
    title,
    html: html.replace(/<h1[^>]*>.*?<\/h1>\n?/, ''),
    headings,
  }
}
const files = ['docs/guides', 'docs'].flatMap((folder) => {
  try {
    return readdirSync(join(root, folder))
      .filter((file) => file.endsWith('.md'))
      .toSorted((a, b) => placeOf(a) - placeOf(b) || a.localeCompare(b))
      .map((file) => join(root, folder, file))
  } catch {
    return []
  }
})
const names = new Set(files.map((file) => basename(file, '.md')))
put('guides.json', JSON.stringify(files.map((file) => guideOf(file, names))))
