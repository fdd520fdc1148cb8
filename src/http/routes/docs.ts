import type { Request } from 'express'
import { endpoints } from '../../contract/endpoints.ts'
import { createOpenApi } from '../../contract/openapi.ts'
import { yamlOf } from '../../contract/yaml.ts'
import { Failure, type FailureCode, failures } from '../../errors.ts'
import { assetAnswer, guides, isAsset } from '../pages/assets.ts'
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
  const once = (write: () => string) => {
    let bytes: Buffer | undefined
    return () => {
      bytes ??= Buffer.from(write())
      return { bytes }
    }
  }
  const search = once(() => JSON.stringify(searchEntries(all())))

  for (const endpoint of [endpoints.root, endpoints.docs])
    router.bind(endpoint, ({ req }) =>
      startPage({ endpoints: all(), origin: ownOrigin(req), sampleKey: docsKey?.reveal() }),
    )
  router.bind(endpoints.reference, () =>
    referencePage({ sampleKey: docsKey?.reveal(), hasSessions: access.sessions !== undefined }),
  )
  router.bind(endpoints.problems, problemsPage)
  router.bind(endpoints.problemPage, ({ params }) => {
    if (!Object.hasOwn(failures, params.code)) throw new Failure('route.unknown')
    return problemPage(params.code as FailureCode)
  })
  router.bind(endpoints.guide, ({ params }) => {
    const guide = guides().find(({ name }) => name === params.guide)
    if (!guide) throw new Failure('route.unknown')
    return htmlPage({ title: plain(guide.title), body: guide.html })
  })
  router.bind(endpoints.docsFile, ({ params, req }) => {
    if (params.asset === 'search.json')
      return { ...search(), headers: { 'Content-Type': 'application/json; charset=utf-8' } }
    if (!isAsset(params.asset)) throw new Failure('route.unknown')
    return assetAnswer(params.asset, encodingsOf(req))
  })
  router.bind(endpoints.widgetLoader, ({ req }) => assetAnswer('widget-loader.js', encodingsOf(req)))
  router.bind(endpoints.llms, ({ req }) => ({ bytes: Buffer.from(llmsText(all(), ownOrigin(req))) }))
  router.bind(
    endpoints.openapi,
    once(() => JSON.stringify(createOpenApi(all(), version))),
  )
  router.bind(
    endpoints.openapiYaml,
    once(() => yamlOf(createOpenApi(all(), version))),
  )
}

const encodingsOf = ({ headers }: Request): string | undefined =>
  headers['accept-encoding'] as string | undefined
const plain = (html: string): string => html.replace(/<[^>]*>/g, '')
