import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type { Response } from 'supertest'
import { failures } from '../../src/errors.ts'
import { builtFile } from '../../src/http/pages/built-file.ts'
import { startGateway, type TestGateway } from '../support/gateway.ts'
import { until } from '../support/until.ts'

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

/** Every page is HTML without script or style of its own, and loads what its policy allows. */
const isSoundPage = ({ status, headers, text }: Response) => {
  expect([status, headers['content-type']]).toEqual([200, 'text/html; charset=utf-8'])
  const policy = headers['content-security-policy'] as string
  for (const part of [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "frame-ancestors 'none'",
  ])
    expect(policy).toContain(part)
  expect(policy).not.toMatch(/unsafe|\*|https?:/)
  expect(text).not.toMatch(
    /<script(?![^>]* src="\/docs\/assets\/)|javascript:|\son\w+=|\sstyle=|<style|<iframe/i,
  )
  expect(text).toMatch(/^<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">/)
  for (const [, url] of text.matchAll(/<(?:script|link|img)[^>]* (?:src|href)="([^"]+)"/g))
    expect(url).toMatch(/^\/(?!\/)/)
}
const linksIn = (text: string) =>
  [...text.matchAll(/(?:src|href)="([^"#]*)(?:#[^"]*)?"/g)].map(([, url]) => url as string)

it('a file is unpacked once for all who take no compressed one', () => {
  const file = new URL('../../dist/assets/swagger-ui-bundle.js', import.meta.url)
  const [first, second] = [builtFile(file, undefined), builtFile(file, 'identity')]
  expect(first?.bytes.length).toBeGreaterThan(1_000_000)
  expect(second?.bytes).toBe(first?.bytes)
})

describe('the pages', () => {
  it('begin at the root', async () => {
    const [root, docs] = [await page('/'), await page('/docs')]
    isSoundPage(root)
    expect(root.text).toBe(docs.text)
  })

  it('lead only to what is there, and the start page leads to all', async () => {
    const seen = new Set<string>(['/docs'])
    for (const url of seen) {
      const answer = await page(url)
      expect([url, answer.status]).toEqual([url, 200])
      if (!answer.headers['content-type']?.startsWith('text/html')) continue
      isSoundPage(answer)
      for (const link of linksIn(answer.text)) if (link.startsWith('/')) seen.add(link)
    }
    for (const url of [
      '/docs/reference',
      '/docs/problems',
      '/docs/guides/events',
      '/llms.txt',
      '/openapi.json',
    ])
      expect(seen).toContain(url)
    for (const code of Object.keys(failures)) expect(seen).toContain(`/docs/problems/${code}`)
  })

  it('name every endpoint of the OpenAPI document with its scopes', async () => {
    const { text } = await page('/docs')
    const { paths } = (await page('/openapi.json')).body as { paths: Record<string, Record<string, object>> }
    const documented = Object.entries(paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    )
    const listed = [...text.matchAll(/<code><span class="method \w+">(\w+)<\/span> ([^<]+)<\/code>/g)].map(
      ([, method, path]) => `${method} ${unescaped(path as string)}`,
    )
    expect(listed.toSorted()).toEqual(documented.toSorted())
    expect(text).toContain('Needs: <code>operators:write</code> and <code>tokens:mint</code>.')
    const index = (await page('/llms.txt')).text
    for (const line of documented) expect(index).toContain(`- \`${line}\``)
  })

  it('need no key, and show none unless DOCS_KEY is set', async () => {
    isSoundPage(await page('/docs', { 'X-API-Key': 'not-a-key' }))
    isSoundPage(await page('/docs', { Accept: 'text/html,application/xhtml+xml,*/*;q=0.8' }))
    expect((await page('/docs/reference')).text).not.toContain('gateway-key')
    const DOCS_KEY = 'a-key-for-everybody-0123456789012345'
    const demo = await startGateway({ env: { DOCS_KEY } })
    for (const path of ['/docs', '/docs/reference'])
      expect((await demo.ask('GET', path, { key: '' })).text).toContain(DOCS_KEY)
    await demo.close()
  })

  it('have samples with the address that the reader used', async () => {
    const { text } = await page('/docs', { Host: 'gateway.example.com:8443' })
    expect(text).toContain('http://gateway.example.com:8443/v1/organizations/24/operators')
  })

  it.each([
    '/docs/assets/nothing.js',
    '/docs/assets/..%2fmain.js',
    '/docs/assets/guides.json',
    '/docs/guides/nothing',
  ])('%s is 404', async (path) => {
    const { status, body } = await page(path)
    expect([status, body.code]).toEqual([404, 'route.unknown'])
  })

  it('load files that are compressed where the client takes it, and kept for an hour', async () => {
    const plain = await page('/docs/assets/docs.js', { 'Accept-Encoding': 'identity' })
    const gzip = await page('/docs/assets/docs.js', { 'Accept-Encoding': 'gzip' })
    expect([plain.headers['content-encoding'], gzip.headers['content-encoding']]).toEqual([undefined, 'gzip'])
    expect(plain.headers).toMatchObject({
      'content-type': 'text/javascript; charset=utf-8',
      'cache-control': 'public, max-age=3600',
      vary: 'Accept-Encoding, Origin',
    })
    expect(Number(gzip.headers['content-length'])).toBeLessThan(Number(plain.headers['content-length']))
  })

  it.each(['/openapi.json', '/openapi.yaml', '/llms.txt', '/docs', '/docs/assets/search.json'])(
    '%s is compressed where the client takes it',
    async (path) => {
      const [plain, answers] = [await page(path, { 'Accept-Encoding': 'identity' }), [] as Response[]]
      const isCompressed = async (): Promise<boolean> => {
        const answer = await page(path, { 'Accept-Encoding': 'gzip' })
        answers.push(answer)
        return answer.headers['content-encoding'] === 'gzip'
      }
      // The first one that asks gets it as it is.
      await until(isCompressed)
      const { headers, text } = answers.at(-1) as Response
      expect(text).toBe(plain.text)
      expect(headers['vary']).toBe('Accept-Encoding')
      expect(Number(headers['content-length'])).toBeLessThan(Number(plain.headers['content-length']) / 2)
      expect(plain.headers['content-encoding']).toBeUndefined()
    },
  )

  it('find endpoints, problems and guides', async () => {
    const entries = (await page('/docs/assets/search.json')).body as { words: string; href: string }[]
    const hrefs = (word: string) =>
      entries.filter(({ words }) => words.includes(word)).map(({ href }) => href)
    expect(hrefs('queue.full')).toContain('/docs/problems/queue.full')
    expect(hrefs('importoperators')).toContain('/docs/reference#/operations/importOperators')
    expect(hrefs('a copy that stays true')).toContain('/docs/guides/events#a-copy-that-stays-true')
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
        expect(answer.text).toContain(escaped(words).replace(/`([^`]+)`/g, '<code>$1</code>'))
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
