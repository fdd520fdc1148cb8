import type { Redis } from '../redis/redis.ts'
import { createScripts } from '../redis/scripts.ts'
import { operationKeepMs } from './journal.ts'

/**
 * KEYS: record, rows, sending, lock; ARGV: owner or '', record or '', id, 1 while sending, then chunk numbers and rows.
 * → 1, 0 when the lock is lost, or the existing record. The same record again is not another one: the first answer was lost.
 */
const create = `
local kept = redis.call('GET', KEYS[1])
if kept then return kept == ARGV[2] and 1 or kept end
if ARGV[1] ~= '' and redis.call('GET', KEYS[4]) ~= ARGV[1] then return 0 end
for i = 5, #ARGV, 2 do redis.call('HSET', KEYS[2], ARGV[i], ARGV[i + 1]) end
redis.call('PEXPIRE', KEYS[2], ${operationKeepMs})
if ARGV[2] ~= '' then
  redis.call('SET', KEYS[1], ARGV[2], 'PX', ${operationKeepMs})
  if ARGV[4] == '1' then redis.call('SET', KEYS[3], ARGV[3], 'PX', ${operationKeepMs}) end
end
return 1`

/**
 * KEYS as above, watches; ARGV: owner, record, id, 1 while sending, ms to keep the rows, 1 to release the lock, 1 unless there
 * are watches, then chunk number and rows. → 0 when the lock is lost, 2 when there are watches; then nothing was kept.
 */
const save = `
if redis.call('GET', KEYS[4]) ~= ARGV[1] then return 0 end
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
if ARGV[7] == '1' and redis.call('EXISTS', KEYS[5]) == 1 then return 2 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ${operationKeepMs})
if ARGV[8] then redis.call('HSET', KEYS[2], ARGV[8], ARGV[9]) end
redis.call('PEXPIRE', KEYS[2], ARGV[5])
if ARGV[4] == '1' then redis.call('SET', KEYS[3], ARGV[3], 'PX', ${operationKeepMs})
elseif redis.call('GET', KEYS[3]) == ARGV[3] then redis.call('DEL', KEYS[3]) end
if ARGV[6] == '1' then redis.call('DEL', KEYS[4]) end
return 1`

/** KEYS as above; ARGV: owner, id, 1 to release the lock. → 0 when the lock is lost. */
const remove = `
if redis.call('GET', KEYS[4]) ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1], KEYS[2])
if redis.call('GET', KEYS[3]) == ARGV[2] then redis.call('DEL', KEYS[3]) end
if ARGV[3] == '1' then redis.call('DEL', KEYS[4]) end
return 1`

/** The scripts that change an operation. All their keys carry its organization's hash tag. */
export const createJournalScripts = (redis: Redis) =>
  createScripts(redis, 'journal', { create, save, remove })
