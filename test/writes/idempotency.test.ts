import { describe, expect, it } from '@jest/globals'
import type { Clock } from '../../src/clock.ts'
import { Failure } from '../../src/errors.ts'
import { unlimited } from '../../src/redis/quotas.ts'
import { createMemoryRecords } from '../../src/redis/records.ts'
import { createIdempotency, newRequestKey } from '../../src/writes/idempotency.ts'
import { createClock, settle } from '../support/clock.ts'

const setUp = () => {
  const clock = createClock()
  const kept = createMemoryRecords(clock)
  let afterGet = async (): Promise<void> => {}
  const get = async (key: string): Promise<unknown> => {
    const record = await kept.get(key)
    const run = afterGet
    afterGet = async () => {}
    await run()
    return record
  }
  const records = { ...kept, get }
  const storable = (answer: string): boolean => !answer.startsWith('secret')
  const requestKeys: string[] = []
  let running: string | undefined
  type Use = { key?: string; client?: string; body?: string }
  const instance = (its: Clock) => {
    const idempotency = createIdempotency<string>({
      records,
      quotas: unlimited,
      storage: () => ({ state: 'ok' }),
      clock: its,
      storable,
    })
    return (work: () => Promise<string>, { key = 'k', client = 'crm', body = 'b' }: Use = {}) =>
      idempotency
        .run(
          { client, route: 'add', key, fingerprint: body },
          (requestKey) => {
            requestKeys.push(requestKey)
            return work()
          },
          { begun: async (requestKey) => running && `${running} ${requestKeys.indexOf(requestKey)}` },
        )
        .then(
          ({ answer, replayed }) => `${answer}${replayed ? ' again' : ''}`,
          (error: Failure) => error.code,
        )
  }
  return {
    clock,
    requestKeys,
    /** Runs once, between the next reading of a record and what follows it. */
    afterGet: (run: () => Promise<void>): void => {
      afterGet = run
    },
    once: instance(clock),
    /** Runs at an instance that is killed as its work begins: its clock stands still, so it renews nothing. */
    killed: instance(createClock()),
    /** An earlier run has begun an operation. */
    setRunning: (operation?: string): void => {
      running = operation
    },
  }
}
const forever = () => new Promise<string>(() => {})
const says = (answer: string) => async () => answer
const fails = (error: Error) => async () => Promise.reject(error)

