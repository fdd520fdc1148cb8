import type { ListedClient } from '../contract/system.ts'
import { mayTouch } from './authorize.ts'
import type { Caller } from './caller.ts'
import type { KeyUses } from './key-uses.ts'
import type { Keys } from './keys.ts'

/** The listed keys as a caller may see them, in the order of the file. Two keys of one client are two items. */
export type ListClients = (caller: Caller) => Promise<ListedClient[]>

/**
 * A caller with a list of organizations sees the clients that share one with it, and of their organizations only its own.
 */
export const createListClients =
  ({ keys, keyUses }: { keys: Keys; keyUses: KeyUses }): ListClients =>
  (caller) => {
    const seen = keys.all().flatMap((client) => {
      const { organizations } = client
      if (caller.organizations === '*' || organizations === '*')
        return { client, organizations: organizations === '*' ? ('*' as const) : [...organizations] }
      const shared = [...organizations].filter((id) => mayTouch(caller, id))
      return shared.length > 0 ? { client, organizations: shared } : []
    })
    return Promise.all(
      seen.map(async ({ client, organizations }) => {
        const { id, scopes, expiresAt, keyHash = '' } = client
        const at = Math.max(keys.lastUse(keyHash) ?? 0, (await keyUses.lastOf(keyHash)) ?? 0)
        return {
          id,
          scopes: [...scopes],
          organizations,
          expiresAt: expiresAt === undefined ? null : new Date(expiresAt).toISOString(),
          lastUsedAt: at === 0 ? null : new Date(at).toISOString(),
        }
      }),
    )
  }
