import type { Dice } from './dice.ts'
import type { OpenApi, Operation, Parameter } from './document.ts'
import type { Pool } from './pool.ts'
import { nearly, oddText, oddValue, type Place, textOf, validValue } from './values.ts'

export type Headers = Record<string, string>
export type Made = {
  method: string
  url: string
  headers: Headers
  body?: string | Buffer
  operation: Operation
}

/** A key with every right, sessions of it, and keys with fewer rights or none. */
export type Credentials = { key: string; sessions: readonly Headers[]; lesser: readonly string[] }
type Source = { operations: Operation[]; document: OpenApi; pool: Pool; credentials: Credentials }

const methods = ['GET', 'POST', 'PATCH', 'DELETE', 'PUT', 'HEAD', 'OPTIONS']
/** What any request may carry, as documented for all or as a browser, a proxy or an attacker adds it. */
const commonHeaders: Record<string, readonly string[]> = {
  Accept: [
    '*/*',
    'application/json',
    'text/csv',
    'application/x-ndjson',
    'text/html',
    'text/plain;q=0.5',
    'x',
    '',
  ],
  'Accept-Encoding': ['identity', 'gzip', 'br', 'gzip;q=0', '*;q=0', 'zstd, br'],
  'Cache-Control': ['no-cache', 'max-age=0', 'no-store', 'only-if-cached'],
  'If-None-Match': ['*', '"x"', 'W/"x", "y"', 'x'],
  'If-Match': ['*', '"x"'],
  'If-Modified-Since': ['Thu, 01 Jan 2026 00:00:00 GMT', 'x'],
  'X-Request-Id': ['a-good-request-id', 'short', 'a b', '<x>'],
  'Idempotency-Key': ['k', 'key-2', 'é'],
  Origin: ['null', 'https://evil.example', 'https://crm.example.com', 'x'],
  Cookie: ['a=b', '__Host-chathub-session=x', ';;=', '__Host-chathub-session=x; __Host-chathub-session=y'],
  'X-Gateway-Session': ['1'],
  'Content-Encoding': ['gzip', 'identity', 'br'],
  Range: ['bytes=0-1', 'x'],
  'X-Forwarded-For': ['127.0.0.1', '::1, x'],
  'X-Forwarded-Host': ['evil.example'],
  'X-HTTP-Method-Override': ['DELETE'],
  'Access-Control-Request-Method': ['POST'],
  'Last-Event-ID': ['0', 'x', '99999999999999999999'],
  Prefer: ['respond-async'],
  'User-Agent': [''],
}

/** What a header may carry at all. */
const asHeader = (text: string): string => text.replace(/[^\x20-\x7e]/g, '').trim()
const asPart = (text: string): string => encodeURIComponent(text.toWellFormed())

const asText = (value: unknown): string =>
  typeof value === 'object' && !Array.isArray(value) ? JSON.stringify(value) : String(value)

const textOrOdd = ({ name, schema }: Parameter, place: Place, isOdd: boolean): unknown =>
  isOdd ? oddText(place.dice) : validValue(schema, place, name)

const urlOf = ({ path, parameters = [] }: Operation, place: Place, odd: number): string => {
  const { dice } = place
  let url = path
  const pairs: string[] = []
  for (const parameter of parameters) {
    const isOdd = dice.chance(odd)
    if (parameter.in === 'path') {
      const text = asPart(asText(textOrOdd(parameter, place, isOdd)))
      url = url.replace(`{${parameter.name}}`, () => text || '%20')
    } else if (parameter.in === 'query' && (parameter.required ? !dice.chance(odd) : dice.chance(0.25)))
      pairs.push(`${parameter.name}=${asPart(asText(textOrOdd(parameter, place, isOdd)))}`)
  }
  if (dice.chance(odd)) pairs.push(`${asPart(oddText(dice))}=${asPart(oddText(dice))}`)
  if (pairs.length > 0 && dice.chance(odd)) pairs.push(dice.pick(pairs))
  if (dice.chance(odd / 10)) pairs.push(dice.pick(['%', '%zz=1', 'a=%ff', '=', '&&', 'x'.repeat(9000)]))
  return pairs.length > 0 ? `${url}?${pairs.join('&')}` : url
}

const headersOf = ({ parameters = [] }: Operation, place: Place, odd: number): Headers => {
  const { dice, pool } = place
  const headers: Headers = {}
  for (const parameter of parameters)
    if (parameter.in === 'header' && dice.chance(0.3))
      headers[parameter.name] = asHeader(asText(textOrOdd(parameter, place, dice.chance(odd)))) || 'k'
  const tag = dice.chance(0.15) ? pool.draw(dice, 'etag', '') : undefined
  if (tag !== undefined) headers['If-None-Match'] = String(tag)
  const origin = dice.chance(0.1) ? pool.draw(dice, 'origin', '') : undefined
  if (origin !== undefined) headers['Origin'] = asHeader(String(origin))
  for (let left = dice.chance(odd + 0.1) ? 1 + dice.below(3) : 0; left > 0; left--) {
    const name = dice.pick(Object.keys(commonHeaders))
    headers[name] = dice.chance(0.8) ? dice.pick(commonHeaders[name] as string[]) : asHeader(oddText(dice))
  }
  return headers
}