describe('an idempotency key', () => {
  it('runs work once and repeats its answer for a day', async () => {
    const { clock, requestKeys, once } = setUp()
    expect([await once(says('one')), await once(says('two'))]).toEqual(['one', 'one again'])
    await clock.advance(24 * 3600 * 1000 - 1)
    expect(await once(says('three'))).toBe('one again')
    await clock.advance(1)
    expect(await once(says('four'))).toBe('four')
    expect(requestKeys).toHaveLength(2)
  })

  it('runs work again, under the same requestKey, when its answer must not be stored', async () => {
    const { requestKeys, once } = setUp()
    expect([await once(says('secret 1')), await once(says('secret 2'))]).toEqual([
      'secret 1',
      'secret 2 again',
    ])
    expect(new Set(requestKeys).size).toBe(1)
  })

  it('is free after a failure that wrote nothing, and keeps its requestKey after a failure in doubt', async () => {
    const { requestKeys, once } = setUp()
    expect(await once(fails(new Failure('queue.full')))).toBe('queue.full')
    expect(await once(fails(new Failure('write.in-doubt')))).toBe('write.in-doubt')
    expect(await once(fails(new Failure('chathub.timeout', { inDoubt: true })))).toBe('chathub.timeout')
    expect(await once(fails(new Error('a bug')))).toBeUndefined()
    expect(await once(says('at last'))).toBe('at last again')
    expect(requestKeys[0]).not.toBe(requestKeys[1])
    expect(new Set(requestKeys.slice(1)).size).toBe(1)
  })

  it('keeps its requestKey when a repetition or the journal fails: earlier writes are found under it', async () => {
    const { requestKeys, once } = setUp()
    expect(await once(fails(new Failure('redis.unavailable')))).toBe('redis.unavailable')
    expect(await once(fails(new Failure('chathub.unavailable')))).toBe('chathub.unavailable')
    expect(await once(says('secret'))).toBe('secret again')
    expect(await once(fails(new Failure('organization.unknown')))).toBe('organization.unknown')
    expect(await once(says('at last'))).toBe('at last again')
    expect(new Set(requestKeys).size).toBe(1)
  })

  it('is in flight as long as its work runs, however long that is', async () => {
    const { clock, requestKeys, once } = setUp()
    void once(forever)
    for (let minute = 0; minute < 3; minute++) {
      await clock.advance(60_000)
      expect(await once(says('early'))).toBe('idempotency.in-flight')
    }
    expect(requestKeys).toHaveLength(1)
  })

  it('is free two seconds after its process was killed, and again after the next one was', async () => {
    const { clock, requestKeys, once, killed } = setUp()
    for (let kill = 0; kill < 2; kill++) {
      void killed(forever)
      await clock.advance(1999)
      expect(await once(says('early'))).toBe('idempotency.in-flight')
      await clock.advance(1)
    }
    expect(await once(says('resumed'))).toBe('resumed again')
    expect(await once(says('late'))).toBe('resumed again')
    expect([requestKeys.length, new Set(requestKeys).size]).toEqual([3, 1])
  })

  it('whose killed process had begun an operation is answered with that, until it has ended', async () => {
    const { clock, requestKeys, once, killed, setRunning } = setUp()
    void killed(forever)
    await clock.advance(2000)
    setRunning('running')
    expect([await once(says('worked')), await once(says('worked'))]).toEqual([
      'running 0 again',
      'running 0 again',
    ])
    setRunning()
    expect([await once(says('worked')), await once(says('twice'))]).toEqual(['worked again', 'worked again'])
    expect(requestKeys).toHaveLength(2)
  })

  it('of many requests at once works once', async () => {
    const { once, requestKeys } = setUp()
    const all = await Promise.all(Array.from({ length: 20 }, () => once(says('answer'))))
    expect(new Set(all.map((one) => one?.replace(' again', '')))).toEqual(
      new Set(['answer', 'idempotency.in-flight']),
    )
    expect(requestKeys).toHaveLength(1)
    expect(await once(says('late'))).toBe('answer again')
  })

  it('has one requestKey for who came as a failing first run freed it', async () => {
    const { once, killed, clock, requestKeys, afterGet } = setUp()
    let fail = (): void => {}
    const first = once(() => new Promise((_, reject) => (fail = () => reject(new Failure('queue.full')))))
    await settle()
    // The second one has read the record of the first, which then frees the key. It is killed as its work runs.
    afterGet(async () => {
      fail()
      await first
    })
    void killed(forever)
    await settle()
    expect([await first, requestKeys.length]).toEqual(['queue.full', 2])
    expect(await once(says('early'))).toBe('idempotency.in-flight')
    await clock.advance(2000)
    expect(await once(says('resumed'))).toBe('resumed again')
    expect(requestKeys[2]).toBe(requestKeys[1])
  })

  it('belongs to one client and one body', async () => {
    const { once } = setUp()
    await once(says('one'))
    expect(await once(says('two'), { body: 'other' })).toBe('idempotency.mismatch')
    expect(await once(says('three'), { client: 'other' })).toBe('three')
    expect(await once(says('four'), { key: 'other' })).toBe('four')
  })
})

describe('request keys', () => {
  it('never repeat and fit into the id of an operation', () => {
    const requestKeys = Array.from({ length: 1000 }, newRequestKey)
    expect(new Set(requestKeys).size).toBe(1000)
    for (const requestKey of requestKeys) expect(requestKey).toMatch(/^\w{16}$/)
  })
})
