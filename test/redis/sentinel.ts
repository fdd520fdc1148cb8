import { spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { stopChild, track } from '../support/children.ts'
import { freePort } from '../support/free-port.ts'
import { until } from '../support/until.ts'

export type Sentinel = { port: number; stop(): Promise<void> }

/** A Sentinel of one voice that watches `team`, once it knows the replica. */
export const startSentinel = async (master: number): Promise<Sentinel> => {
  const folder = await mkdtemp(join(tmpdir(), 'redis-sentinel-'))
  const port = await freePort()
  await writeFile(
    join(folder, 'sentinel.conf'),
    [
      `port ${port}`,
      'bind 127.0.0.1',
      `sentinel monitor team 127.0.0.1 ${master} 1`,
      'sentinel down-after-milliseconds team 500',
      'sentinel failover-timeout team 5000',
    ].join('\n'),
  )
  const { command, env } = JSON.parse(process.env['TEST_REDIS_COMMAND'] ?? '{"command":"redis-server"}')
  const child = spawn(command, [join(folder, 'sentinel.conf'), '--sentinel'], {
    env: { ...process.env, ...env },
    stdio: 'ignore',
  })
  void track(child)
  const client = new Redis({ port, retryStrategy: () => 50, disconnectTimeout: 50 })
  client.on('error', () => {})
  const stop = async (): Promise<void> => {
    client.disconnect()
    await stopChild(child)
    await rm(folder, { recursive: true })
  }
  await until(async () => {
    const replicas = (await client.call('SENTINEL', 'REPLICAS', 'team')) as string[][]
    return replicas.length > 0 && replicas.every((fields) => fields.includes('ok'))
  })
  return { port, stop }
}
