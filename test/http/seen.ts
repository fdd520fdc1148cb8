import type { Response } from 'supertest'
import { withoutTime } from '../support/without-time.ts'

/** All that a caller sees of an answer, except for what differs with each request and with time. */
export const seen = ({ status, headers, text }: Response) => {
  const { etag: _, ...rest } = withoutTime(headers)
  return { status, headers: rest, text: text.replaceAll(headers['x-request-id'] as string, 'request-id') }
}
