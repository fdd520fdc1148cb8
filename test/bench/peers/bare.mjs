// node bare.mjs BODY-FILE: node:http and nothing else, with the same bytes.
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'

const body = readFileSync(process.argv[2])
const headers = ['Content-Type', 'application/json; charset=utf-8', 'Content-Length', String(body.length)]
const server = createServer((_req, res) => {
  res.writeHead(200, headers)
  res.end(body)
})
server.listen(0, '127.0.0.1', () => {
  const url = `http://127.0.0.1:${server.address().port}`
  process.stdout.write(`${JSON.stringify({ msg: 'ready', url })}\n`)
})
