// node discard.mjs: node:http alone. It receives bodies, keeps nothing of them, and answers everything with the same bytes.
import { createServer } from 'node:http'

const body = Buffer.alloc(900, ' ')
const headers = ['Content-Type', 'application/json', 'Content-Length', String(body.length)]
const server = createServer((req, res) => {
  req.resume().on('end', () => {
    res.writeHead(req.method === 'GET' ? 200 : 400, headers)
    res.end(body)
  })
})
server.listen(0, '127.0.0.1', () => {
  const url = `http://127.0.0.1:${server.address().port}`
  process.stdout.write(`${JSON.stringify({ msg: 'ready', url })}\n`)
})
