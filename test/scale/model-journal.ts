import { type Ledger, prefix } from './ledger.ts'
import { ms } from './model-cache.ts'

const lockOwner = 'AbCdEfGhIjKlMnOp'
const weekMs = 604_800_000

/** Scripts of src/redis/redis-quotas.ts and src/writes. */
export const createJournalSteps = (ledger: Ledger, client: string) => {
  const count = (scope: string, name: string | number, kind: string, member: string) => {
    const key = `kept:{kept}:${scope}:${name}:${kind}`
    return { keys: [key, `${key}:sum`], args: [member, 200_000, weekMs] }
  }
  const things = (organization: number, id: string, rows: number) => {
    const member = rows === 1 ? id : `${id}*${rows}`
    return [
      count('client', client, 'operations', id),
      count('organization', organization, 'operations', id),
      count('client', client, 'rows', member),
      count('organization', organization, 'rows', member),
    ]
  }
  type Counts = ReturnType<typeof things>
  const quotas = (
    mode: 'take' | 'extend' | 'release',
    counts: Counts,
    lists: (string | number)[][],
  ): void => {
    const each = { take: 11, extend: 7, release: 4 }[mode]
    ledger.script('quotas', {
      keys: [...counts.flatMap(({ keys }) => keys), ...lists.map(([key]) => String(key))],
      args: [
        mode,
        counts.length,
        ...counts.flatMap(({ args }) => args),
        ...lists.flatMap(([, ...rest]) => rest),
      ],
      reply: null,
      inside: 1 + each * counts.length + lists.length,
    })
  }
  const [open, ended] = ['journal:{kept}:open', 'journal:{kept}:ended']
  const keysOf = (organization: number, id: string): string[] => {
    const record = `journal:{${organization}}:operation:${id}`
    return [record, `${record}:rows`, `journal:{${organization}}:sending`, `journal:{${organization}}:lock`]
  }
  const memberOf = (id: string, rows: number): string => `${id} ${rows} ${client}`
  return {
    lock: (
      organization: number,
      id: string,
      record: string | null,
      sending: boolean,
      isFirst: boolean,
    ): void => {
      const key = (name: string): string => `journal:{${organization}}:${name}`
      ledger.script('lockAcquire', {
        keys: [key('lock'), key('waiting'), key('since'), key(`operation:${id}`), key('sending')],
        args: [lockOwner, 200],
        reply: [ms, isFirst ? null : ms, record, sending ? id : null],
        inside: 8,
      })
      if (!isFirst) return
      ledger.script('lockDataSince', { keys: ['{gateway}:data-since'], args: [], reply: ms, inside: 3 })
      ledger.script('lockKeepSince', {
        keys: [key('lock'), key('since')],
        args: [lockOwner, ms],
        reply: 1,
        inside: 2,
      })
    },
    /** A key of Idempotency-Key: counted, claimed, its answer kept, freed. */
    key: (digest: string, begun: string, answer: string): void => {
      quotas('take', [count('client', client, 'idempotency-keys', digest.slice(-16))], [])
      const name = `${prefix}idempotency:2:${digest}`
      const lease = `${prefix}idempotency-lease:1:${digest}`
      ledger.command('set idempotency', ['set', name, begun, 'PX', 86_400_000, 'NX'], { status: 'OK' })
      ledger.command('set idempotency-lease', ['set', lease, 1, 'PX', 2000, 'NX'], { status: 'OK' })
      const weight = Math.floor(answer.length / 512)
      if (weight > 0)
        quotas(
          'take',
          [count('client', client, 'idempotency-keys', `${digest.slice(-16)} answer*${weight}`)],
          [],
        )
      ledger.command('set idempotency', ['set', name, answer, 'PX', 86_400_000], { status: 'OK' })
      ledger.command('getdel idempotency-lease', ['getdel', lease], '1')
    },
    create: (
      organization: number,
      id: string,
      rows: number,
      record: string,
      chunks: Buffer[],
      inLock: boolean,
    ): void => {
      quotas('take', things(organization, id, rows), [[open, memberOf(id, rows), ms]])
      ledger.script('journalCreate', {
        keys: keysOf(organization, id),
        args: [
          inLock ? lockOwner : '',
          record,
          id,
          inLock ? 1 : 0,
          ...chunks.flatMap((chunk, at) => [at, chunk]),
        ],
        reply: 1,
        inside: 3 + chunks.length + (inLock ? 2 : 0),
      })
    },
    /** What comes after sending is the last record of the lock, and releases it. */
    save: (organization: number, id: string, record: string, chunk: Buffer, isSending: boolean): void => {
      const flags = isSending ? [1, weekMs, 0, 0] : [0, weekMs, 1, 1]
      ledger.script('journalSave', {
        keys: [...keysOf(organization, id), `journal:{${organization}}:watches:1`],
        args: [lockOwner, record, id, ...flags, 0, chunk],
        reply: 1,
        inside: isSending ? 6 : 9,
      })
    },
    end: (organization: number, id: string, rows: number): void =>
      quotas('extend', things(organization, id, rows), [
        [ended, memberOf(id, rows), ms],
        [open, memberOf(id, rows), ''],
      ]),
    /** The operation of a PATCH leaves nothing. */
    forget: (organization: number, id: string): void => {
      ledger.script('journalRemove', {
        keys: keysOf(organization, id),
        args: [lockOwner, id, 1],
        reply: 1,
        inside: 5,
      })
      quotas('release', things(organization, id, 1), [[open, memberOf(id, 1), '']])
    },
    get: (organization: number, id: string, record: string | null): void =>
      ledger.command('get journal', ['get', `${prefix}journal:{${organization}}:operation:${id}`], record),
    cancelled: (organization: number, id: string): void =>
      ledger.command(
        'exists journal',
        ['exists', `${prefix}journal:{${organization}}:operation:${id}:cancel`],
        0,
      ),
    chunk: (organization: number, id: string, chunk: Buffer): void =>
      ledger.command(
        'hget journal',
        ['hget', `${prefix}journal:{${organization}}:operation:${id}:rows`, 0],
        chunk,
      ),
    assignment: (
      organization: number,
      chat: string,
      isNew: boolean,
      attempts: number,
      texts: AssignmentTexts,
    ): void => {
      const key = `assignment:{${organization}}:chat:${chat}`
      ledger.script('assignmentFind', {
        keys: [key],
        args: [2_592_000_000],
        reply: isNew ? null : texts.hold,
        inside: 1,
      })
      if (!isNew) return
      quotas('take', [count('client', client, 'assignments', `${organization}:${chat}`)], [])
      for (let attempt = 1; attempt <= attempts; attempt++) {
        const isLost = attempt < attempts
        ledger.script('assignmentStore', {
          keys: [key, `assignment:{${organization}}:rotation`],
          args: [2_592_000_000, '', texts.hold, texts.head, 1234, 'append', texts.text],
          reply: isLost ? ['', texts.news, 1234] : null,
          inside: isLost ? 4 : 7,
        })
      }
    },
    /** For a second at one instance: operations that a stopped instance left, and requests that ChatHub applied late. */
    rest: (seconds: number): void => {
      ledger.command('zrange journal', ['zrange', prefix + open, 0, -1, 'WITHSCORES'], [], seconds / 5)
      ledger.command(
        'zremrangebyscore journal',
        ['zremrangebyscore', prefix + ended, '-inf', ms],
        0,
        seconds / 5,
      )
      ledger.command('time', ['time'], [ms.slice(0, 10), '123456'], seconds / 5)
      ledger.command('smembers journal', ['smembers', `${prefix}journal:watched`], [], seconds / 5)
    },
  }
}

/** `hold`: an assignment. `head`, `text`, `news`: of the rotation of its organization: its first bytes, one choice, what was missed. */
export type AssignmentTexts = { hold: string; head: string; text: string; news: string }
