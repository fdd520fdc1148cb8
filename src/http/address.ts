import type { Request } from 'express'
import { LRUCache } from 'lru-cache'
import { z } from 'zod'
import { atMost } from '../at-most.ts'
import type { Endpoint } from '../contract/endpoints.ts'
import { isListText } from '../contract/ids.ts'
import { Failure, type Fault } from '../errors.ts'
import { type Checked, check, pointerTo } from './validate.ts'

/** The path and query of a URL, parsed. The values may be used when there are no faults. */
export type Address = { params: unknown; query: unknown; pathFaults: Fault[]; queryFaults: Fault[] }

// Parsing is a third of the cost of a read. Callers choose their URLs: together these bound the memory for parsed ones.
const urlMax = 512
const parsed = new LRUCache<string, Address>(atMost(5000))

/** The path and query of a request. That of a read without faults is parsed once. @throws Failure `credential.in-url` */
export const readAddress = (endpoint: Endpoint, req: Request): Address => {
  const isRead = endpoint.method === 'get' && req.url.length <= urlMax
  const known = isRead ? parsed.get(req.url) : undefined
  if (known) return known
  const address = parseAddress(endpoint, req)
  if (isRead && address.pathFaults.length + address.queryFaults.length === 0) parsed.set(req.url, address)
  return address
}

/** What a tool gives instead of URL and body. */
export type Given = { params: unknown; query: unknown; body: unknown }

/** The same for values that are not in a URL. Their places are those among the arguments of a tool. */
export const checkAddress = (endpoint: Endpoint, given: Given): Address => {
  const path = check(endpoint.params, given.params, '')
  const query = check(endpoint.query ?? noQuery, given.query, '')
  return { params: path.value, pathFaults: path.faults, query: query.value, queryFaults: query.faults }
}

const parseAddress = (endpoint: Endpoint, req: Request): Address => {
  const given = queryOf(req.url, endpoint)
  if (!endpoint.dropIn) refuseCredentials(given.value)
  const path = check(endpoint.params, req.params, '/path')
  // Too many parameters are not read at all, so it is unknown which are missing or wrong.
  const isRead = !given.faults.includes(tooMany)
  const schema = endpoint.query ?? (endpoint.dropIn ? undefined : noQuery)
  const query = check(isRead ? schema : undefined, given.value, '/query')
  const known = new Set(given.faults.map(({ pointer }) => pointer))
  const queryFaults = [...given.faults, ...query.faults.filter(({ pointer }) => !known.has(pointer))]
  return { params: path.value, pathFaults: path.faults, query: query.value, queryFaults }
}

const noQuery = z.strictObject({})

const parametersMax = 100
const tooMany: Fault = {
  pointer: '/query',
  code: 'length',
  detail: `Wanted: at most ${parametersMax} parameters.`,
}

const isList = ({ query }: Endpoint, name: string): boolean =>
  query !== undefined && Object.hasOwn(query.shape, name) && isListText(query.shape[name] as z.ZodType)

/** The query of a URL as an object. A repeated list is one list. Any other repetition and broken encoding are faults. */
const queryOf = (url: string, endpoint: Endpoint): Checked<Record<string, string>> => {
  const at = url.indexOf('?')
  const value: Record<string, string> = Object.create(null)
  const parts = at === -1 ? [] : url.slice(at + 1).split('&')
  if (parts.length > parametersMax) return { value, faults: [tooMany] }
  const faults: Fault[] = []
  for (const part of parts.filter(Boolean)) {
    const equals = `${part}=`.indexOf('=')
    const name = decode(part.slice(0, equals))
    const text = decode(part.slice(equals + 1))
    const pointer = pointerTo('/query', name === undefined ? [] : [name])
    if (name === undefined || text === undefined)
      faults.push({ pointer, code: 'encoding', detail: 'Wanted: percent-encoded UTF-8.' })
    else if (Object.hasOwn(value, name) && isList(endpoint, name)) value[name] += `,${text}`
    else if (Object.hasOwn(value, name))
      faults.push({ pointer, code: 'repeated', detail: 'Given more than once. Wanted: once.' })
    else value[name] = text
  }
  return { value, faults }
}

const credentialName =
  /^((x-)?api[-_]?key|key|((access|auth|id|session)[-_]?)?token|(x-)?authorization(-key)?|bearer|password|secret)$/i
const credentialText = /^cg[wt]_/i

/** @throws Failure `credential.in-url` when the name or value of a parameter is a credential */
const refuseCredentials = (query: Record<string, string>): void => {
  for (const [name, text] of Object.entries(query)) {
    const isShown = !credentialText.test(name)
    if (isShown && !credentialName.test(name) && !credentialText.test(text)) continue
    const pointer = pointerTo('/query', isShown ? [name] : [])
    const detail = 'Wanted: the credential in a header.'
    throw new Failure('credential.in-url', { errors: [{ pointer, code: 'credential', detail }] })
  }
}

const decode = (text: string): string | undefined => {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    return undefined
  }
}
