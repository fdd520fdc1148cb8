import { get } from 'node:http'
import type { TestGateway } from '../support/gateway.ts'

/** Opens an event stream of an operation, and resolves when it has begun. The returned function ends it. */
export const holdsEventStreams = (
  { url }: TestGateway,
  key: string,
  operation: string,
): Promise<() => void> =>
  new Promise((resolve, reject) => {
    const req = get(`${url}/v1/operations/${operation}/events`, { headers: { 'X-API-Key': key } }, (res) => {
      res.on('error', () => {})
      res.once('data', () => resolve(() => void req.destroy()))
    })
    req.on('error', reject)
  })
