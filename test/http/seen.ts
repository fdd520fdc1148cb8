import type { Response } from 'supertest'

/** All that a caller sees of an answer, except for what differs with each request and with time. */
export const seen = ({ status, headers, text }: Response) => {
  const { date: _date, 'x-request-id': id, etag: _etag, age: _age, 'cache-status': how, ...rest } = headers
  const cacheStatus = how?.replace(/ttl=-?\d+/, 'ttl')
  return { status, headers: { ...rest, cacheStatus }, text: text.replaceAll(id as string, 'request-id') }
}
