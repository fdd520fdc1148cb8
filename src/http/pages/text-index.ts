import type { Endpoint } from '../../contract/endpoints.ts'
import { failures } from '../../errors.ts'
import { guides } from './guides.ts'

/** What the search of the pages finds. `words`: in lower case. */
export const searchEntries = (all: readonly Endpoint[]): object[] => {
  const entry = (title: string, kind: string, href: string, more = '') => {
    return { title, kind, href, words: `${title} ${kind} ${more}`.toLowerCase() }
  }
  return [
    ...all.map(({ method, path, summary, tag, id }) =>
      entry(`${method.toUpperCase()} ${path}`, summary, `/docs/reference#/${tag}/${id}`, `${tag} ${id}`),
    ),
    ...Object.entries(failures).map(([code, { title, status, detail }]) =>
      entry(code, title, `/docs/problems/${code}`, `problem ${status} ${detail}`),
    ),
    ...guides().flatMap(({ name, title, headings }) => [
      entry(title, 'guide', `/docs/guides/${name}`),
      ...headings.map(({ id, text }) => entry(text, title, `/docs/guides/${name}#${id}`)),
    ]),
  ]
}

const linesOf = (wanted: boolean, origin: string): string =>
  guides()
    .filter(({ isGuide }) => isGuide === wanted)
    .map(({ name, title, headings }) => {
      const about = headings.map(({ text }) => text).join(', ')
      return `- [${title}](${origin}/docs/guides/${name})${about && `: ${about}`}`
    })
    .join('\n')

/** An index for programs that read text (llms.txt). */
export const llmsText = (all: readonly Endpoint[], origin: string): string =>
  `# ChatHub gateway

> A backend-for-frontend for SMSBAT ChatHub. It keeps the company token, caches operator lists and limits the requests to ChatHub.
> Send a key as \`X-API-Key\` or \`Authorization: Bearer\`. Errors are problem documents (RFC 9457) with a stable \`code\`.

## Contract

- [OpenAPI 3.1 as JSON](${origin}/openapi.json): every endpoint, field, bound, example and failure
- [OpenAPI 3.1 as YAML](${origin}/openapi.yaml): the same
- [Problems](${origin}/docs/problems): every error code, its cause, its fix, and whether to retry

## Guides

${linesOf(true, origin)}

## In detail

${linesOf(false, origin)}

## Endpoints

${all.map(({ method, path, summary }) => `- \`${method.toUpperCase()} ${path}\`: ${summary}`).join('\n')}
`
