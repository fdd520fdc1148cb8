import { registry } from '../../../cache/coherence.ts'
import { ConfigFaults, readConfig } from '../../../config.ts'
import { meta as eventsMeta } from '../../../events/event-scripts.ts'
import { exitCodes } from '../../../exit-codes.ts'
import type { RedisClient } from '../../../redis/connect.ts'
import { version } from '../../../version.ts'
import { operationKeepMs } from '../../../writes/journal.ts'
import { cancelKeyOf, openKey } from '../../../writes/redis-journal.ts'
import { CommandFailure } from '../call-gateway.ts'
import { connectOnce } from '../connect-once.ts'
import { say } from '../output.ts'
import { readBackup, writeBackup } from './backup-file.ts'
import { type Kept, keptKeys, readKept } from './kept-keys.ts'

// A group of keys may be large.
const commandMs = 60_000

/** Runs the work on the Redis of the settings. @throws CommandFailure */
const onRedis = async <T>(work: (client: RedisClient, prefix: string) => Promise<T>): Promise<T> => {
  let config: ReturnType<typeof readConfig>
  try {
    config = readConfig(process.env)
  } catch (error) {
    throw error instanceof ConfigFaults ? new CommandFailure(exitCodes.config, error.message) : error
  }
  if (!config.redisUrl)
    throw new CommandFailure(exitCodes.config, 'REDIS_URL: unset; wanted: the Redis of the gateways')
  const client = await connectOnce(config.redisUrl.reveal(), commandMs).catch(({ message }: Error) => {
    throw new CommandFailure(exitCodes.unavailable, `Redis: ${message}`)
  })
  try {
    return await work(client, config.redisPrefix)
  } catch (error) {
    if ((error as Error).name !== 'ReplyError') throw error
    throw new CommandFailure(exitCodes.unavailable, `Redis: ${(error as Error).message}`)
  } finally {
    client.disconnect()
  }
}

/** The command `backup`. */
export const backUp = ({ to }: { to: string }): Promise<void> =>
  onRedis(async (client, prefix) => {
    const redis = /redis_version:(\S+)/.exec(await client.info('server').then(String, () => ''))?.[1] ?? '?'
    const head = { backup: 1, version, madeAt: new Date().toISOString(), redis } as const
    const count = await writeBackup(to, head, readKept(client, prefix))
    say(`${to} has ${count} keys. It holds names of persons: keep it as secret as Redis.`)
  })

/** Why nothing may be restored now. */
const refusal = async (client: RedisClient, prefix: string, force: boolean): Promise<string | undefined> => {
  const [seconds] = (await client.time()) as unknown as [string]
  const alive = await client.zcount(prefix + registry.members, `${seconds}000`, '+inf')
  if (alive > 0)
    return 'A gateway runs on this Redis. Stop all of them, wait three seconds, and try again. Nothing was changed.'
  const there = force ? [] : await keptKeys(client, prefix)
  return there.length > 0
    ? `This Redis has ${there.length} keys of a gateway, which may be newer. --force replaces them. Nothing was changed.`
    : undefined
}

const put = async (client: RedisClient, key: string, { expiresAt, dump }: Kept): Promise<void> => {
  try {
    await client.restore(key, expiresAt ?? 0, Buffer.from(dump, 'base64'), 'ABSTTL')
  } catch (error) {
    const { message } = error as Error
    const advice = /DUMP payload version/.test(message)
      ? 'This Redis is older than that of the backup.'
      : 'The user of REDIS_URL needs the right to RESTORE.'
    throw new CommandFailure(
      exitCodes.unavailable,
      `Redis: ${message}. ${advice} The restore is not complete.`,
    )
  }
}

/**
 * ChatHub has gone on since the backup. Operations that had not ended then are cancelled: what was in flight is looked up and
 * not sent again, and the rest stays pending. Events have a new epoch, so that each listener is told by `resync` of the gap.
 */
const reconcile = async (client: RedisClient, prefix: string): Promise<number> => {
  const open = await client.zrange(prefix + openKey, '0', '-1')
  for (const member of open) {
    const [id = ''] = member.split(' ')
    await client.set(prefix + cancelKeyOf(id), '1', 'PX', operationKeepMs)
  }
  const [seconds, micros] = (await client.time()) as unknown as [string, string]
  if (await client.exists(prefix + eventsMeta))
    await client.hset(prefix + eventsMeta, 'epoch', String(Number(seconds) * 1_000_000 + Number(micros)))
  return open.length
}

/** The command `restore`. */
export const restore = ({ from, force = false }: { from: string; force?: boolean }): Promise<void> =>
  onRedis(async (client, prefix) => {
    const why = await refusal(client, prefix, force)
    if (why) throw new CommandFailure(exitCodes.data, why)
    // The whole file first, so that half of one changes nothing.
    for await (const _ of readBackup(from));
    for (const key of await keptKeys(client, prefix)) await client.unlink(prefix + key)
    const [seconds] = (await client.time()) as unknown as [string]
    let count = 0
    for await (const kept of readBackup(from)) {
      if (kept.expiresAt !== null && kept.expiresAt <= Number(seconds) * 1000) continue
      await put(client, prefix + kept.key, kept)
      count++
    }
    const open = await reconcile(client, prefix)
    say(
      `${count} keys are restored. Operations that had not ended: ${open}, now cancelled. Start the gateways.`,
    )
  })
