import { describe, expect, it } from '@jest/globals'
import { readConfig } from '../src/config.ts'
import { type Proxies, proxyFor } from '../src/outbound.ts'
import { noProxyRows, proxyRows } from './compatibility/outbound.ts'

const proxies = (env: Record<string, string>): Proxies =>
  readConfig({
    CHATHUB_COMPANY_TOKEN: 'ct_x',
    JWT_JWKS_URL: 'https://a/b',
    JWT_ISSUER: 'i',
    JWT_AUDIENCE: 'a',
    ...env,
  })

describe('the proxy', () => {
  it.each(proxyRows)('$form $example → $result', ({ target, env, proxy }) => {
    expect(proxyFor(new URL(target), proxies(env))?.origin).toBe(proxy)
  })

  it.each(noProxyRows)('$form with $example: $result', ({ target, noProxy, isDirect }) => {
    const env = { HTTPS_PROXY: 'http://proxy:3128', HTTP_PROXY: 'http://proxy:3128', NO_PROXY: noProxy }
    expect(proxyFor(new URL(target), proxies(env)) === undefined).toBe(isDirect)
  })

  it.each([
    'ftp://proxy:21',
    'socks5://proxy:1080',
    'http://',
    'http://user:p#ss@proxy:1',
    'http://u:%zz@proxy',
    'http://proxy/x',
  ])('%s is a fault of the settings that does not show a password', (text) => {
    expect(() => proxies({ HTTPS_PROXY: text })).toThrow(/HTTPS_PROXY.*: wanted: http:\/\/ or https:\/\//)
    expect(() => proxies({ HTTPS_PROXY: text })).not.toThrow(/p#ss|%zz/)
  })
})
