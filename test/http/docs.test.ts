import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type { Response } from 'supertest'
import { failures } from '../../src/errors.ts'
import { startGateway, type TestGateway } from '../support/gateway.ts'

let gateway: TestGateway
beforeAll(async () => {
  gateway = await startGateway({ env: { SESSION_SECRET: 'a-secret-of-at-least-32-characters' } })
})
afterAll(() => gateway.close())

const page = (path: string, headers: Record<string, string> = {}) =>
  gateway.ask('GET', path, { key: '', headers })
const unescaped = (html: string) =>
  html.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&quot;', '"').replaceAll('&amp;', '&')
const escaped = (text: string) =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')

/** Every page is HTML, runs no script, and has exactly the style that its policy allows. */
const isSoundPage = ({ status, headers, text }: Response) => {
  expect([status, headers['content-type']]).toEqual([200, 'text/html; charset=utf-8'])
  const policy = headers['content-security-policy'] as string
  const styles = [...text.matchAll(/<style>(.*?)<\/style>/gs)].map(([, style]) => style as string)
  expect(styles).toHaveLength(1)
  const digest = createHash('sha256')
    .update(styles[0] as string)
    .digest('base64')
  expect(policy).toContain(`style-src 'sha256-${digest}'`)
  expect(policy).toContain("default-src 'none'")
  expect(policy).not.toMatch(/unsafe|\*|https?:/)
  expect(text).not.toMatch(/<script|javascript:|\son\w+=|\sstyle=|<img|<link|<iframe/i)
  expect(text).toMatch(/^<!doctype html><html lang="en"><head><meta charset="utf-8">/)
}

describe('/docs', () => {
  it('lists every endpoint of the OpenAPI document with its scopes', async () => {
    const { text } = await page('/docs')
    const { paths } = (await page('/openapi.json')).body as { paths: Record<string, Record<string, object>> }
    const documented = Object.entries(paths).flatMap(([path, methods]) =>
      Object.keys(methods)
        .filter((method) => /^(get|post|patch|delete|put)$/.test(method))
        .map((method) => `${method.toUpperCase()} ${path}`),
    )
    const listed = [...text.matchAll(/<code>((?:GET|POST|PATCH|DELETE) [^<]+)<\/code>/g)].map(([, line]) =>
      unescaped(line as string),
    )
    expect(documented.length).toBeGreaterThan(30)
    expect(listed.toSorted()).toEqual(documented.toSorted())
    expect(text).toMatch(/<code>sessions:mint *<\/code>/)
    expect(text).toContain('<code>operators:write tokens:mint</code>')
  })

  it('links to the page of every failure', async () => {
    const { text } = await page('/docs')
    const linked = [...text.matchAll(/href="\/docs\/problems\/([^"]+)"/g)].map(([, code]) => code)
    expect(linked).toEqual(Object.keys(failures))
  })

  it('runs no script and needs no key; a credential is ignored', async () => {
    isSoundPage(await page('/docs'))
    isSoundPage(await page('/docs', { 'X-API-Key': 'not-a-key' }))
    isSoundPage(await page('/docs', { Accept: 'text/html,application/xhtml+xml,*/*;q=0.8' }))
  })
})

describe('the page of a problem', () => {
  it.each(Object.keys(failures) as (keyof typeof failures)[])(
    '%s names cause, fix and whether to retry',
    async (code) => {
      const answer = await page(`/docs/problems/${code}`)
      isSoundPage(answer)
      const { status, title, detail, fix, retry } = failures[code]
      for (const words of [code, `status ${status}`, title, detail, fix])
        expect(answer.text).toContain(escaped(words))
      const sentence = { no: 'No: ', later: 'Retry-After', now: 'Yes, at once', check: 'Not yet: ' }[retry]
      expect(answer.text.split('<h2>Retry?</h2>')[1]).toContain(sentence)
    },
  )

  it('advises to check first when the request may have been carried out', async () => {
    for (const code of ['write.in-doubt', 'gateway.internal']) {
      const { text } = await page(`/docs/problems/${code}`)
      expect(text).toContain('Read the current state first.')
      expect(text).not.toContain('fails again')
    }
  })

  it('is at the URL in the type of the problem document', async () => {
    const { body } = await page('/v1/me')
    expect((await page(body.type)).text).toContain(`<code>${body.code}</code>`)
  })

  it.each([
    'nothing',
    'constructor',
    '__proto__',
    'toString',
    'CSRF.REFUSED',
    'csrf.refused%20',
    '%3Cscript%3Ealert(1)%3C%2Fscript%3E',
    'a'.repeat(3000),
  ])('%.40s does not exist, and the answer does not repeat the code', async (code) => {
    const { status, body, text, headers } = await page(`/docs/problems/${code}`)
    expect([status, body.code, headers['content-type']]).toEqual([
      404,
      'route.unknown',
      'application/problem+json; charset=utf-8',
    ])
    expect(text).not.toContain('<script')
    expect(text).not.toContain('aaaaaaaaaa')
  })
})
