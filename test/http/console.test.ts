import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { startGateway, type TestGateway } from '../support/gateway.ts'
import { sessionEnv } from './browser-session.ts'

const html = `<!doctype html><html lang="en"><head><meta name="csp-nonce" content="NONCE">
<script>
const first = "<'read'>"
</script><script type="module" src="./assets/main-1a2b.js"></script><link rel="stylesheet" href="./assets/main-3c4d.css"></head></html>`
const script = 'export const a = 1'

let folder: string
let gateway: TestGateway
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'console-'))
  await mkdir(join(folder, 'assets'))
  await writeFile(join(folder, 'index.html'), html)
  await writeFile(join(folder, 'icon.svg'), '<svg xmlns="http://www.w3.org/2000/svg"/>')
  await writeFile(join(folder, 'assets/main-1a2b.js'), script)
  await writeFile(join(folder, 'assets/main-1a2b.js.gz'), gzipSync(script))
  await writeFile(join(folder, '..', 'outside-of-console.js'), 'secret')
  gateway = await startGateway({ env: sessionEnv, consoleFolder: pathToFileURL(`${folder}/`) })
})
afterAll(async () => {
  await gateway.close()
  await rm(folder, { recursive: true })
  await rm(join(folder, '..', 'outside-of-console.js'))
})

const get = (path: string, headers: Record<string, string> = {}) =>
  gateway.ask('GET', path, { key: '', headers })
/** Of the script within the page, as a browser takes it (CSP Level 3 §6.7.3.3). */
const hashOf = (text: string) =>
  createHash('sha256')
    .update(/<script>(.*?)<\/script>/s.exec(text)?.[1] ?? '')
    .digest('base64')
const nonceIn = (text: string) => /<meta name="csp-nonce" content="([^"]+)">/.exec(text)?.[1]

describe('the page of the console', () => {
  it('is the same at each of its paths, never stored, with a nonce of its own in head and policy', async () => {
    const nonces = new Set<string | undefined>()
    for (const path of ['/console', '/console/', '/console/organizations/24', '/console/a%2F..%2Fb']) {
      const { status, text, headers } = await get(path, { Accept: 'text/html' })
      expect([path, status]).toEqual([path, 200])
      expect(headers).toMatchObject({
        'content-type': 'text/html; charset=utf-8',
        'cache-control': 'no-store',
        'cross-origin-opener-policy': 'same-origin',
        'referrer-policy': 'no-referrer',
        'x-content-type-options': 'nosniff',
        'content-security-policy': `default-src 'none'; script-src 'self' 'sha256-${hashOf(text)}'; style-src 'self' 'nonce-${nonceIn(text)}'; img-src 'self' data:; connect-src 'self'; font-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'`,
      })
      expect(text).toContain('src="/console/assets/main-1a2b.js"')
      expect(text).toContain('href="/console/assets/main-3c4d.css"')
      nonces.add(nonceIn(text))
    }
    expect([nonces.size, nonces.has('NONCE')]).toEqual([4, false])
  })

  it('loads files that are compressed where the client takes it, and kept for ever when their name has a hash', async () => {
    const path = '/console/assets/main-1a2b.js'
    for (const [accepted, coding] of [
      ['br, gzip', 'gzip'],
      ['identity', undefined],
    ] as const) {
      const { status, headers } = await get(path, { 'Accept-Encoding': accepted })
      expect([status, headers['content-encoding']]).toEqual([200, coding])
      expect(headers).toMatchObject({
        'content-type': 'text/javascript; charset=utf-8',
        'cache-control': 'public, max-age=31536000, immutable',
        vary: 'Accept-Encoding, Origin',
      })
    }
    expect((await get('/console/icon.svg')).headers['cache-control']).toBe('public, max-age=3600')
  })

  it.each([
    '/console/assets/none.js',
    '/console/..%2Foutside-of-console.js',
    '/console/%2e%2e/outside-of-console.js',
    '/console/assets/..%2f..%2foutside-of-console.js',
    '/console/assets/.hidden.js',
    '/console/a%00.js',
  ])('does not find %s', async (path) => {
    const { status, body } = await get(path)
    expect([status, body.code]).toEqual([404, 'route.unknown'])
  })

  it('is 404 and says how to build it when it was not built', async () => {
    const own = await startGateway({
      env: sessionEnv,
      consoleFolder: new URL('none/', pathToFileURL(folder)),
    })
    const { status, body } = await own.ask('GET', '/console', { key: '' })
    expect([status, body.code]).toEqual([404, 'console.unavailable'])
    expect(body.detail).toContain('npm run build')
    await own.close()
  })

  it('is where the build leaves it', async () => {
    const own = await startGateway({ consoleFolder: 'built' })
    const isBuilt = existsSync(new URL('../../dist/console/index.html', import.meta.url))
    expect((await own.ask('GET', '/console', { key: '' })).status).toBe(isBuilt ? 200 : 404)
    await own.close()
  })
})

describe('without SESSION_SECRET', () => {
  it('a HOST that others reach has neither console nor sessions, and says which settings enable them', async () => {
    const own = await startGateway({ env: { HOST: '0.0.0.0' }, consoleFolder: pathToFileURL(`${folder}/`) })
    for (const path of ['/console', '/console/', '/console/assets/main-1a2b.js']) {
      const { status, body } = await own.ask('GET', path, { key: '' })
      expect([path, status, body.code]).toEqual([path, 404, 'console.unavailable'])
      for (const name of ['SESSION_SECRET', 'SESSION_SECRET_FILE', 'HOST', 'REDIS_URL'])
        expect(body.detail).toContain(name)
    }
    await own.close()
  })

  it('a HOST of this machine alone has both', async () => {
    const own = await startGateway({ env: { HOST: 'localhost' }, consoleFolder: pathToFileURL(`${folder}/`) })
    expect((await own.ask('GET', '/console', { key: '' })).status).toBe(200)
    expect((await own.ask('GET', '/v1/session')).body.code).toBe('credential.missing')
    await own.close()
  })
})
