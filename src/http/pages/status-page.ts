import { createHash } from 'node:crypto'
import type { BytesAnswer } from '../answer.ts'
import { escapeHtml } from './page.ts'
import { type StatusInput, type StatusPart, statusParts } from './status-parts.ts'

// The listener for operations has nothing else, so the style is in the page.
const style = `:root{color-scheme:light dark;--text:#1c2128;--quiet:#57606a;--page:#fff;--line:#d5dbe1;--ok:#1f6f32;--attention:#8a4b00;--fault:#a61e1e}
@media (prefers-color-scheme:dark){:root{--text:#e6e9ee;--quiet:#a4adb8;--page:#14171c;--line:#353c46;--ok:#7bd88f;--attention:#ffb566;--fault:#ff9a9a}}
body{margin:0 auto;max-width:52rem;padding:1.5rem;font:1rem/1.5 system-ui,sans-serif;color:var(--text);background:var(--page)}
h1{margin:0 0 .25rem;font-size:1.6rem}p{margin:.25rem 0}.quiet{color:var(--quiet)}
dl{margin:1.5rem 0 0}dl>div{border-top:1px solid var(--line);padding:.75rem 0;display:grid;grid-template-columns:15rem 1fr;gap:.25rem 1rem}
dt{font-weight:600}dd{margin:0;overflow-wrap:anywhere}dd p:first-child{margin-top:0}.level{font-weight:400;white-space:nowrap}.ok .level{color:var(--ok)}.attention .level{color:var(--attention)}.fault .level{color:var(--fault)}
@media (max-width:36rem){dl>div{grid-template-columns:1fr}}`
const hash = createHash('sha256').update(style).digest('base64')
const policy = `default-src 'none'; img-src data:; style-src 'sha256-${hash}'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'`

const levelWords = { ok: '✓ well', attention: '! look', fault: '✕ fault' }
const timeOf = (since: string): string =>
  `<time datetime="${since}">${since.slice(0, 10)} ${since.slice(11, 19)} UTC</time>`

const rowOf = ({ name, level, words, since, advice, runbook }: StatusPart): string => {
  const lines = [
    `<p>${escapeHtml(words)}</p>`,
    since ? `<p class="quiet">Since ${timeOf(since)}.</p>` : '',
    advice ? `<p>${escapeHtml(advice)}${runbook ? ` Runbook: ${runbook}.` : ''}</p>` : '',
  ]
  return `<div class="${level}"><dt>${name} <span class="level">${levelWords[level]}</span></dt><dd>${lines.join('')}</dd></div>`
}

const headlineOf = (parts: readonly StatusPart[]): string => {
  const count = parts.filter(({ level }) => level !== 'ok').length
  if (count === 0) return 'All is well'
  return count === 1 ? 'One part needs attention' : `${count} parts need attention`
}

/** The state of the gateway for whoever is on call: no script, renewed every ten seconds. */
export const statusPage = (input: StatusInput & { version: string; now: Date }): BytesAnswer => {
  const parts = statusParts(input)
  const html = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="refresh" content="10">
<title>${headlineOf(parts)} · ChatHub gateway</title>
<link rel="icon" href="data:,">
<style>${style}</style>
</head>
<body>
<main>
<h1>${headlineOf(parts)}</h1>
<p class="quiet">ChatHub gateway ${escapeHtml(input.version)}, this instance, at ${timeOf(input.now.toISOString())}. The page renews itself every ten seconds.</p>
<dl>
${parts.map(rowOf).join('\n')}
</dl>
<p class="quiet">Numbers: <a href="/metrics">/metrics</a>. Runbooks: docs/runbooks.md.</p>
</main>
</body>
</html>
`
  return { bytes: Buffer.from(html), policy }
}
