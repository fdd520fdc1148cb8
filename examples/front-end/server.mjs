// The back end of a host application, as small as possible: it serves a page and mints tickets with its key. The key stays
// here. The page gets a ticket that works once, and its browser gets a cookie that no script can read.
import { readFile } from 'node:fs/promises'
import { createServer, request } from 'node:http'

const wanted = (name) => {
  if (process.env[name]) return process.env[name]
  process.stderr.write(`${name} is unset; examples/front-end/README.md says what is wanted.\n`)
  process.exit(78)
}
/** How this server reaches the gateway, and its key with the scope sessions:mint and the rights of its users. */
const gateway = new URL(process.env.GATEWAY_URL || 'http://127.0.0.1:8080')
const key = wanted('GATEWAY_KEY')
/** The origin of this server as browsers see it. */
const origin = process.env.PAGE_ORIGIN || `http://127.0.0.1:${process.env.PORT || 3000}`
/** The gateway's origin as browsers see it. Unset: this server forwards /v1/, so that there is one origin. */
const publicGateway = process.env.GATEWAY_ORIGIN || ''
const organizations = (process.env.ORGANIZATIONS || '24').split(',').map(Number)
const scopes = (process.env.SCOPES || 'organizations:read,operators:read,operators:write').split(',')
/** The page: index.html, app.js and style.css. */
const folder = new URL(process.env.PAGE || 'public/', import.meta.url)

const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  `connect-src 'self' ${publicGateway}`.trim(),
  "form-action 'none'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
].join('; ')
const headers = {
  'Content-Security-Policy': policy,
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Cache-Control': 'no-store',
}
const files = {
  '/': ['index.html', 'text/html; charset=utf-8'],
  '/app.js': ['app.js', 'text/javascript; charset=utf-8'],
  '/style.css': ['style.css', 'text/css; charset=utf-8'],
}

const answer = (res, status, type, body) =>
  res.writeHead(status, { ...headers, 'Content-Type': type }).end(body)
const answerJson = (res, status, value) => answer(res, status, 'application/json', JSON.stringify(value))

/** A ticket for the signed-in user. */
const mintTicket = async (req, res) => {
  // A real application checks its own login here and grants the rights of this user.
  if (req.headers.origin !== origin) return answerJson(res, 403, { title: 'Not from this page' })
  const minted = await fetch(new URL('/v1/sessions', gateway), {
    method: 'POST',
    headers: { Authorization: `Bearer ${key}`, 'Content-Type': 'application/json' },
    body: JSON.stringify({ organizations, scopes, origin, ttlSeconds: 8 * 3600 }),
  })
  const { ticket, title } = await minted.json()
  if (minted.status !== 201) return answerJson(res, 502, { title: `The gateway refused: ${title}` })
  answerJson(res, 200, { ticket })
}

/** Own site: forwards to the gateway. The gateway trusts X-Forwarded-* only from servers in TRUST_PROXY. */
const passOn = (req, res) => {
  const { host, protocol } = new URL(origin)
  const forwarded = { 'x-forwarded-host': host, 'x-forwarded-proto': protocol.slice(0, -1) }
  const target = { host: gateway.hostname, port: gateway.port, path: req.url, method: req.method }
  const onward = request({ ...target, headers: { ...req.headers, ...forwarded } }, (came) => {
    res.writeHead(came.statusCode, came.rawHeaders)
    came.pipe(res)
  })
  onward.on('error', () => (res.headersSent ? res.destroy() : answerJson(res, 502, { title: 'No gateway' })))
  // A closed browser ends the request to the gateway, which may be an endless stream of events.
  res.on('close', () => res.writableFinished || onward.destroy())
  req.pipe(onward)
}

const server = createServer(async (req, res) => {
  try {
    if (req.method === 'POST' && req.url === '/ticket') return await mintTicket(req, res)
    if (req.url.startsWith('/v1/') && !publicGateway) return passOn(req, res)
    if (req.method === 'GET' && req.url === '/config.json')
      return answerJson(res, 200, { gateway: publicGateway })
    const [file, type] = (req.method === 'GET' && files[req.url]) || []
    if (!file) return answerJson(res, 404, { title: 'Nothing here' })
    answer(res, 200, type, await readFile(new URL(file, folder)))
  } catch {
    answerJson(res, 502, { title: 'The gateway cannot be reached' })
  }
})
server.listen(Number(process.env.PORT || 3000), '127.0.0.1', () => {
  process.stdout.write(`${JSON.stringify({ msg: 'ready', url: origin })}\n`)
})
