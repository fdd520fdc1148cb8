// node usual-stack.mjs SHA256-OF-KEY REDIS-PORT: what a team would put together in an afternoon.
import { createHash } from 'node:crypto'
import compression from 'compression'
import express from 'express'
import { rateLimit } from 'express-rate-limit'
import helmet from 'helmet'
import { Redis } from 'ioredis'
import { pinoHttp } from 'pino-http'

const [keyHash, redisPort] = process.argv.slice(2)
const redis = new Redis({ port: Number(redisPort), host: '127.0.0.1' })
const app = express()
app.use(pinoHttp())
app.use(helmet())
app.use(compression())
app.use((req, res, next) => {
  const hash = createHash('sha256')
    .update(req.get('x-api-key') ?? '')
    .digest('hex')
  if (hash !== keyHash) return res.status(401).json({ error: 'unauthorized' })
  next()
})
app.use(rateLimit({ windowMs: 60_000, limit: 100_000_000, keyGenerator: (req) => req.get('x-api-key') }))
app.get('/v1/organizations/:org/operators', async (req, res) => {
  const kept = await redis.get(`operators:${req.params.org}`)
  res.json(JSON.parse(kept))
})
const server = app.listen(0, '127.0.0.1', () => {
  process.stdout.write(
    `${JSON.stringify({ msg: 'ready', url: `http://127.0.0.1:${server.address().port}` })}\n`,
  )
})
