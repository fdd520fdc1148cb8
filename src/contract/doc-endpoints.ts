import { z } from 'zod'
import type { Endpoint } from './endpoints.ts'
import * as system from './system.ts'

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
  llms: { ...page, id: 'getLlmsText', path: '/llms.txt', produces: 'text/plain',
    summary: 'Get an index of the documentation for programs that read text.' },
  openapi: { id: 'getOpenApi', method: 'get', path: '/openapi.json', scope: 'open', tag: 'gateway',
    summary: 'Get this document.',
    answers: { 200: system.OpenApiDocument } },
  openapiYaml: { ...page, id: 'getOpenApiYaml', path: '/openapi.yaml', produces: 'application/yaml',
    summary: 'Get this document as YAML.' },
} as const satisfies Record<string, Endpoint>
