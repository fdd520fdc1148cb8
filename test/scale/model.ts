import type { Row } from '../../src/writes/operation.ts'
import type { Actor, List } from './actor.ts'
import { noCost } from './cost.ts'
import { prefix } from './ledger.ts'
import { ms } from './model-cache.ts'
import { createListModel } from './model-lists.ts'
import { client, createWorld } from './model-world.ts'
import { createWriteModel, requestId, requestKey } from './model-writes.ts'

/**
 * What the gateway sends for each operation, step by step. Texts are made by the gateway's own functions, so their lengths are
 * those of the code. A change of the code that costs more or less makes `npm run scale` fail, until the step is changed here.
 */
export const createModel = (options: {
  instances: number
  lists: readonly List[]
  requestsPerSecond: number
  batchSize: number
  /** Bytes of an answer to INFO memory. */
  infoBytes: number
}): Actor => {
  const world = createWorld(options.instances, options.lists, options.requestsPerSecond)
  const { ledger, cache, journal, events } = world
  const lists = createListModel(world)
  const writes = createWriteModel(world, lists, options.batchSize)
  const chats = new Set<string>()
  let rested = 0

  return {
    read: async (instance, list) => lists.read(instance, list),
    add: async (instance, list, name, key) => {
      writes.lock(list)
      lists.readNew(instance, list, 'urgent')
      writes.writeAtOnce(instance, writes.writeOf(list, 'add', [name]), false)
      // What is kept of an answer: its status and its body, with the digest of the request.
      const answer = `{"status":201,"json":{"results":[{"index":0,"name":"${name}","outcome":"created","id":${world.nextId}}],"created":1,"exists":0,"existsDeleted":0,"reactivated":0,"rejected":0,"unknown":0}}`
      const begun = JSON.stringify({ fingerprint: 'x'.repeat(43), requestKey })
      if (key) journal.key('x'.repeat(43), begun, `${begun},"answer":${answer}`)
    },
    setStatus: async (instance, list, operator, status) => {
      writes.lock(list)
      lists.read(instance, list)
      const rows: Row[] = [{ index: 0, id: operator, outcome: 'pending' }]
      const write = {
        kind: 'setStatus',
        client,
        requestId,
        organization: list,
        requestKey,
        status,
        rows,
      } as const
      writes.writeAtOnce(instance, { ...write, subject: undefined, switchOnly: false }, true)
    },
    import: async (instance, list, names) => writes.importAll(instance, list, names),
    assign: async (instance, list, chat) => {
      lists.read(instance, list)
      const [all, mine] = [world.sharedOf(list), world.ownOf(instance, list)]
      const hold = `{"v":1,"operator":${world.nextId},"strategy":"roundRobin","assignedAt":${ms},"isNumber":false}`
      const text = '=12:3c;'
      const news = text.repeat(all.choices - mine.choices)
      const isNew = !chats.has(chat)
      journal.assignment(list, chat, isNew, news === '' ? 1 : 2, { hold, head: '1 AbCdEfGh ', text, news })
      if (!isNew) return
      chats.add(chat)
      all.choices++
      mine.choices = all.choices
    },
    listen: async () => {
      world.readers = world.instances
    },
    callBack: async () => {
      world.webhooks = 1
      world.readers = 0
    },
    rest: async (seconds) => {
      rested = seconds
      const { webhooks, readers } = world
      const reader = readers > 0 ? 1 : 0
      for (let instance = 0; instance < world.instances; instance++) {
        cache.rest(seconds)
        cache.exchange(
          world.readAt(instance),
          Array.from({ length: world.instances }, (_, other) => other)
            .filter((other) => other !== instance)
            .map(world.readAt),
          seconds,
        )
        journal.rest(seconds)
        // Two connections, and one more where the log is listened to.
        ledger.command('ping', ['ping'], { status: 'PONG' }, (2 + reader) * seconds)
        ledger.command('hgetall switches', ['hgetall', `${prefix}switches`], { map: [] }, seconds)
        ledger.command('info', ['info', 'memory'], 'x'.repeat(options.infoBytes + 4), seconds)
        events.claim(webhooks, seconds)
        if (reader) events.read(0, [], seconds)
        if (readers + webhooks > 0) events.seen(1, seconds)
      }
      if (webhooks === 0) return
      // The instance that delivers listens to the log, and looks through it every ten seconds.
      ledger.command('ping', ['ping'], { status: 'PONG' }, seconds)
      events.read(0, [], seconds * 1.1)
    },
    spent: async () => {
      const { cost, steps } = ledger.take()
      const seconds = rested
      rested = 0
      return { work: seconds > 0 ? noCost : cost, all: cost, seconds, steps }
    },
  }
}
