// node --import ./test/scale/probe.mjs dist/main.js: says which script has which hash, since MONITOR shows the hash alone.
import { createHash } from 'node:crypto'
import { Redis } from 'ioredis'

const { defineCommand } = Redis.prototype
const told = new Set()
Redis.prototype.defineCommand = function (name, definition) {
  const hash = createHash('sha1').update(definition.lua).digest('hex')
  if (!told.has(hash)) process.stdout.write(`${JSON.stringify({ msg: 'script', name, hash })}\n`)
  told.add(hash)
  return defineCommand.call(this, name, definition)
}
