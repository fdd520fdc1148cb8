import { type FailureCode, failures } from '../../errors.ts'
import type { BytesAnswer } from '../answer.ts'
import { escapeHtml, htmlPage, sentence } from './page.ts'

const retries = {
  no: 'No: the same request fails again.',
  later:
    'Yes, later: repeating is safe. Wait for Retry-After where the answer has it. Keep the Idempotency-Key if there was one.',
  now: 'Yes, at once: repeating is safe.',
  check: 'Not yet: the request may have been carried out. Read the current state first.',
}

/** The page to which the `type` of a problem document leads. */
export const problemPage = (code: FailureCode): BytesAnswer => {
  const { status, title, detail, fix, retry } = failures[code]
  return htmlPage({
    title,
    body: `<p><code>${code}</code>, status ${status}</p><h2>Cause</h2><p>${sentence(detail)}</p><h2>Fix</h2><p>${sentence(fix)}</p><h2>Retry?</h2><p>${retries[retry]}</p><p><a href="/docs/problems">All problems</a></p>`,
  })
}

/** All codes, grouped by status. */
export const problemsPage = (): BytesAnswer => {
  const rows = Object.entries(failures)
    .toSorted(([, a], [, b]) => a.status - b.status)
    .map(
      ([code, { status, title, detail }]) =>
        `<li><strong>${status}</strong> <a href="/docs/problems/${code}"><code>${code}</code></a> ${escapeHtml(title)}<p class="quiet">${sentence(detail)}</p></li>`,
    )
  return htmlPage({
    title: 'Problems',
    path: '/docs/problems',
    body: `<p>Every error is a problem document (RFC 9457). Its <code>code</code> never changes; its <code>type</code> is the page below. Tell the
<code>requestId</code> when you ask for help: it is in the log of the gateway.</p><ul class="rows">${rows.join('\n')}</ul>`,
  })
}
