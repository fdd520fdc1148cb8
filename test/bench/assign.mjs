// How long does Redis work for one assignment of a chat, at 5,000 and 50,000 active operators?
import { Redis } from 'ioredis'
import { median } from './lib/rounds.mjs'
import { startRedis } from './peers/redis.mjs'

export const question =
  'Redis time of one assignment, in µs: all commands of the call (INFO commandstats), slowest command (SLOWLOG)'

const caller = { id: 'bench', scopes: new Set(), organizations: '*' }
const organization = 24
const nothing = () => {}

/** Assignments as a gateway makes them, from a list that is at hand. */
const openStore = async (dist, port) => {
  const load = (name) => import(`${dist}/${name}.js`)
  const { createRedis } = await load('redis/redis')
  const { systemClock: clock } = await load('clock')
  const { createAssignments } = await load('assignments/assignments')
  const { createRedisAssignments } = await load('assignments/redis-assignments')
  const { clientQuotas, organizationQuotas } = await load('redis/quotas')
  const { createRedisQuotas } = await load('redis/redis-quotas')
  const { createRoster } = await load('lists/roster')
  const redis = createRedis({ url: `redis://127.0.0.1:${port}`, prefix: 'bench:', clock, report: () => {} })
  await redis.opened
  const limits = { quotasPerClient: clientQuotas, quotasPerOrganization: organizationQuotas }
  const quotas = createRedisQuotas(redis.tolerant, limits, { clock, report: nothing })
  let roster
  const lists = { read: async () => ({ copy: { value: roster }, freshness: { ttlMs: 60_000 } }) }
  const assignments = createAssignments(lists, createRedisAssignments(redis.tolerant), quotas, clock)
  return {
    setActive: (ids) => {
      const operators = ids.map((id) => ({ id, name: `Operator ${id}`, status: 'active' }))
      roster = createRoster({ id: organization, name: 'Bench' }, operators)
    },
    assign: (chatId) =>
      assignments.assign(caller, organization, { chatId, strategy: 'roundRobin', exclude: [] }, {}),
    close: () => redis.close(),
  }
}

/** Redis time of each call: its entries in the slow log. What a script calls is in the script's own time. */
const measure = async (client, calls, prepare, call) => {
  const times = []
  for (let i = 0; i < calls; i++) {
    await prepare(i)
    await client.slowlog('RESET')
    await call()
    const entries = await client.slowlog('GET', 1000)
    const scripts = entries.filter(([, , , [command]]) => /^eval/i.test(command))
    times.push(scripts.reduce((sum, [, , micros]) => sum + micros, 0))
  }
  return times
}

export const run = async ({ short, builds, say }) => {
  const rows = []
  const server = await startRedis()
  if (!server) return say('no redis-server here', []) ?? []
  const client = new Redis(server.port)
  await client.config('SET', 'slowlog-log-slower-than', '0', 'slowlog-max-len', '1000')
  const [few, calls] = short ? [2, 20] : [20, 200]
  for (const { name, dist } of builds)
    for (const active of short ? [100] : [5000, 50_000]) {
      const ids = Array.from({ length: active }, (_, i) => 100_001 + i)
      let store
      let chat = 0
      const restart = async () => {
        store?.close()
        store = await openStore(dist, server.port)
        store.setActive(ids)
      }
      const add = async (what, count, prepare, call) => {
        const row = { server: name, active, call: what, calls: count }
        try {
          const times = await measure(client, count, prepare, call)
          rows.push({
            ...row,
            'least µs': Math.min(...times),
            'p50 µs': median(times),
            'most µs': Math.max(...times),
          })
        } catch (error) {
          rows.push({ ...row, 'p50 µs': error.code })
        }
      }
      const assignNew = () => store.assign(`chat-${chat++}`)
      const forget = async () => {
        await client.flushall()
        await restart()
      }
      await add('first chat of the organization', few, forget, assignNew)
      await add('first chat after a restart', few, restart, assignNew)
      await add('new chat', calls, nothing, assignNew)
      await add('held chat', calls, nothing, () => store.assign(`chat-${chat - 1}`))
      await add(
        'new chat after one operator left',
        calls,
        (i) => store.setActive(ids.toSpliced(i, 1)),
        assignNew,
      )
      store.close()
    }
  client.disconnect()
  await server.stop()
  say('Redis time per call, by SLOWLOG', rows)
  return rows
}
