import { createHash } from 'node:crypto'
import { type Endpoint, endpoints } from '../../contract/endpoints.ts'
import { createOpenApi } from '../../contract/openapi.ts'
import { yamlOf } from '../../contract/yaml.ts'
import { Failure, type FailureCode, failures } from '../../errors.ts'
import type { Answer } from '../answer.ts'
import type { Router } from '../router.ts'
import type { Services } from './services.ts'

const style =
  'body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1b1b1b;background:#fff}' +
  'table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.3rem .6rem;border-bottom:1px solid #ccc;vertical-align:top}' +
  'code{font:.9em ui-monospace,monospace}@media(prefers-color-scheme:dark){body{color:#eee;background:#151515}a{color:#8cf}}'
// The hash allows only this style. Nothing else may run or load.
const policy = `default-src 'none'; style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'; frame-ancestors 'none'; base-uri 'none'`

const escapeHtml = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')

const htmlPage = (title: string, body: string): Answer => ({
  bytes: Buffer.from(
    `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${escapeHtml(title)}</title><style>${style}</style></head><body><h1>${escapeHtml(title)}</h1>${body}</body></html>`,
  ),
  policy,
})

const retries = {
  no: 'No: the same request fails again.',
  later:
    'Yes, later: repeating is safe. Wait for Retry-After where the answer has it. Keep the Idempotency-Key if there was one.',
  now: 'Yes, at once: repeating is safe.',
  check: 'Not yet: the request may have been carried out. Read the current state first.',
}

const problemPage = (code: FailureCode): Answer => {
  const { status, title, detail, fix, retry } = failures[code]
  return htmlPage(
    title,
    `<p><code>${code}</code>, status ${status}</p><h2>Cause</h2><p>${escapeHtml(detail)}</p><h2>Fix</h2><p>${escapeHtml(fix)}</p><h2>Retry?</h2><p>${retries[retry]}</p><p><a href="/docs">All endpoints and problems</a></p>`,
  )
}

const indexPage = (all: readonly Endpoint[]): Answer => {
  const rows = all.map(
    ({ method, path, summary, scope, scopeToo = '' }) =>
      `<tr><td><code>${method.toUpperCase()} ${escapeHtml(path)}</code></td><td>${escapeHtml(summary)}</td><td><code>${scope} ${scopeToo}</code></td></tr>`,
  )
  const problems = Object.entries(failures).map(
    ([code, { status, title }]) =>
      `<tr><td><a href="/docs/problems/${code}"><code>${code}</code></a></td><td>${status}</td><td>${escapeHtml(title)}</td></tr>`,
  )
  return htmlPage(
    'ChatHub gateway',
    `<p>The whole contract: <a href="/openapi.json">/openapi.json</a> (OpenAPI 3.1).</p><h2>Endpoints</h2><table><tr><th>Endpoint<th>Does<th>Scope</tr>${rows.join('')}</table><h2>Problems</h2><table><tr><th>Code<th>Status<th>Title</tr>${problems.join('')}</table>`,
  )
}

/** HTML pages and the OpenAPI document, made from the endpoint table and the failure table. */
export const mountDocs = (router: Router, { version }: Services): void => {
  router.bind(endpoints.docs, () => indexPage(router.endpoints()))
  router.bind(endpoints.problemPage, ({ params }) => {
    if (!Object.hasOwn(failures, params.code)) throw new Failure('route.unknown')
    return problemPage(params.code as FailureCode)
  })
  const written = (write: (document: object) => string) => {
    let bytes: Buffer | undefined
    return () => {
      bytes ??= Buffer.from(write(createOpenApi(router.endpoints(), version)))
      return { bytes }
    }
  }
  router.bind(endpoints.openapi, written(JSON.stringify))
  router.bind(endpoints.openapiYaml, written(yamlOf))
}
