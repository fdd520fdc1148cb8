import { request } from 'node:http'
import type { TestGateway } from '../support/gateway.ts'

export type Raw = { status: number; headers: Record<string, string>; body: Buffer }

/** One request whose bytes go and come as they are, which supertest would pack and unpack. Chunked without a length. */
export const raw = (
  { url, key }: TestGateway,
  path: string,
  options: { method?: string; headers?: Record<string, string>; body?: Buffer | string } = {},
): Promise<Raw> =>
  new Promise((resolve, reject) => {
    const { method = 'GET', headers = {}, body } = options
    const sent = request(url + path, { method, headers: { 'X-API-Key': key, ...headers } }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk) => chunks.push(chunk))
      response.on('end', () =>
        resolve({
          status: response.statusCode as number,
          headers: response.headers as Record<string, string>,
          body: Buffer.concat(chunks),
        }),
      )
    })
    sent.on('error', reject)
    if (body !== undefined) sent.write(body)
    sent.end()
  })
