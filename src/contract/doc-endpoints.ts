import { z } from 'zod'
import type { Endpoint } from './endpoints.ts'
import * as system from './system.ts'

/** What Express gives for the rest of a path: its segments, none for an empty one. */
const RestOfPath = z
  .array(z.string())
  .default([])
  .transform((segments) => segments.join('/'))
  .meta({ openapi: { type: 'string' } })

/** Providers add parameters of their own. What counts is checked against the attempt of the browser. */
const ProviderAnswer = z.looseObject({
  code: z.string().optional().describe('Of the provider, for one use.'),
  state: z.string().optional().describe('Of the attempt that this browser began.'),
  error: z.string().optional().describe('Why the provider signed nobody in.'),
})

/** Media types of files that the console loads. */
export const pageFiles = [
  'text/css',
  'text/javascript',
  'image/svg+xml',
  'image/png',
  'image/x-icon',
  'font/woff2',
  'application/manifest+json',
  'text/plain',
]

const page = {
  method: 'get',
  scope: 'open',
  tag: 'gateway',
  produces: 'text/html',
  answers: { 200: z.string() },
} as const

/** The pages and documents about the gateway. Nobody needs a credential. */
// biome-ignore format: a table reads best one row a line
export const docEndpoints = {
  root: { ...page, id: 'getRoot', path: '/',
    summary: 'The same page as `/docs`.' },
  docs: { ...page, id: 'getDocs', path: '/docs',
    summary: 'Read what the gateway is, how to call it, and where everything else is.' },
  reference: { ...page, id: 'getReference', path: '/docs/reference',
    summary: 'Read about every endpoint, and try it.' },
  problems: { ...page, id: 'getProblems', path: '/docs/problems',
    summary: 'Read the list of error codes.' },
  problemPage: { ...page, id: 'getProblemPage', path: '/docs/problems/{code}',
    summary: 'Read about one problem: its cause, its fix, and whether to retry.',
    params: z.strictObject({ code: z.string().describe('The `code` of a problem document.') }), failures: ['route.unknown'] },
  guide: { ...page, id: 'getGuide', path: '/docs/guides/{guide}',
    summary: 'Read a guide.',
    params: z.strictObject({ guide: z.string().describe('The name of a guide, as `/docs` links to it.') }), failures: ['route.unknown'] },
  docsFile: { id: 'getDocsFile', method: 'get', path: '/docs/assets/{asset}', scope: 'open', tag: 'gateway', producesToo: ['text/css', 'text/javascript', 'image/svg+xml', 'text/plain'],
    summary: 'Get a file that the pages load. `search.json` is what their search finds.',
    params: z.strictObject({ asset: z.string().describe('The name of the file.') }), answers: { 200: system.SearchEntries }, failures: ['route.unknown'] },
  console: { ...page, id: 'getConsole', path: '/console', headers: ['Cross-Origin-Opener-Policy'],
    summary: 'The page for people who run operators. It signs in by a link or an identity provider and calls this API.',
    failures: ['console.unavailable'] },
  consoleLogin: { id: 'getConsoleLogin', method: 'get', path: '/console/login', scope: 'open', tag: 'gateway', headers: ['Location', 'Set-Cookie'],
    summary: 'Go to the identity provider, to sign in to the console.',
    answers: { 302: null } },
  consoleCallback: { id: 'getConsoleCallback', method: 'get', path: '/console/callback', scope: 'open', tag: 'gateway', headers: ['Location', 'Set-Cookie'],
    summary: 'Come back from the identity provider. The browser goes on to the console with a session, or with `#error=` and a code.',
    query: ProviderAnswer, answers: { 302: null } },
  consoleLogout: { id: 'getConsoleLogout', method: 'get', path: '/console/logout', scope: 'open', tag: 'gateway', headers: ['Location'],
    summary: 'Go to the identity provider, to sign out there too. `DELETE /v1/session` comes first.',
    answers: { 302: null } },
  consoleFile: { ...page, id: 'getConsoleFile', path: '/console/{path}', producesToo: pageFiles, headers: ['Cross-Origin-Opener-Policy'],
    summary: 'Get a file that the console loads, or the page itself for every other path below it.',
    params: z.strictObject({ path: RestOfPath.describe('The rest of the path, with its slashes.') }), failures: ['route.unknown', 'console.unavailable'] },
  widgetLoader: { ...page, id: 'getWidgetLoader', path: '/widget/loader.js', produces: 'text/javascript',
    summary: 'Get the script that places the widget of ChatHub in a page of yours.' },
  llms: { ...page, id: 'getLlmsText', path: '/llms.txt', produces: 'text/plain',
    summary: 'Get an index of the documentation for programs that read text.' },
  openapi: { id: 'getOpenApi', method: 'get', path: '/openapi.json', scope: 'open', tag: 'gateway',
    summary: 'Get this document.',
    answers: { 200: system.OpenApiDocument } },
  openapiYaml: { ...page, id: 'getOpenApiYaml', path: '/openapi.yaml', produces: 'application/yaml',
    summary: 'Get this document as YAML.' },
} as const satisfies Record<string, Endpoint>
