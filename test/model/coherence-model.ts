import {
  at,
  type Bytes,
  bit,
  epochs,
  type Guard,
  g,
  get,
  heartbeat,
  i,
  instances,
  none,
  of,
  op,
  phase,
  plain,
  set,
  w,
  w0,
  writers,
  wSize,
} from './coherence-state.ts'
import type { Model } from './explore.ts'

/*
 * The coherence protocol of src/cache/coherence.ts as a machine of small numbers: three instances, one list, instance 0
 * and 1 write once each, one partition (publications to the instance are lost, and it never knows), one loss (of all
 * Redis holds, of the key of members alone, or of one instance's last heartbeats in a failover). Whatever may happen next may
 * happen: heartbeats come whenever they like, answers as late as they like. Times are what is left of them, in ticks, so the
 * machine is finite without a last tick.
 *
 * A crash is an instance that takes no further step, and so is, for the others, one that is cut off: every such run is
 * among those explored. What one instance serves does not depend on what the others remember, only on what they write
 * and store; so each is watched in its turn (`victim`; 1 is 0's mirror image), and of the others no more is kept. They
 * are allowed more than they can do: to confirm at once, and to patch the least that a copy of the epoch may hold.
 */

export type Bounds = {
  /** Whose answers are watched. */
  victim: number
  /** A lease in ticks. */
  lease: number
  logKept: number
  cuts: number
  losses: number
  loads: number
}
const everything: Bounds = { victim: 2, lease: 2, logKept: 2, cuts: 1, losses: 1, loads: 1 }
/** `without`: guards taken out. `logKept`: how many invalidations the log holds. */
export const coherenceModel = (without: readonly Guard[] = [], bounds: Partial<Bounds> = {}): Model => {
  const { victim, lease, logKept, cuts, losses, loads } = { ...everything, ...bounds }
  // Which of the others fills the store with an older list makes no difference.
  const loader = victim === 2 ? 1 : 2
  const has = (guard: Guard): boolean => !without.includes(guard)

  const start = (): Bytes => {
    const s = new Uint8Array(w0 + 2 * wSize)
    s.set([cuts, losses, loads], g.cuts)
    const first = has('epochUnique') ? 1 : 0
    s[g.epoch] = first
    s[g.copyEpoch] = first
    for (const n of instances) {
      s[at(n, i.up)] = 1
      s[at(n, i.copy)] = none
      s[g.joined + n] = none
      if (n === 2) continue // joins when it likes
      s[g.lease + n] = lease
      s[g.joined + n] = lease
      s[at(n, i.trust)] = lease
      s[at(n, i.epoch)] = first
      s[at(n, i.copy)] = 0
      s[at(n, i.current)] = 1
    }
    return s
  }

  /** One that nobody remembers: to them it is as good as one that never was. */
  const newEpoch = (s: Bytes): number => {
    let epoch = 1
    while (epochs.some((field) => get(s, field) === epoch)) epoch++
    return epoch
  }
  const invalidate = (s: Bytes, n: number): void => {
    s[at(n, i.current)] = 0
    if (get(s, at(n, i.op))) s[at(n, i.invalidated)] = 1
    if (n < 2 && [phase.begun, phase.bumped].includes(get(s, of(n, w.phase)))) s[of(n, w.invalidated)] = 1
  }
  const endTerm = (s: Bytes, n: number): void => {
    s[at(n, i.current)] = 0
    if (get(s, at(n, i.op))) s[at(n, i.ended)] = 1
    if (n < 2 && [phase.begun, phase.bumped].includes(get(s, of(n, w.phase)))) s[of(n, w.ended)] = 1
  }
  const keep = (s: Bytes, n: number, epoch: number, copy: number, isCurrent: boolean): void => {
    s[at(n, i.epoch)] = epoch
    s[at(n, i.copy)] = copy
    s[at(n, i.current)] = isCurrent ? 1 : 0
  }
  const endOp = (s: Bytes, n: number): void => {
    for (let field = i.op; field <= i.opJoined; field++) s[at(n, field)] = 0
  }
  const acknowledge = (s: Bytes, n: number): void => {
    s[g.acked] = get(s, g.acked) | bit(n)
    s[of(n, w.phase)] = phase.acked
    for (let field = w.base; field < wSize; field++) s[of(n, field)] = 0
    // Whoever comes now may still join a load that is running and not invalidated.
    for (const m of instances)
      if (get(s, at(m, i.op)) > op.adopting && !get(s, at(m, i.invalidated)))
        s[at(m, i.opJoined)] = get(s, at(m, i.opJoined)) | bit(n)
  }
  /** Acknowledged as soon as it may be: later is only safer. */
  const look = (s: Bytes): void => {
    for (const n of writers) {
      if (get(s, of(n, w.phase)) !== phase.waiting || get(s, of(n, w.young)) > 0) continue
      if (get(s, of(n, w.open)) !== 0 && get(s, of(n, w.left)) > 0) continue
      if (has('bumpFirst')) acknowledge(s, n)
      else s[of(n, w.phase)] = phase.announced
    }
  }
  /** The epoch as the store's read script gives it. */
  const readEpoch = (s: Bytes): number => {
    if (get(s, g.epoch) === 0 && has('epochUnique')) {
      s[g.epoch] = newEpoch(s)
    }
    return get(s, g.epoch)
  }

  const sendHeartbeat = (s: Bytes, n: number): void => {
    const member = get(s, g.lease + n) > 0
    const [since, last] = [get(s, at(n, i.last)), get(s, g.counter)]
    if (!member || get(s, g.joined + n) === none) s[g.joined + n] = 0
    s[g.lease + n] = lease
    s[g.confirmed + n] = !has('joinerConfirmsNothing') || (member && since <= last) ? since : 0
    s[at(n, i.member)] = member ? 1 : 0
    s[at(n, i.latest)] = last
    s[at(n, i.heartbeatAge)] = 0
    const reaches = since < last && last - since <= get(s, g.log)
    s[at(n, i.heartbeat)] = since === last ? heartbeat.whole : reaches ? heartbeat.missed : heartbeat.gap
  }
  const receiveHeartbeat = (s: Bytes, n: number): void => {
    const kind = get(s, at(n, i.heartbeat))
    const lapsed = get(s, at(n, i.member)) === 0
    if (kind === heartbeat.missed && has('inLog')) invalidate(s, n)
    if (kind === heartbeat.gap) s[at(n, i.last)] = get(s, at(n, i.latest))
    else s[at(n, i.last)] = Math.max(get(s, at(n, i.last)), get(s, at(n, i.latest)))
    if ((lapsed && has('endOnLapse')) || (kind === heartbeat.gap && has('endOnGap'))) endTerm(s, n)
    const age = has('fromSending') ? get(s, at(n, i.heartbeatAge)) : 0
    s[at(n, i.trust)] = Math.max(0, lease - age)
    for (const field of [i.heartbeat, i.heartbeatAge, i.member, i.latest]) s[at(n, field)] = 0
  }
  const hearNotice = (s: Bytes, n: number, writer: number): void => {
    invalidate(s, n)
    s[at(n, i.inbox)] = get(s, at(n, i.inbox)) & ~bit(writer)
    s[at(n, i.early)] = get(s, at(n, i.early)) & ~bit(writer)
    if (get(s, of(writer, w.phase)) !== phase.waiting) return
    if (get(s, of(writer, w.number)) === get(s, at(n, i.last)) + 1)
      s[at(n, i.last)] = get(s, of(writer, w.number))
    s[of(writer, w.open)] = get(s, of(writer, w.open)) & ~bit(n)
  }

  const begin = (s: Bytes, n: number): void => {
    if (n === victim) {
      const based = get(s, at(n, i.current)) && get(s, at(n, i.trust)) > 0
      s[of(n, w.base)] = based ? get(s, at(n, i.epoch)) : none
      s[of(n, w.patch)] = based ? get(s, at(n, i.copy)) | bit(n) : 0
    } else {
      // The least it may have started from: a copy of the epoch now, with what made that epoch and no more.
      s[of(n, w.base)] = get(s, g.epoch) === 0 && has('epochUnique') ? none : get(s, g.epoch)
      s[of(n, w.patch)] = get(s, g.bumped) | bit(n)
    }
    s[g.chathub] = get(s, g.chathub) | bit(n)
    invalidate(s, n)
    s[of(n, w.phase)] = phase.begun
    s[of(n, w.ended)] = get(s, at(n, i.trust)) > 0 ? 0 : 1
  }
  const bump = (s: Bytes, n: number): void => {
    const base = get(s, of(n, w.base))
    const kept = base !== none && (base === get(s, g.epoch) || !has('casOnPatch'))
    const epoch = newEpoch(s)
    s[g.epoch] = epoch
    s[of(n, w.epoch)] = epoch
    s[of(n, w.kept)] = kept ? 1 : 0
    s[of(n, w.phase)] = phase.bumped
    s[of(n, w.base)] = 0
    s[g.bumped] = get(s, g.bumped) | bit(n)
    if (!kept) return
    s[g.copyEpoch] = epoch
    s[g.copy] = get(s, of(n, w.patch))
  }
  const hearBump = (s: Bytes, n: number): void => {
    const undisturbed = !has('generationOnPatch') || !get(s, of(n, w.invalidated))
    const lives = !has('termOnKeep') || !get(s, of(n, w.ended))
    invalidate(s, n)
    if (get(s, of(n, w.kept)))
      keep(s, n, get(s, of(n, w.epoch)), get(s, of(n, w.patch)), undisturbed && lives)
    if (has('bumpFirst')) s[of(n, w.phase)] = phase.answered
    else acknowledge(s, n)
    for (const field of [w.base, w.patch, w.kept, w.epoch, w.invalidated, w.ended]) s[of(n, field)] = 0
  }
  const announce = (s: Bytes, n: number): void => {
    const number = get(s, g.counter) + 1
    s[g.counter] = number
    s[g.log] = Math.min(logKept, get(s, g.log) + 1)
    let open = 0
    for (const m of instances) {
      if (m === n || m !== victim) continue
      if (get(s, g.lease + m) > 0 && m === victim && has('waitMembers')) open |= bit(m)
      if (get(s, at(m, i.up)) && !get(s, at(m, i.cut))) s[at(m, i.inbox)] = get(s, at(m, i.inbox)) | bit(n)
    }
    const joined = get(s, g.joined + n) === none ? 0 : get(s, g.joined + n)
    s[of(n, w.phase)] = phase.waiting
    s[of(n, w.number)] = number
    s[of(n, w.open)] = open
    s[of(n, w.left)] = lease
    s[of(n, w.young)] = Math.max(
      has('waitMissing') && get(s, g.lease + n) === 0 ? lease : 0,
      has('waitJoined') ? lease - joined : 0,
      has('waitConnected') ? get(s, at(n, i.connected)) : 0,
    )
    // A writer does not receive its own invalidation.
    if (get(s, at(n, i.last)) === number - 1) s[at(n, i.last)] = number
  }
  /** The writer looks who has confirmed by heartbeats. */
  const ask = (s: Bytes, n: number): void => {
    for (const m of instances) {
      const confirmed = get(s, g.confirmed + m) >= get(s, of(n, w.number))
      const gone = get(s, g.lease + m) === 0 && !has('absentIsOpen')
      if (confirmed || gone) s[of(n, w.open)] = get(s, of(n, w.open)) & ~bit(m)
    }
  }

  const current = (s: Bytes, n: number, generation: Guard): boolean =>
    !(has('termOnKeep') && get(s, at(n, i.ended))) && !(has(generation) && get(s, at(n, i.invalidated)))
  const beginOp = (s: Bytes, n: number, kind: number, epoch?: number): void => {
    s[g.loads] = get(s, g.loads) - 1
    s[at(n, i.op)] = kind
    s[at(n, i.ended)] = get(s, at(n, i.trust)) > 0 ? 0 : 1
    s[at(n, i.opEpoch)] = epoch ?? (get(s, at(n, i.cut)) ? none : readEpoch(s))
    s[at(n, i.opCopy)] =
      kind === op.adopting && get(s, g.copyEpoch) === get(s, g.epoch) ? get(s, g.copy) : none
  }
  /** The store named the current epoch; its copy of it, or our own, is current again. */
  const adopt = (s: Bytes, n: number): void => {
    const epoch = get(s, at(n, i.opEpoch))
    const found = get(s, at(n, i.opCopy))
    const own = get(s, at(n, i.copy))
    if (found !== none) keep(s, n, epoch, found, current(s, n, 'generationOnAdopt'))
    else if (own !== none && get(s, at(n, i.epoch)) === epoch && current(s, n, 'generationOnAdopt'))
      s[at(n, i.current)] = 1
  }
  /** The copy was too old, or there was none: the load goes on under what was read with it. */
  const goOn = (s: Bytes, n: number): void => {
    s[at(n, i.op)] = op.loading
    s[at(n, i.opCopy)] = none
  }
  const fill = (s: Bytes, n: number): void => {
    const epoch = get(s, at(n, i.opEpoch))
    const away = get(s, at(n, i.cut)) || epoch === none // then it is kept here alone
    const refused = !away && epoch !== get(s, g.epoch) && has('casOnFill')
    s[at(n, i.op)] = refused ? op.refused : op.filled
    if (away || refused) return
    s[g.copyEpoch] = get(s, g.epoch)
    s[g.copy] = get(s, at(n, i.opCopy))
  }
  /** @returns what is wrong with the answer to who joined */
  const land = (s: Bytes, n: number): string | undefined => {
    const [kind, epoch, copy] = [get(s, at(n, i.op)), get(s, at(n, i.opEpoch)), get(s, at(n, i.opCopy))]
    const joined = get(s, at(n, i.opJoined))
    const counts = kind === op.filled && epoch !== none && current(s, n, 'generationOnFill')
    const vouched = counts && get(s, at(n, i.trust)) > 0
    if (kind === op.filled) keep(s, n, epoch, copy, counts)
    endOp(s, n)
    if ((joined & ~copy) !== 0 && (vouched || !has('joinersVouched')))
      return `who joined ${n}'s load got a list without an acknowledged write`
    return undefined
  }

  const tick = (s: Bytes): void => {
    const down = (index: number): void => set(s, index, Math.max(0, get(s, index) - 1))
    for (const n of instances) {
      down(g.lease + n)
      if (has('ownClock')) down(at(n, i.trust))
      down(at(n, i.connected))
      const joined = get(s, g.joined + n)
      if (joined !== none) s[g.joined + n] = Math.min(lease, joined + 1)
      if (get(s, at(n, i.heartbeat)))
        s[at(n, i.heartbeatAge)] = Math.min(lease, get(s, at(n, i.heartbeatAge)) + 1)
    }
    for (const n of writers) {
      down(of(n, w.left))
      down(of(n, w.young))
    }
  }
  const lose = (s: Bytes, all: boolean): void => {
    s[g.losses] = 0
    s.fill(0, g.lease, g.lease + 3)
    if (!all) return
    for (const field of [g.epoch, g.copyEpoch, g.copy, g.counter, g.log]) s[field] = 0
    s.fill(0, g.confirmed, g.confirmed + 3)
    s.fill(none, g.joined, g.joined + 3)
    if (!has('epochUnique')) s[g.copyEpoch] = none
  }

  /** A replica that lacks one instance's last heartbeats takes over; everybody connects anew. */
  const failOver = (s: Bytes, lost: number): void => {
    s[g.losses] = 0
    s[g.lease + lost] = 0
    for (const n of instances) {
      if (!get(s, at(n, i.up))) continue
      s[at(n, i.connected)] = lease
      s[at(n, i.inbox)] = 0
      endTerm(s, n)
    }
  }

  const next: Model['next'] = (state, visit) => {
    const go = (label: string, act: (s: Bytes) => unknown): void => {
      const s = state.slice()
      const wrong = act(s)
      look(s)
      visit(s, label, typeof wrong === 'string' ? wrong : undefined, () =>
        plain(s, victim, !has('epochUnique')),
      )
    }
    go('time passes', tick)
    if (get(state, g.losses)) {
      go('Redis loses everything', (s) => lose(s, true))
      go('Redis loses the key of members', (s) => lose(s, false))
      for (const n of instances) go(`Redis fails over and lost ${n}'s heartbeats`, (s) => failOver(s, n))
    }
    for (const n of instances) {
      if (!get(state, at(n, i.up))) continue
      const connected = !get(state, at(n, i.cut))
      const doing = get(state, at(n, i.op))
      if (connected && get(state, g.cuts) && (n === victim || (n < 2 && !has('ackAnnounced'))))
        go(`${n} is cut off`, (s) => {
          s[g.cuts] = 0
          s[at(n, i.cut)] = 1
          s[at(n, i.inbox)] = 0
        })
      if (!connected) go(`${n} is connected again`, (s) => set(s, at(n, i.cut), 0))
      if (connected && (n === victim || n < 2) && !get(state, at(n, i.heartbeat)))
        go(`${n} sends a heartbeat`, (s) => sendHeartbeat(s, n))
      if (connected && get(state, at(n, i.heartbeat)))
        go(`${n} receives the answer to its heartbeat`, (s) => receiveHeartbeat(s, n))
      for (const writer of writers) {
        if (!connected || !(get(state, at(n, i.inbox)) & bit(writer))) continue
        go(`${n} hears of write ${writer}`, (s) => hearNotice(s, n, writer))
        if (!has('forgetFirst') && !(get(state, at(n, i.early)) & bit(writer)))
          go(`${n} confirms write ${writer} and has not forgotten`, (s) => {
            s[at(n, i.early)] = get(s, at(n, i.early)) | bit(writer)
            s[of(writer, w.open)] = get(s, of(writer, w.open)) & ~bit(n)
          })
      }
      if (doing === op.none && get(state, g.loads) && (n === victim || n === loader)) {
        if (connected && n === victim) go(`${n} reads the store`, (s) => beginOp(s, n, op.adopting))
        go(`${n} starts to load`, (s) => beginOp(s, n, op.loading))
        if (n === victim && get(state, at(n, i.current)) && get(state, at(n, i.trust)) > 0)
          go(`${n} starts to load for a write`, (s) => beginOp(s, n, op.loading, get(s, at(n, i.epoch))))
      }
      if (doing === op.adopting && connected) {
        go(`${n} hears from the store`, (s) => {
          adopt(s, n)
          endOp(s, n)
        })
        go(`${n} hears from the store and goes on to load`, (s) => {
          adopt(s, n)
          goOn(s, n)
        })
      }
      if (doing === op.adopting && !connected) go(`${n} hears nothing from the store`, (s) => endOp(s, n))
      if (doing === op.loading)
        go(`ChatHub answers ${n}`, (s) => {
          s[at(n, i.op)] = op.asked
          s[at(n, i.opCopy)] = get(s, g.chathub)
        })
      if (doing === op.asked) go(`${n} fills the store`, (s) => fill(s, n))
      // A load for a write does not.
      if (doing === op.asked && n === victim) go(`${n} fills no store`, (s) => set(s, at(n, i.op), op.filled))
      if (doing >= op.filled && n === victim) go(`${n} keeps what it loaded`, (s) => land(s, n))
    }
    for (const n of writers) {
      if (!get(state, at(n, i.up))) continue
      const connected = !get(state, at(n, i.cut))
      const at_ = get(state, of(n, w.phase))
      const order = has('bumpFirst')
      if (at_ === phase.idle) go(`${n} writes to ChatHub`, (s) => begin(s, n))
      if (connected && at_ === (order ? phase.begun : phase.announced))
        go(`${n} bumps the epoch`, (s) => bump(s, n))
      if (connected && at_ === phase.bumped) go(`${n} hears of its bump`, (s) => hearBump(s, n))
      if (connected && at_ === (order ? phase.answered : phase.begun))
        go(`${n} announces`, (s) => announce(s, n))
      if (!connected && at_ === phase.answered && !has('ackAnnounced'))
        go(`${n} cannot announce and waits a lease`, (s) => {
          s[of(n, w.phase)] = phase.waiting
          s[of(n, w.young)] = lease
        })
      if (connected && at_ === phase.waiting && get(state, of(n, w.open)))
        go(`${n} asks who confirmed`, (s) => ask(s, n))
    }
  }

  /** What a reader that begins now would be given as fresh must hold every write acknowledged by now. */
  const wrong: Model['wrong'] = (s) => {
    const acked = get(s, g.acked)
    if (acked === 0) return undefined
    const epoch = get(s, g.epoch)
    const known = epoch !== 0 || !has('epochUnique')
    if (known && get(s, g.copyEpoch) === epoch && (acked & ~get(s, g.copy)) !== 0)
      return 'the store gives the older list as fresh'
    for (const n of [victim]) {
      const copy = get(s, at(n, i.copy))
      if (!get(s, at(n, i.up)) || copy === none || (acked & ~copy) === 0) continue
      if (get(s, at(n, i.current)) && get(s, at(n, i.trust)) > 0) return `${n} serves the older list as fresh`
      if (known && !get(s, at(n, i.cut)) && get(s, at(n, i.epoch)) === epoch)
        return `the store lets ${n} serve the older list as fresh`
    }
    return undefined
  }
  return { start, next, wrong }
}
