import type { Endpoint } from '../../contract/endpoints.ts'
import { tags } from '../../contract/tags.ts'
import type { BytesAnswer } from '../answer.ts'
import { type Guide, guides } from './guides.ts'
import { escapeHtml, htmlPage, sentence } from './page.ts'
import { firstCalls } from './samples.ts'

const intro = `<p>The gateway stands between your programs and SMSBAT ChatHub. It keeps the company token, answers operator lists from memory,
and never asks ChatHub more often than allowed. A write is sent once, and its outcome is always told.</p>
<p>Services call it with a key. Browsers use a session and never see a token. Programs written for ChatHub keep their paths:
<a href="/docs/guides/from-direct-calls">from direct calls to the gateway</a>.</p>`

const cards = [
  ['/docs/reference', 'Reference', 'Every endpoint with its fields and examples, to be tried at once.'],
  ['/docs/problems', 'Problems', 'What each error code means, what to do, and whether to retry.'],
  ['/openapi.json', 'OpenAPI', 'The contract for generators, as JSON. The same as /openapi.yaml.'],
  ['/llms.txt', 'llms.txt', 'The same pages as one index for programs that read text.'],
].map(
  ([href, title, text]) => `<li><a href="${href}"><strong>${title}</strong><small>${text}</small></a></li>`,
)

const sampleOf = ([language, code]: [string, string], index: number): string =>
  `<details${index === 0 ? ' open' : ''} name="language"><summary>${language}</summary><pre tabindex="0"><code>${escapeHtml(code)}</code></pre></details>`

const rowOf = ({ method, path, summary, scope, scopeToo, id, tag }: Endpoint): string => {
  const scopes = [scope, scopeToo].flatMap((each) => (each ? [`<code>${each}</code>`] : []))
  const rights =
    scope === 'open' ? 'no credential' : scope === 'any' ? 'any credential' : scopes.join(' and ')
  return `<li><a href="/docs/reference#/${tag}/${id}"><code><span class="method ${method}">${method.toUpperCase()}</span> ${escapeHtml(path)}</code></a><p>${sentence(summary)} <span class="quiet">Needs: ${rights}.</span></p></li>`
}

const groupOf = (all: readonly Endpoint[], tag: string, description: string): string => {
  const rows = all.filter((endpoint) => endpoint.tag === tag)
  if (rows.length === 0) return ''
  return `<details id="${tag}"><summary>${tag} <small>${escapeHtml(description)}</small></summary><ul class="rows">${rows.map(rowOf).join('\n')}</ul></details>`
}

/** Pages about how the gateway is built and measured, after those about its use. */
const internals = ['architecture', 'assumptions', 'attacks', 'performance', 'soak']

const guideCard = ({ name, title, headings }: Guide): string => {
  const first = headings.slice(0, 3).map(({ text }) => escapeHtml(text))
  return `<li><a href="/docs/guides/${name}"><strong>${title}</strong><small>${first.join(' · ')}</small></a></li>`
}

const guidesList = (title: string, id: string, list: readonly Guide[]): string =>
  `<h2 id="${id}">${title}</h2>\n<ul class="cards">${list.map(guideCard).join('\n')}</ul>`

/**
 * What the gateway is, the first call, and the way to everything else. `origin`: of this gateway, as the reader sees it.
 * `sampleKey`: the key of the samples, for every reader to see.
 */
export const startPage = (options: {
  endpoints: readonly Endpoint[]
  origin: string
  sampleKey: string | undefined
}): BytesAnswer => {
  const { endpoints, origin, sampleKey = 'your key' } = options
  const isInternal = ({ name }: Guide) => internals.includes(name)
  const all = guides()
  const details = all.filter((guide) => !guide.isGuide && !isInternal(guide))
  return htmlPage({
    title: 'ChatHub gateway',
    path: '/docs',
    body: `${intro}
<h2 id="first-call">The first call</h2>
<p>A key comes from <code>chathub-gateway keys create</code>; the demo prints one. An organization that the key may not touch is answered as
one that does not exist.</p>
${Object.entries(firstCalls(origin, sampleKey)).map(sampleOf).join('\n')}
<h2 id="next">Next</h2>
<ul class="cards">${cards.join('\n')}</ul>
${guidesList(
  'Guides',
  'guides',
  all.filter(({ isGuide }) => isGuide),
)}
${guidesList('In detail', 'details', details)}
${guidesList('How it is built and measured', 'internals', all.filter(isInternal))}
<h2 id="endpoints">Endpoints</h2>
${Object.entries(tags)
  .map(([tag, description]) => groupOf(endpoints, tag, description))
  .join('\n')}`,
  })
}
