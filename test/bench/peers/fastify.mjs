// node fastify.mjs BODY-FILE SHA256-OF-KEY: fastify with a key check, answering a Buffer.
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import fastify from 'fastify'

const [bodyFile, keyHash] = process.argv.slice(2)
const body = readFileSync(bodyFile)
const app = fastify()
const known = new Map()
app.get('/v1/organizations/:org/operators', (request, reply) => {
  const key = request.headers['x-api-key'] ?? ''
  if (!known.has(key)) known.set(key, createHash('sha256').update(key).digest('hex') === keyHash)
  if (!known.get(key)) return reply.code(401).send()
  return reply.header('content-type', 'application/json; charset=utf-8').send(body)
})
const url = await app.listen({ port: 0, host: '127.0.0.1' })
process.stdout.write(`${JSON.stringify({ msg: 'ready', url })}\n`)
