import type { Caller } from '../access/caller.ts'
import type { Exchange } from '../chathub/exchange.ts'
import { type Clock, every } from '../clock.ts'
import { type OnChange, oneChange } from '../contract/audit.ts'
import type { LogLevel, SwitchChange, Switches } from '../contract/switches.ts'
import { Failure } from '../errors.ts'
import type { Redis } from '../redis/redis.ts'
import type { Reporter } from '../report.ts'

type Thrown<V> = { value: V; since: string; by: string; reason: string | null }
/** What was thrown. Undefined: as the gateway started. `draining` is of this instance. */
type State = {
  readOnly?: Thrown<boolean>
  chathubPaused?: Thrown<boolean>
  draining?: Thrown<boolean>
  logLevel?: Thrown<LogLevel | null>
}
const shared = ['readOnly', 'chathubPaused', 'logLevel'] as const

const readMs = 1000
/** How long a caller waits before it asks again, ms. */
const retryAfterMs = 30_000

/**
 * What an administrator changes while the gateway runs. All instances have the same within two seconds, except `draining`.
 * While Redis is away, an instance keeps what it knew. The first that finds Redis emptied tells it, and records that.
 */
export const createSwitches = (options: {
  redis: Redis | undefined
  clock: Clock
  logLevel: LogLevel
  systemCaller: Caller
  onChange: OnChange
  report: Reporter
  /** Its level is changed. */
  logger: { level: string }
}) => {
  const { redis, clock, onChange, report, systemCaller, logger } = options
  const key = `${redis?.prefix ?? ''}switches`
  let state: State = {}

  const apply = (next: State): void => {
    state = next
    logger.level = state.logLevel?.value ?? options.logLevel
  }
  const read = async (): Promise<void> => {
    const before = state
    const kept: Record<string, string> | undefined = await redis?.run((client) => client.hgetall(key))
    // What was thrown meanwhile is newer than this answer.
    if (!kept || state !== before) return
    const told = shared.flatMap((name) => (kept[name] ? [[name, JSON.parse(kept[name])] as const] : []))
    apply({ ...state, ...(Object.fromEntries(told) as State) })
    // A switch that is off is kept too, so a missing one was lost.
    for (const name of shared) if (!kept[name]) await restore(name)
  }
  const restore = async (name: (typeof shared)[number]): Promise<void> => {
    const lost = state[name]
    if (!lost) return
    const isFirst = await redis?.run((client) => client.hsetnx(key, name, JSON.stringify(lost)))
    if (isFirst !== 1) return
    report({ name: 'switch-restored', switch: name, value: lost.value })
    await onChange({
      organization: null,
      at: clock.wall(),
      client: systemCaller.id,
      changes: [changeOf(name, lost.value, `Redis had lost it; by ${withReason(lost.by, lost.reason)}`)],
    })
  }
  const changeOf = (name: string, value: unknown, reason: string | null | undefined) => ({
    ...oneChange,
    kind: 'switchChanged' as const,
    reason: `${name}: ${value ?? options.logLevel}${reason ? ` (${reason})` : ''}`,
  })
  const readSilently = (): Promise<void> => read().catch(() => {})
  const stop = redis ? every(clock, readMs, readSilently) : () => {}

  const onOff = (thrown: Thrown<boolean> | undefined) => ({
    on: thrown?.value ?? false,
    ...timesOf(thrown),
  })
  const status = (): Switches => ({
    readOnly: onOff(state.readOnly),
    chathubPaused: onOff(state.chathubPaused),
    draining: onOff(state.draining),
    logLevel: { level: state.logLevel?.value ?? options.logLevel, ...timesOf(state.logLevel) },
  })
  const isPaused = (): boolean => state.chathubPaused?.value ?? false
  const refuseWrites = (): void => {
    if (state.readOnly?.value) throw new Failure('gateway.read-only', { retryAfterMs })
  }

  return {
    status,
    isDraining: (): boolean => state.draining?.value ?? false,
    /** Switches that are on, by name. */
    on: (): ('readOnly' | 'chathubPaused' | 'draining')[] =>
      (['readOnly', 'chathubPaused', 'draining'] as const).filter((name) => state[name]?.value),
    /** @throws Failure `gateway.read-only` */
    refuseWrites,
    /** The outermost layer of the way to ChatHub: a paused gateway proves nothing about ChatHub. */
    withSwitches:
      (exchange: Exchange): Exchange =>
      async (call) => {
        if (isPaused()) throw new Failure('chathub.paused', { retryAfterMs })
        if (call.write) refuseWrites()
        return exchange(call)
      },
    /** Throws switches, and records each that is another one now. @throws Failure `redis.unavailable` */
    change: async (
      caller: Caller,
      { reason, ...change }: SwitchChange,
      requestId: string,
    ): Promise<Switches> => {
      await read()
      const before = status()
      const at = clock.wall()
      const by = caller.subject ? `${caller.id}: ${caller.subject}` : caller.id
      const given = Object.entries(change).filter(([, value]) => value !== undefined)
      const told = given.filter(([name, value]) => isAnother(before, name, value ?? options.logLevel))
      if (told.length === 0) return before
      const thrown = told.map(
        ([name, value]) =>
          [name, { value, since: new Date(at).toISOString(), by, reason: reason ?? null }] as const,
      )
      const kept = thrown.filter(([name]) => name !== 'draining')
      if (redis && kept.length > 0) {
        const fields = Object.fromEntries(kept.map(([name, one]) => [name, JSON.stringify(one)]))
        await redis.run((client) => client.hset(key, fields))
      }
      apply({ ...state, ...Object.fromEntries(thrown) })
      await onChange({
        organization: null,
        at,
        client: caller.id,
        subject: caller.subject,
        requestId,
        changes: told.map(([name, value]) => changeOf(name, value, reason)),
      })
      return status()
    },
    stop,
    /** Reads what other instances have thrown before this one started. */
    start: readSilently,
  }
}

export type SwitchBoard = ReturnType<typeof createSwitches>

const timesOf = (thrown: Thrown<unknown> | undefined) => ({
  since: thrown?.since ?? null,
  by: thrown?.by ?? null,
  reason: thrown?.reason ?? null,
})

const withReason = (by: string, reason: string | null): string => (reason ? `${by}: ${reason}` : by)

const isAnother = (before: Switches, name: string, value: unknown): boolean => {
  const one = before[name as keyof Switches]
  return ('on' in one ? one.on : one.level) !== value
}
