import { type Coherence, singleInstance } from '../../src/cache/coherence.ts'
import { createLoader } from '../../src/cache/loader.ts'
import { createMemory, type Loaded } from '../../src/cache/memory.ts'
import { createMemoryStore } from '../../src/cache/memory-store.ts'
import type { Claim, Store } from '../../src/cache/store.ts'
import type { CallContext } from '../../src/chathub/exchange.ts'
import { Failure } from '../../src/errors.ts'
import { createClock, type HandClock, settle } from '../support/clock.ts'
import { key, times } from './cache-harness.ts'

/** A store with claims, as Redis has them, for instances on one clock. */
const createSharedStore = (clock: HandClock) => {
  const inner = createMemoryStore({ clock })
  const claims = new Map<string, { owner: string; urgency: Claim['urgency']; until: number }>()
  const counts = { reads: 0, claims: 0, fills: 0 }
  const faults = { away: false, readOnly: false, lostCopies: false }
  const of = (owner: string): Store => ({
    ...inner,
    read: async (name, claim) => {
      counts.reads++
      if (faults.away) throw new Failure('redis.unavailable')
      const found = faults.lostCopies
        ? { ...(await inner.read(name)), stored: undefined, claimed: claim !== undefined }
        : await inner.read(name, claim)
      if (!claim || !found.claimed) return found
      if (faults.readOnly) return { ...found, claimed: undefined }
      const held = claims.get(name)
      const isFree = !held || held.until <= clock.now() || held.owner === owner
      if (!isFree && !(held.urgency === 'background' && claim.urgency === 'foreground'))
        return { ...found, claimed: false }
      counts.claims++
      const urgency = held?.owner === owner ? held.urgency : claim.urgency
      claims.set(name, { owner, urgency, until: clock.now() + claim.leaseMs })
      return found
    },
    fill: async (name, copy, keepMs) => {
      counts.fills++
      const filled = await inner.fill(name, copy, keepMs)
      if (filled && claims.get(name)?.owner === owner) claims.delete(name)
      return filled
    },
    release: async (name) => {
      if (claims.get(name)?.owner === owner) claims.delete(name)
    },
  })
  return { inner, of, claims, counts, faults }
}

/** Loaders of several instances on one store and one clock; their loads are ended by hand. */
export const setUpLoaders = () => {
  const clock = createClock()
  const shared = createSharedStore(clock)
  const instance = (owner: string, coherence: Coherence = singleInstance) => {
    const memory = createMemory<string>(clock, coherence)
    const asked: { succeed(value: string): Promise<void>; fail(error: Error): Promise<void> }[] = []
    const loader = createLoader<string>({
      list: 'operators',
      store: shared.of(owner),
      times,
      clock,
      report: () => {},
      coherence,
      memory,
      decode: (bytes) => {
        if (bytes.includes('junk')) throw new Error('no list')
        return bytes.toString()
      },
      load: () => {
        const askedAt = clock.now()
        return new Promise<Loaded<string>>((resolve, reject) => {
          asked.push({
            succeed: async (value) => {
              resolve({ value, bytes: Buffer.from(value), askedAt })
              await settle()
            },
            fail: async (error) => {
              reject(error)
              await settle()
            },
          })
        })
      },
    })
    const context = (lane: CallContext['lane'] = 'people'): CallContext => ({
      lane,
      client: 'crm',
      deadline: clock.now() + 10_000,
    })
    /** As a reader does who has nothing in memory. */
    const coldLoad = async (): Promise<string> => {
      const known = await loader.lookUp(key, context())
      if (known.copy && known.copy.epoch === known.epoch) return known.copy.value
      return (await loader.loadOnce(key, context(), { known }).promise).value
    }
    return { loader, memory, asked, context, coldLoad }
  }
  return { clock, shared, instance }
}
