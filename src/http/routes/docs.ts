import type { IncomingMessage } from 'node:http'
import { LRUCache } from 'lru-cache'
import { atMost } from '../../at-most.ts'
import { endpoints } from '../../contract/endpoints.ts'
import { createOpenApi } from '../../contract/openapi.ts'
import { yamlOf } from '../../contract/yaml.ts'
import { Failure, type FailureCode, failures } from '../../errors.ts'
import type { Answer, BytesAnswer } from '../answer.ts'
import { assets, fileAnswer } from '../pages/built-file.ts'
import { guides } from '../pages/guides.ts'
import { htmlPage } from '../pages/page.ts'
import { problemPage, problemsPage } from '../pages/problem-pages.ts'
import { referencePage } from '../pages/reference-page.ts'
import { startPage } from '../pages/start-page.ts'
import { llmsText, searchEntries } from '../pages/text-index.ts'
import { ownOrigin } from '../request-context.ts'
import type { Router } from '../router.ts'
import type { Services } from './services.ts'

/** HTML pages and the OpenAPI document, made from the endpoint table, the failure table and the guides. */
export const mountDocs = (router: Router, { version, docsKey, access }: Services): void => {
  const all = router.endpoints
  // Some keys hold the origin, which callers choose.
  const made = new LRUCache<string, BytesAnswer>(atMost(100))
  /** Makes an answer once for each key. Nobody needs a credential to ask for it again and again. */
  const once = (key: string, make: () => BytesAnswer): BytesAnswer => {
    const answer = made.get(key) ?? { ...make(), isKept: true }
    made.set(key, answer)
    return answer
  }
  const bytesOf = (text: string, headers = {}): BytesAnswer => ({ bytes: Buffer.from(text), headers })

  for (const endpoint of [endpoints.root, endpoints.docs])
    router.bind(endpoint, ({ req }) => {
      const origin = ownOrigin(req)
      const page = { endpoints: all(), origin, sampleKey: docsKey?.reveal() }
      return once(`start ${origin}`, () => startPage(page))
    })
  router.bind(endpoints.reference, () =>
    referencePage({ sampleKey: docsKey?.reveal(), hasSessions: access.sessions !== undefined }),
  )
  router.bind(endpoints.problems, () => once('problems', problemsPage))
  router.bind(endpoints.problemPage, ({ params }) => {
    if (!Object.hasOwn(failures, params.code)) throw new Failure('route.unknown')
    return problemPage(params.code as FailureCode)
  })
  router.bind(endpoints.guide, ({ params }) => {
    const guide = guides().find(({ name }) => name === params.guide)
    if (!guide) throw new Failure('route.unknown')
    return once(`guide ${guide.name}`, () => htmlPage({ title: plain(guide.title), body: guide.html }))
  })
  router.bind(endpoints.docsFile, ({ params, req }) => {
    if (params.asset === 'search.json')
      return once('search', () => bytesOf(JSON.stringify(searchEntries(all())), json))
    return assetOf(params.asset, req)
  })
  router.bind(endpoints.widgetLoader, ({ req }) => assetOf('widget-loader.js', req))
  router.bind(endpoints.llms, ({ req }) => {
    const origin = ownOrigin(req)
    return once(`llms ${origin}`, () => bytesOf(llmsText(all(), origin)))
  })
  router.bind(endpoints.openapi, () =>
    once('openapi', () => bytesOf(JSON.stringify(createOpenApi(all(), version)))),
  )
  router.bind(endpoints.openapiYaml, () =>
    once('openapi yaml', () => bytesOf(yamlOf(createOpenApi(all(), version)))),
  )
}

const assetOf = (name: string, { headers }: IncomingMessage): Answer => {
  const file = fileAnswer(assets, name, headers['accept-encoding'])
  if (!file) throw new Failure('route.unknown')
  return file
}
const json = { 'Content-Type': 'application/json; charset=utf-8' }
const plain = (html: string): string => html.replace(/<[^>]*>/g, '')
