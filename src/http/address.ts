import type { Request } from 'express'
import { LRUCache } from 'lru-cache'
import { z } from 'zod'
import type { Endpoint } from '../contract/endpoints.ts'
import { Failure, type Fault } from '../errors.ts'
import { type Checked, check, pointerTo } from './validate.ts'

/** The path and query of a URL, parsed. The values may be used when there are no faults. */
export type Address = { params: unknown; query: unknown; pathFaults: Fault[]; queryFaults: Fault[] }

// Callers choose their URLs: together these bound the memory for parsed ones.
const addressesMax = 5000
const addressLengthMax = 512

/**
 * Reads addresses in two steps: the first only refuses a credential in the URL, the returned function parses path and query.
 * Addresses of reads without faults are cached.
 * @throws Failure `credential.in-url`
 */
export const createAddressReader = (): ((endpoint: Endpoint, req: Request) => () => Address) => {
  const cached = new LRUCache<string, Address>({ max: addressesMax })
  return (endpoint, req) => {
    const known = endpoint.method === 'get' ? cached.get(req.url) : undefined
    if (known) return () => known
    const given = queryOf(req.url)
    if (!endpoint.dropIn) refuseCredentials(given.value)
    return () => {
      const { value: params, faults: pathFaults } = check(endpoint.params, req.params, '/path')
      const schema = endpoint.query ?? (endpoint.dropIn ? undefined : noQuery)
      const { value: query, faults: queryFaults } = checkQuery(schema, given)
      const address = { params, query, pathFaults, queryFaults }
      const isSound = pathFaults.length === 0 && queryFaults.length === 0
      if (endpoint.method === 'get' && isSound && req.url.length <= addressLengthMax)
        cached.set(req.url, address)
      return address
    }
  }
}

const noQuery = z.strictObject({})

const parametersMax = 100
const tooMany: Fault = { pointer: '/query', code: 'length', detail: `At most ${parametersMax} parameters.` }

/** The query of a URL as an object. A repeated parameter and broken percent-encoding are faults. */
const queryOf = (url: string): Checked<Record<string, string>> => {
  const at = url.indexOf('?')
  const value: Record<string, string> = Object.create(null)
  const faults: Fault[] = []
  const parts = at === -1 ? [] : url.slice(at + 1).split('&')
  if (parts.length > parametersMax) return { value, faults: [tooMany] }
  for (const part of parts) {
    if (part === '') continue
    const equals = part.indexOf('=')
    const name = decode(equals === -1 ? part : part.slice(0, equals))
    const text = decode(equals === -1 ? '' : part.slice(equals + 1))
    const place = pointerTo('/query', name === undefined ? [] : [name])
    if (name === undefined || text === undefined)
      faults.push({ pointer: place, code: 'encoding', detail: 'Not valid percent-encoded UTF-8.' })
    else if (Object.hasOwn(value, name))
      faults.push({ pointer: place, code: 'repeated', detail: 'Given more than once.' })
    else value[name] = text
  }
  return { value, faults }
}

/** The query checked against its schema, with the faults of both; at most one fault for a parameter that did not parse. */
const checkQuery = <S extends z.ZodType>(
  schema: S | undefined,
  { value: given, faults }: Checked<Record<string, string>>,
): Checked<z.output<S>> => {
  // Too many parameters are not read at all, so it is unknown which are missing or wrong.
  const { value, faults: more } = check(faults.includes(tooMany) ? undefined : schema, given, '/query')
  const told = new Set(faults.map(({ pointer }) => pointer))
  return { value, faults: [...faults, ...more.filter(({ pointer }) => !told.has(pointer))] }
}

const credentialName =
  /^((x-)?api[-_]?key|key|((access|auth|id|session)[-_]?)?token|(x-)?authorization(-key)?|bearer|password|secret)$/i
const credentialText = /^cg[wt]_/i

/** @throws Failure `credential.in-url` when the name or value of a parameter is a credential */
const refuseCredentials = (query: Record<string, string>): void => {
  for (const [name, text] of Object.entries(query))
    if (credentialName.test(name) || credentialText.test(name) || credentialText.test(text))
      throw new Failure('credential.in-url')
}

const decode = (text: string): string | undefined => {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    return undefined
  }
}
