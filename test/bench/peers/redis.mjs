import { debian, freePort, loadCore, scratch, start } from '../lib/processes.mjs'

export const startRedis = async () => {
  const found = debian('redis-server')
  if (!found) return undefined
  const port = await freePort()
  const args = ['--port', String(port), '--save', '', '--dir', scratch, '--bind', '127.0.0.1']
  const redis = start(loadCore, found.command, args, found.env)
  await redis.until((text) => text.includes('Ready to accept connections'))
  return { ...redis, port }
}
