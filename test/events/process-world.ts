import { setTimeout as pause } from 'node:timers/promises'
import { expect } from '@jest/globals'
import { hashKey, makeKey } from '../../src/access/keys.ts'
import { createSimulator } from '../../src/apps/simulator/simulator.ts'
import type { Event } from '../../src/contract/event.ts'
import { scopes } from '../../src/contract/scopes.ts'
import { readEvents } from '../http/event-reader.ts'
import { type Running, spawnGateway } from '../support/processes.ts'
import { startRedis } from '../support/redis.ts'
import { until } from '../support/until.ts'
import { createEventCopy, type Person, type Status } from './event-copy.ts'

const organizations = [1, 2, 3]
const statuses: Status[] = ['active', 'inactive', 'deleted']

/** A simulator, Redis, three gateway processes as people run them, and readers that keep their own copy. */
const startProcessWorld = async (random: () => number) => {
  const below = (count: number): number => Math.floor(random() * count)
  const anyOf = <T>(all: readonly T[]): T => all[below(all.length)] as T
  const simulator = await createSimulator({
    loginSpacingMs: 0,
    organizations: organizations.map((id) => ({ id, name: `Organization ${id}`, operators: [] })),
  })
  const redis = await startRedis()
  const key = makeKey('all')
  const rights = { id: 'all', scopes, organizations: '*', requestsPerMinute: 10_000_000 }
  const env = {
    CHATHUB_BASE_URL: simulator.url,
    CHATHUB_LOGIN: 'demo',
    CHATHUB_PASSWORD: 'demo-password',
    CHATHUB_REQUESTS_PER_SECOND: '300',
    REDIS_URL: redis.url,
    REDIS_TIMEOUT_MS: '1000',
    GATEWAY_INSTANCES: '3',
    CACHE_FRESH_SECONDS: '1',
    REFRESH_BUDGET_PERCENT: '50',
    WRITE_SETTLE_SECONDS: '1',
    WRITE_LATE_WINDOW_SECONDS: '6',
    PORT: '0',
    LOG_LEVEL: 'warn',
    API_KEYS: JSON.stringify({ clients: [{ ...rights, keyHash: hashKey(key) }] }),
  }
  const start = (): Promise<Running> => spawnGateway({ env })
  const instances = await Promise.all([1, 2, 3].map(start))
  let replacing: Promise<void> | undefined
  let [kills, lastPerson] = [0, 0]
  let isOver = false

  const truth = (organization: number): Map<number, Person> =>
    new Map(
      simulator
        .operators(organization)
        .map(({ id, name, status }) => [id, { id, name, status: statuses[status] as Status }]),
    )
  const ask = (method: string, path: string, body?: unknown, headers = {}): Promise<Response> =>
    fetch(`${anyOf(instances).url}/v1/organizations/${path}`, {
      method,
      headers: { 'X-API-Key': key, 'Content-Type': 'application/json', ...headers },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
  /** The list as it is now, from whichever instance answers. */
  const readList = async (organization: number): Promise<Person[]> => {
    for (;;) {
      const path = `${organization}/operators`
      const answer = await ask('GET', path, undefined, { 'Cache-Control': 'no-cache' }).catch(() => undefined)
      const body = await answer?.json().catch(() => undefined)
      if (answer?.status === 200 && body) return (body as { items: Person[] }).items
      await pause(50)
    }
  }
  const startReader = () => {
    const copy = createEventCopy(organizations, readList)
    const events: Event[] = []
    let [lastId, connections] = ['', 0]
    let close = (): void => {}
    const followOne = async (): Promise<void> => {
      const headers = { 'X-API-Key': key, ...(lastId && { 'Last-Event-ID': lastId }) }
      const reader = await readEvents(`${anyOf(instances).url}/v1/events`, headers)
      close = reader.close
      connections++
      let taken = 0
      let hasEnded = false
      void reader.ended.then(() => (hasEnded = true))
      for (let isLast = false; !isLast; ) {
        isLast = hasEnded || isOver
        if (lastId === '' && reader.lastId() !== '') copy.begin()
        lastId = reader.lastId() || lastId
        const some = reader.events.slice(taken)
        taken += some.length
        events.push(...some)
        copy.take(some)
        if (!isLast) await Promise.race([reader.ended, pause(10)])
      }
      reader.close()
    }
    const follow = async (): Promise<void> => {
      for (; !isOver; await pause(20)) await followOne().catch(() => {})
    }
    const following = follow()
    return {
      events,
      connections: () => connections,
      difference: () => copy.difference(truth),
      reconnect: () => close(),
      stopped: following,
    }
  }

  const changeBehind = (): void => {
    const organization = anyOf(organizations)
    const people = simulator.operators(organization)
    const dice = random()
    if (people.length < 4 || dice < 0.3) simulator.addOperator(organization, `Person ${++lastPerson}`)
    else if (dice < 0.45) simulator.setOperators(organization, people.toSpliced(below(people.length), 1))
    else if (dice < 0.6) simulator.changeOperator(anyOf(people).id, { name: `Other ${++lastPerson}` })
    else simulator.changeOperator(anyOf(people).id, { status: below(3) })
  }
  const write = async (): Promise<number | undefined> => {
    const organization = anyOf(organizations)
    const people = simulator.operators(organization)
    const path = `${organization}/operators`
    const answer =
      people.length < 4 || random() < 0.4
        ? ask('POST', path, { operators: [{ name: `Written ${++lastPerson}` }] })
        : ask('PATCH', `${path}/${anyOf(people).id}`, { status: anyOf(statuses) })
    const { status } = (await answer.catch(() => undefined)) ?? {}
    return status
  }
  return {
    changeBehind,
    write,
    startReader,
    kills: () => kills,
    /** Kills a process and starts another one, unless one is being replaced already. */
    kill: (): void => {
      const at = below(instances.length)
      replacing ??= (async () => {
        const killed = instances[at] as Running
        kills++
        killed.signal('SIGKILL')
        await killed.exited
        instances[at] = await start()
      })().finally(() => (replacing = undefined))
    },
    flush: () => redis.client().flushall(),
    end: async (): Promise<void> => {
      isOver = true
      await replacing
      await Promise.all(instances.map((one) => one.stop()))
      await redis.stop()
      await simulator.close()
    },
  }
}

/** Changes at random, half of them through the gateways. Returns a summary. @throws when a reader is wrong in the end */
export const runProcesses = async (changes: number, random: () => number): Promise<string> => {
  const world = await startProcessWorld(random)
  const readers = [1, 2, 3, 4].map(() => world.startReader())
  const running = new Set<Promise<unknown>>()
  const answered = new Map<number | undefined, number>()
  const flushAt = Math.floor(changes * (0.3 + 0.4 * random()))
  for (let change = 0; change < changes; change++) {
    if (random() < 0.5) {
      const ended = world.write().then((status) => {
        answered.set(status, (answered.get(status) ?? 0) + 1)
        running.delete(ended)
      })
      running.add(ended)
    } else world.changeBehind()
    if (random() < 0.005) world.kill()
    if (random() < 0.01) readers[Math.floor(random() * readers.length)]?.reconnect()
    if (change === flushAt) await world.flush()
    await pause(random() * 8)
    while (running.size > 5) await Promise.race(running)
  }
  await Promise.all(running)
  let wrong: (string | undefined)[] = []
  const isTrue = async (): Promise<boolean> => {
    wrong = await Promise.all(readers.map(({ difference }) => difference()))
    return wrong.every((one) => one === undefined)
  }
  await until(isTrue, 'every reader has the truth', 100).catch((error) => {
    throw new Error(`${error.message}\n${wrong.join('\n').slice(0, 2000)}`)
  })
  const answers = [...answered].map(([status, count]) => `${count} × ${status ?? 'cut'}`).join(', ')
  const eventsOf = readers.map(({ events }) => events.length).join()
  const resyncs = readers.map(({ events }) => events.filter(({ type }) => type === 'resync').length).join()
  for (const { events } of readers) {
    const ids = events.filter(({ type }) => type !== 'resync').map(({ id }) => id)
    expect(new Set(ids).size).toBe(ids.length)
  }
  await world.end()
  await Promise.all(readers.map(({ stopped }) => stopped))
  const connections = readers.map((reader) => reader.connections()).join()
  return (
    `${changes} changes, ${world.kills()} kills, writes ${answers}; readers had ` +
    `${connections} connections, ${eventsOf} events, ${resyncs} resyncs`
  )
}
