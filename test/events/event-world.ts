import { setTimeout as pause } from 'node:timers/promises'
import type { Caller } from '../../src/access/caller.ts'
import { createRefresher } from '../../src/cache/refresher.ts'
import { systemClock } from '../../src/clock.ts'
import type { ChangeSet } from '../../src/contract/audit.ts'
import { type Event, type Place, parseEventPlace } from '../../src/contract/event.ts'
import { createEvents } from '../../src/events/events.ts'
import { floorsText } from '../../src/events/floors-text.ts'
import type { OperatorLists } from '../../src/lists/operator-lists.ts'
import { createRoster } from '../../src/lists/roster.ts'
import { createRedis } from '../../src/redis/redis.ts'
import type { TestDatabase } from '../support/redis.ts'
import { until } from '../support/until.ts'
import { createEventCopy, type People, type Person, type Status } from './event-copy.ts'

const organizations = [1, 2, 3]
const everyone: Caller = {
  id: 'reader',
  kind: 'key',
  scopes: new Set(['events:read']),
  organizations: '*',
  requestsPerMinute: 1,
  expiresAt: undefined,
}
const statuses: Status[] = ['active', 'inactive', 'deleted']
const freshMs = 500

/** What ChatHub has, three instances before it over one Redis, and readers that keep their own copy of it. */
export const createEventWorld = (database: TestDatabase, random: () => number) => {
  const truth = new Map(organizations.map((one) => [one, new Map() as People]))
  let lastId = 0
  const below = (count: number): number => Math.floor(random() * count)
  const anyOf = <T>(all: readonly T[]): T => all[below(all.length)] as T
  const copyOf = (organization: number): Person[] =>
    [...(truth.get(organization) as People).values()].map((person) => ({ ...person }))

  /** The organization's lock, which all instances share. */
  const locks = new Map<number, Promise<unknown>>()
  const locked = <T>(organization: number, work: () => Promise<T>): Promise<T> => {
    const next = (locks.get(organization) ?? Promise.resolve()).then(work)
    locks.set(
      organization,
      next.catch(() => {}),
    )
    return next
  }

  const startInstance = async () => {
    const { url, prefix } = database
    const redis = createRedis({ url, prefix, clock: systemClock, commandMs: 20_000, report: () => {} })
    await until(() => redis.state() === 'ready')
    const load = async (organization: number) => {
      const askedAt = systemClock.now()
      if (random() < 0.5) await pause(below(4))
      const listed = copyOf(organization)
      // What arrives may be older than what others have seen meanwhile.
      if (random() < 0.5) await pause(below(4))
      const roster = createRoster({ id: organization, name: `Organization ${organization}` }, listed)
      await made.rosterLoaded(roster, askedAt)
      // A killed process answers nobody. What it could not tell the log was seen by nobody.
      if (!isAlive) throw new Error('killed')
      return listed
    }
    const made = createEvents({
      ...{ redis, clock: systemClock, eventsKeepMs: 3_600_000, eventsMax: 5000 },
      coverageFloors: floorsText.parse('{}'),
      listenedTo: () => organizations,
      lists: {} as OperatorLists,
      loadAgain: (organization) => refresher.loadAgain(`${organization}`),
      interests: () => [],
      listLoaded: () => {},
      betweenWrites: ({ organization }, _askedAt, work) =>
        locked(organization.id, async () => {
          await work()
          return true
        }),
    })
    const refresher = createRefresher({
      ...{ clock: systemClock, perSecond: () => 1000, exchange: undefined, caches: () => [] },
      listened: () => (made.listened() === 'all' ? organizations.map(String) : []),
      cacheOf: () => ({
        freshMs,
        visit: () => {},
        remembered: () => undefined,
        refresh: async (key) => {
          const askedAt = systemClock.now()
          await load(Number(key))
          return { askedAt, isOwn: true }
        },
      }),
    })
    let isAlive = true
    return {
      ...made,
      load,
      isAlive: () => isAlive,
      kill: () => {
        isAlive = false
        redis.close()
        made.stop()
        refresher.stop()
      },
    }
  }
  type Instance = Awaited<ReturnType<typeof startInstance>>
  let instances: Instance[] = []
  const anyInstance = (): Instance => anyOf(instances)

  /** Changes something at random, and says what a write would have told. */
  const change = (organization: number): ChangeSet['changes'] => {
    const people = truth.get(organization) as People
    const someone = people.size > 0 ? anyOf([...people.values()]) : undefined
    const told = { outcome: 'applied', reason: null, from: null } as const
    if (!someone || random() < 0.4) {
      const id = ++lastId
      people.set(id, { id, name: `Person ${id}`, status: 'active' })
      return [{ ...told, kind: 'added', operator: { id, name: `Person ${id}` }, to: 'active' }]
    }
    const { id, name, status: from } = someone
    const status = anyOf(statuses.filter((one) => one !== from))
    people.set(id, { id, name, status })
    return [{ ...told, kind: 'statusChanged', operator: { id, name }, from, to: status }]
  }
  const changeBehind = (organization: number): void => {
    const people = truth.get(organization) as People
    const someone = people.size > 3 ? anyOf([...people.values()]) : undefined
    const dice = random()
    if (someone && dice < 0.15) people.delete(someone.id)
    else if (someone && dice < 0.35) people.set(someone.id, { ...someone, name: `Other ${below(1e6)}` })
    else change(organization)
  }
  const write = (organization: number): Promise<void> =>
    locked(organization, async () => {
      const instance = anyInstance()
      const changes = change(organization)
      if (random() < 0.3) await pause(below(3))
      const set = { organization, at: Date.now(), client: 'crm', operation: `${organization}-x`, changes }
      if (instance.isAlive()) await instance.written(set)
    })

  /** A read that is made again when its instance is killed. */
  const readList = (organization: number): Promise<Person[]> =>
    anyInstance()
      .load(organization)
      .catch(() => readList(organization))

  /** A client that follows the rules of docs/events.md. */
  const startReader = () => {
    const copy = createEventCopy(organizations, readList)
    const events: Event[] = []
    let place: Place | undefined
    let follower: { stop(): void } | undefined
    let at: Instance | undefined
    const connect = (): void => {
      follower?.stop()
      at = anyInstance()
      const here = at
      const after = place && (parseEventPlace(`${place.epoch}-${place.ms}-${place.seq}`) as Place)
      let isFirst = after === undefined
      follower = here.events.follow(everyone, { limit: 100 }, after, {
        send: (some, end) => {
          if (at !== here || !here.isAlive()) return
          place = end
          events.push(...some)
          // Who has no place yet reads the lists once the stream has begun.
          if (isFirst) copy.begin()
          isFirst = false
          copy.take(some)
        },
        drained: async () => {},
      })
    }
    connect()
    return {
      events,
      connect,
      reconnectIfCut: () => {
        if (!at?.isAlive()) connect()
      },
      difference: () => copy.difference((organization) => truth.get(organization) as People),
      stop: () => follower?.stop(),
    }
  }

  return {
    start: async () => {
      instances = await Promise.all([1, 2, 3].map(startInstance))
    },
    changeBehind,
    write,
    load: (organization: number) => anyInstance().load(organization),
    anyOrganization: () => anyOf(organizations),
    startReader,
    /** Ends an instance as a killed process ends, and starts another one. */
    kill: async (): Promise<void> => {
      const [killed] = instances.splice(below(instances.length), 1)
      killed?.kill()
      instances.push(await startInstance())
    },
    /** From the first event on, with the base lines, which only those get who come back. */
    log: async (): Promise<Event[]> => {
      const found: Event[] = []
      const { next } = await anyInstance().events.page(everyone, { limit: 1 })
      const first = parseEventPlace(next) as Place
      for (let after = { ...first, seq: first.seq - 1 }; ; ) {
        const page = await anyInstance().events.page(everyone, { limit: 1000, after })
        found.push(...page.items)
        if (!page.hasMore) return found
        after = parseEventPlace(page.next) as Place
      }
    },
    stop: () => {
      for (const instance of instances) instance.kill()
    },
  }
}
