import type { RedisClient } from './connect.ts'

/**
 * What is wrong with a server, in words. `unsupported`: it is too old. `mayEvict`: the policy by which it evicts keys,
 * so that it may lose what is written down of writes. A server that forbids INFO or CONFIG passes.
 */
export const inspectServer = async (client: RedisClient) => {
  const setting = async (name: string): Promise<unknown> =>
    client.config('GET', name).then(
      (answer) => (answer as string[])[1],
      () => undefined,
    )
  const info = await client.info('server').catch(() => '')
  // GETDEL came with Redis 6.2. Every Valkey reports `redis_version:7.2.4` beside its own version.
  const [, version, major, minor] = /redis_version:((\d+)\.(\d+)\S*)/.exec(String(info)) ?? []
  const isTooOld = Number(major) * 100 + Number(minor) < 602
  const [policy, limit] = [await setting('maxmemory-policy'), await setting('maxmemory')]
  return {
    unsupported: isTooOld ? `Redis ${version} is too old: 6.2 or later is needed` : undefined,
    mayEvict: typeof policy === 'string' && policy !== 'noeviction' && limit !== '0' ? policy : undefined,
  }
}