const boundary = 'a-boundary-of-the-generator'
const asForm = (fields: object): string => `${partsOf(fields)}--${boundary}--\r\n`
const partsOf = (fields: object): string =>
  Object.entries(fields)
    .map(
      ([name, value]) =>
        `--${boundary}\r\nContent-Disposition: form-data; name="${name}"; filename="f.csv"\r\n\r\n${value}\r\n`,
    )
    .join('')

/** The value as bytes of this media type. */
const encoded = (type: string, value: unknown): string => {
  if (type.includes('json')) return JSON.stringify(value) ?? 'undefined'
  return type.startsWith('multipart/') ? asForm(Object(value)) : asText(value)
}

const labelOf = (type: string): string =>
  type.startsWith('multipart/') ? `${type}; boundary=${boundary}` : type

/** Bytes that are hardly what was asked for. */
const spoiled = (text: string, dice: Dice): string | Buffer =>
  dice.pick<() => string | Buffer>([
    () => text.slice(0, -1),
    () => `${text}${text}`,
    () => `\ufeff${text}`,
    () => text.replace('"', "'"),
    () => '['.repeat(1 + dice.below(20_000)),
    () => `{"__proto__":${text || 1}}`,
    () => text.replace('{', '{"a":1,"a":2,'),
    () => `${text.slice(0, -1)},"n":1e999}`,
    () => Buffer.concat([Buffer.from(text), Buffer.from([0xff, 0xfe, 0, 0xc3])]),
    () => Buffer.from(text, 'utf16le'),
    () => Buffer.from([0x50, 0x4b, 3, 4, ...Array.from({ length: dice.below(60) }, () => dice.below(256))]),
    () => JSON.stringify(oddValue(dice)),
    () => oddText(dice).toWellFormed(),
    () => textOf(dice, dice.chance(0.1) ? 70_000 : 40),
    () => '',
  ])()

/** The key as one of the ways that the operation documents. */
const withKey = ({ security = [] }: Operation, key: string, { dice, document }: Place): Headers => {
  // A session needs two headers at once, so it is no way for a key.
  const usable = security
    .flatMap((ways) => (Object.keys(ways).length === 1 ? Object.keys(ways) : []))
    .map((name) => document.components.securitySchemes[name])
    .filter((each) => each?.scheme === 'bearer' || each?.in === 'header')
  const scheme = usable.length > 0 ? dice.pick(usable) : { type: 'http', scheme: 'bearer' }
  return scheme?.scheme === 'bearer' ? { Authorization: `Bearer ${key}` } : { [String(scheme?.name)]: key }
}

const credentialOf = (
  operation: Operation,
  { key, sessions, lesser }: Credentials,
  place: Place,
  odd: number,
): Headers => {
  const { dice } = place
  const { security = [] } = operation
  const onlySession = security.length > 0 && security.every((ways) => 'session' in ways)
  if (!dice.chance(odd / 2))
    return onlySession || dice.chance(0.05) ? dice.pick(sessions) : withKey(operation, key, place)
  const other = dice.pick(lesser)
  if (dice.chance(0.15)) return { Authorization: `Bearer ${key}`, 'X-API-Key': other }
  return dice.chance(0.2) ? {} : withKey(operation, other, place)
}

const bodyOf = (
  operation: Operation,
  place: Place,
  odd: number,
): { body?: string | Buffer; type?: string } => {
  const { dice } = place
  const content = operation.requestBody?.content
  if (!content) return dice.chance(odd / 5) ? { body: '{}', type: 'application/json' } : {}
  if (dice.chance(odd / 5)) return {}
  const type = dice.pick(Object.keys(content))
  const made = validValue(content[type]?.schema ?? {}, place, '')
  const value = dice.chance(odd) ? nearly(made, dice) : made
  const text = encoded(type, value)
  return {
    body: dice.chance(odd / 3) ? spoiled(text, dice) : text,
    type: dice.chance(odd / 5)
      ? asHeader(dice.pick(['text/csv', 'application/json; charset=utf-16', 'x', oddText(dice)]))
      : labelOf(type),
  }
}

/** Makes one request. About a half are valid, a third have a fault, and a sixth are hostile. */
export const makeRequest = ({ operations, document, pool, credentials }: Source, dice: Dice): Made => {
  const operation = dice.pick(operations)
  const place: Place = { dice, pool, document, path: operation.path }
  const kind = dice.below(6)
  const odd = kind < 3 ? 0 : kind < 5 ? 0.25 : 0.6
  const { body, type } = bodyOf(operation, place, odd)
  const headers = {
    ...credentialOf(operation, credentials, place, odd),
    ...(type && { 'Content-Type': type }),
    ...headersOf(operation, place, odd),
  }
  const url = dice.chance(odd / 12)
    ? `/${Array.from({ length: dice.below(5) }, () => asPart(oddText(dice))).join('/')}`
    : urlOf(operation, place, odd)
  const method = dice.chance(odd / 6) ? dice.pick(methods) : operation.method
  return { operation, method, url, headers, ...(body !== undefined && { body }) }
}
