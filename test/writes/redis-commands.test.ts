import { afterAll, beforeAll, expect, it } from '@jest/globals'
import { type Cutter, startCutter } from '../support/cutter.ts'
import { startGateway, type TestGateway } from '../support/gateway.ts'
import { describeWithRedis } from '../support/needs.ts'
import { openRedis, type TestDatabase } from '../support/redis.ts'

/** The commands in bytes of the Redis protocol. */
const commandsIn = (text: string): string[][] => {
  const commands: string[][] = []
  for (let at = 0; text[at] === '*'; ) {
    let end = text.indexOf('\r\n', at)
    const args = Number(text.slice(at + 1, end))
    const command: string[] = []
    at = end + 2
    for (let i = 0; i < args; i++) {
      end = text.indexOf('\r\n', at)
      const length = Number(text.slice(at + 1, end))
      command.push(text.slice(end + 2, end + 2 + length))
      at = end + 2 + length + 2
    }
    commands.push(command)
  }
  return commands
}

/**
 * Not caused by the request: heartbeats, pings, and the sweep of open operations. What lists teach the operator index in
 * the background is not counted either.
 */
const isBackground = (command: string[]): boolean => {
  const text = command.join(' ')
  const isHeartbeat =
    text.includes('{gateway}:members') && !text.includes(':budget:') && !text.includes('operators:')
  return isHeartbeat || text.includes('operator-index') || /^(ping|zrange|info)\b/i.test(text)
}

describeWithRedis('the Redis commands of a write', () => {
  let database: TestDatabase
  let link: Cutter
  let gateway: TestGateway
  let seen: string[][] = []
  beforeAll(async () => {
    database = await openRedis()
    link = await startCutter(Number(new URL(database.url).port))
    gateway = await startGateway({ env: { REDIS_URL: link.url, REDIS_PREFIX: database.prefix } })
    while ((await gateway.ask('GET', '/readyz', { key: '' })).body.redis !== 'ready');
    const record = (text: string): boolean => {
      seen.push(...commandsIn(text))
      return false // nothing is cut
    }
    void link.cut(record, { forward: true })
    expect(await send('POST', '', { operators: [{ name: 'First' }] })).toBe(201)
  })
  afterAll(async () => {
    await gateway.close()
    await link.close()
    await database.stop()
  })

  let requests = 0
  const send = async (method: string, path: string, body: object, key?: string): Promise<number> => {
    const url = `/v1/organizations/24/operators${path}`
    const headers = key === undefined ? undefined : { 'Idempotency-Key': key }
    return (await gateway.ask(method, url, { body, ...(headers && { headers }) })).status
  }
  /** The fewest commands in five requests, since background work may meet some of them; and how often the lock was taken. */
  const measure = async (what: string, request: () => Promise<number>) => {
    const all: { status: number; commands: string[][] }[] = []
    for (let i = 0; i < 5; i++) {
      seen = []
      const status = await request()
      all.push({ status, commands: seen.filter((command) => !isBackground(command)) })
    }
    const { status, commands } = all.reduce((least, one) =>
      one.commands.length < least.commands.length ? one : least,
    )
    // The lock is taken by the one script that names both the key of those who wait for it and the time of the last flush.
    const names = (command: string[], end: string) => command.some((arg) => arg.endsWith(end))
    const locks = commands.filter((command) => names(command, ':waiting') && names(command, ':since'))
    process.stderr.write(`${what}: ${commands.length} Redis commands\n`)
    return { status, commands: commands.length, locks: locks.length }
  }

  const add = (name: string, key?: string) => () =>
    send(
      'POST',
      '',
      { operators: [{ name: name === 'new' ? `Name ${++requests}` : name }] },
      key && `${key}-${requests}`,
    )
  const change =
    (...statuses: string[]) =>
    () =>
      send('PATCH', '/101', { status: statuses[requests++ % statuses.length] })

  // Four of an add, two of a status change and one of a name that exists are for the log of events.
  it.each([
    ['POST of one name with an Idempotency-Key', add('new', 'key'), 201, 19],
    ['POST of one name', add('new'), 201, 14],
    ['POST of a name that exists', add('First'), 200, 4],
    ['PATCH of a status', change('inactive', 'active'), 200, 11],
    ['PATCH to the same status', change('deleted'), 200, 2],
  ] as const)('are few, and take the lock once: %s', async (what, request, status, most) => {
    const measured = await measure(what, request)
    expect(measured).toMatchObject({ status, locks: 1 })
    expect(measured.commands).toBeLessThanOrEqual(most)
  })
})
