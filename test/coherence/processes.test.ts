import { afterAll, beforeAll, expect, it } from '@jest/globals'
import { isLong, newSeed, randomOf } from '../support/long.ts'
import { describeWithRedisServer } from '../support/needs.ts'
import { stopEverything } from '../support/processes.ts'
import { startRedis, type TestRedis } from '../support/redis.ts'
import { hasLostNothing } from '../support/settled.ts'
import { until } from '../support/until.ts'
import { ask, type Fleet, startFleet } from './fleet.ts'
import { type Event, unexplained } from './history.ts'

const faultCount = isLong ? 40 : 4
const seed = newSeed('coherence')

type Row = { id: number; status: string }

describeWithRedisServer('M2 M6 M8 P9: three processes on one Redis that falters', () => {
  let redis: TestRedis
  let fleet: Fleet
  beforeAll(async () => {
    redis = await startRedis()
    await hasLostNothing(redis.client())
    const skew = (ms: number) =>
      `--import=data:text/javascript,const%20now=Date.now;Date.now=()=>now()+(${ms})`
    fleet = await startFleet({
      environments: [{}, { NODE_OPTIONS: skew(60_000) }, { NODE_OPTIONS: skew(-3_600_000) }],
      env: { REDIS_URL: redis.url, CHATHUB_REQUESTS_PER_SECOND: '2000', GATEWAY_INSTANCES: '3' },
    })
  })
  afterAll(async () => {
    await fleet.close()
    await redis.stop()
    await stopEverything()
  })

  it(
    `has no fresh answer older than an acknowledged write (seed ${seed}, ${faultCount} faults)`,
    async () => {
      const random = randomOf(seed)
      const events: Event[] = []
      const organizations = [24, 6]
      const firsts = new Map<string, string>()
      let over = false

      const rowsOf = async (response: Response): Promise<Row[]> =>
        ((await response.json()) as { items: Row[] }).items
      for (const organization of organizations)
        for (const { id, status } of await rowsOf(
          await ask(fleet.gateways[0]!, 'GET', `/v1/organizations/${organization}/operators`),
        ))
          firsts.set(`${organization}/${id}`, status)

      // Each operator goes round the three statuses, so an answer older by one write or two differs.
      const round = ['active', 'inactive', 'deleted']
      const write = async (register: string): Promise<void> => {
        const [organization, id] = register.split('/')
        let status = round.indexOf(firsts.get(register) as string)
        while (!over) {
          const by = Math.floor(random() * 3)
          status = (status + 1) % 3
          const event: Event = {
            kind: 'write',
            register,
            value: round[status] as string,
            began: performance.now(),
            ended: Infinity,
            by,
          }
          events.push(event)
          const path = `/v1/organizations/${organization}/operators/${id}`
          const answer = await ask(fleet.gateways[by]!, 'PATCH', path, {
            body: { status: event.value },
          }).catch(() => undefined)
          if (answer?.status === 200) event.ended = performance.now()
          await answer?.arrayBuffer()
        }
      }
      const read = async (by: number, organization: number): Promise<void> => {
        while (!over) {
          const began = performance.now()
          const path = `/v1/organizations/${organization}/operators`
          const answer = await ask(fleet.gateways[by]!, 'GET', path).catch(() => undefined)
          if (answer?.status !== 200) {
            await answer?.arrayBuffer()
            continue
          }
          const rows = await rowsOf(answer)
          const ended = performance.now()
          const how = answer.headers.get('cache-status') ?? ''
          if (/hit; ttl=\d|fwd=uri-miss/.test(how))
            for (const { id, status } of rows)
              events.push({
                kind: 'read',
                register: `${organization}/${id}`,
                value: status,
                began,
                ended,
                by,
              })
        }
      }
      const count = (kind: Event['kind']) =>
        events.filter((event) => event.kind === kind && event.ended < Infinity).length
      const admin = redis.client()
      /** How many instances hold a lease now. */
      const leases = async (): Promise<number> => {
        const [second] = await admin.time()
        return admin.zcount('chathub:{gateway}:members', Number(second) * 1000, '+inf')
      }
      const redisStates = async (): Promise<string[]> =>
        Promise.all(
          fleet.gateways.map(async (gateway) => {
            const ready = await ask(gateway, 'GET', '/readyz')
            return ((await ready.json()) as { redis: string }).redis
          }),
        )
      /** Every fault lasts until it is felt, and the next one begins after a write has gone through. */
      const trouble = async (): Promise<void> => {
        const what = random()
        if (what < 0.4) {
          redis.pause()
          await until(async () => (await redisStates()).every((state) => state === 'away'))
          redis.resume()
          await until(async () => (await redisStates()).every((state) => state === 'ready'))
        } else if (what < 0.8 || !isLong) {
          const victim = fleet.gateways[Math.floor(random() * 3)]!
          victim.signal('SIGSTOP')
          await until(async () => (await leases()) < 3)
          victim.signal('SIGCONT')
          await until(async () => (await leases()) === 3)
        } else await admin.flushall()
        const before = count('write')
        await until(() => count('write') > before)
      }

      const registers = organizations.flatMap((organization) =>
        [...firsts.keys()].filter((name) => name.startsWith(`${organization}/`)).slice(0, 2),
      )
      const running = [
        ...registers.map(write),
        ...[0, 1, 2].flatMap((by) => organizations.map((organization) => read(by, organization))),
      ]
      for (let faults = 0; faults < faultCount; faults++) await trouble()
      // Less would prove nothing.
      await until(() => count('write') > 10 && count('read') > 1000)
      over = true
      await Promise.all(running)

      const acknowledged = count('write')
      const fresh = count('read')
      const wrong = unexplained(events, (register) => firsts.get(register) as string)
      process.stdout.write(
        `${acknowledged} acknowledged writes, ${fresh} rows read fresh, ${wrong.length} wrong\n`,
      )
      expect(wrong.slice(0, 3)).toEqual([])
    },
    isLong ? 600_000 : 300_000,
  )
})
