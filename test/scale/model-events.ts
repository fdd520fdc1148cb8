import type { Step } from '../../src/events/coverage-steps.ts'
import type { ListChange } from '../../src/events/event-store.ts'
import { type Ledger, prefix } from './ledger.ts'
import { epoch, ms } from './model-cache.ts'

const from = 'events:{events}:'
const [meta, floors, logOfAll] = ['meta', 'floors', 'log:0'].map((name) => from + name) as [
  string,
  string,
  string,
]
const channel = `${prefix}events:appended`
const version = `${epoch}.12345`
const seen = `${ms} ${ms} ${ms} 20 0 0`
const place = [epoch, ms, 12_345] as const
const place3 = [epoch, ms, '12345']
const webhookId = 'wh_AbCdEfGhIjKlMnOpQrSt'
const owner = 'AbCdEfGhIjKlMnOp'

/** Scripts of src/events, src/audit and src/webhooks. */
export const createEventSteps = (ledger: Ledger) => {
  const append = (list: number, { rows, events, step }: Parts, readers: number): void => {
    const told = events.flatMap((event) => [event.organization, event.text])
    ledger.script('eventsAppend', {
      keys: [meta, `${from}list:${list}`, logOfAll, floors, `${from}steps:${list}`],
      args: [
        ...[
          prefix + from,
          channel,
          version,
          604_800_000,
          10_000,
          5000,
          step ? JSON.stringify(step) : '',
          seen,
        ],
        ...[rows.size, ...[...rows].flatMap(([id, row]) => [id, row ?? '']), ...told],
      ],
      reply: version,
      inside: 10 + rows.size + 10 * events.length + (step ? 2 : 0) + (events.length > 0 ? 1 : 0),
    })
    if (events.length > 0) ledger.pushed(channel, '12345', readers)
  }
  return {
    append,
    /** The known list, or some of its rows. */
    load: (list: number, rows: ReadonlyMap<number, string>, ids?: readonly number[]): void => {
      const known = [...rows]
      const wanted = ids
        ? known.filter(([id]) => ids.includes(id))
        : [...known, ['@version', version], ['@seen', seen]]
      const isEmpty = known.length === 0
      ledger.script('eventsLoad', {
        keys: [meta, `${from}list:${list}`],
        args: [...(ids ?? [])],
        reply: isEmpty ? [ms, '0', '', []] : [ms, version, seen, wanted.flat().map(String)],
        inside: 4 + (ids?.length ?? 1),
      })
    },
    touch: (list: number): void =>
      ledger.script('eventsTouch', {
        keys: [meta, `${from}list:${list}`, `${from}steps:${list}`],
        args: [version, 10, 1_209_600_000],
        reply: 1,
        inside: 7,
      }),
    /** Reads the log from a place on, of all organizations together or of one. */
    read: (log: number, texts: readonly string[], times = 1): void =>
      ledger.script(
        'eventsRead',
        {
          keys: [meta, floors],
          args: [prefix + from, 604_800_000, ...place, 500, log],
          reply: [...place3, 0, 1, ...texts.flatMap((text) => [`${ms}-12345`, log || 100, text].map(String))],
          inside: 5 + texts.length,
        },
        times,
      ),
    /** Each second: whether time alone changes something about the floors of the lists that somebody listens to. */
    seen: (lists: number, times: number): void => {
      for (let at = 0; at < lists; at += 500) {
        const some = Math.min(500, lists - at)
        ledger.script(
          'eventsSeen',
          {
            keys: [meta, ...Array.from({ length: some }, () => `${from}list:100`)],
            args: [],
            reply: [ms, ...Array.from({ length: some }, () => seen)],
            inside: 3 + some,
          },
          times,
        )
      }
    },
    audit: (organization: number, entry: Buffer, keys: readonly number[], stepName: string): void =>
      ledger.script('auditAppend', {
        keys: [`audit:{${organization}}:log`, `audit:{${organization}}:step:${stepName}`],
        args: [entry, 10_000, 7_776_000_000, 691_200_000, ...keys],
        reply: keys.map((_, at) => at),
        inside: 5 + 2 * keys.length,
      }),
    /** Once a minute for each organization that an instance writes to. */
    auditList: (organization: number): void =>
      ledger.command('zadd audit', ['zadd', `${prefix}audit:organizations`, ms, organization], 0),
    /** Each second at each instance, where webhooks are allowed. */
    claim: (webhooks: number, times: number): void =>
      ledger.script(
        'webhooksClaim',
        {
          keys: ['webhooks:{webhooks}:all', 'webhooks:{webhooks}:leases'],
          args: [owner, `${ms}.1`],
          reply: [`${ms}.1`, [], []],
          inside: 3 + 2 * webhooks,
        },
        times,
      ),
    /** An event for a webhook: found, sent, and nothing more to send. */
    deliver: (organization: number, text: string): void => {
      const backlog = JSON.stringify({ after: place3.join('-'), attempts: 0, firstAt: 0, nextAt: 0 })
      const save = (fields: string[]): void =>
        ledger.script('webhooksSave', {
          keys: ['leases', `progress:${webhookId}`, `dead:${webhookId}`].map(
            (name) => `webhooks:{webhooks}:${name}`,
          ),
          args: [owner, webhookId, fields.length / 2, ...fields, 'add'],
          reply: 1,
          inside: 3 + fields.length / 2,
        })
      const { read } = createEventSteps(ledger)
      read(0, [text])
      save(['@place', place3.join('-'), String(organization), backlog])
      read(organization, [text])
      save([String(organization), backlog])
      read(organization, [])
      save([String(organization), ''])
    },
  }
}

type Parts = Pick<ListChange, 'rows' | 'events'> & { step?: Step | undefined }
