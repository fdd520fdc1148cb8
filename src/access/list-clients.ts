import type { ListedClient } from '../contract/system.ts'
import { mayTouch } from './authorize.ts'
import type { Caller } from './caller.ts'
import type { KeyUses } from './key-uses.ts'
import type { Keys } from './keys.ts'

/**
 * The listed keys as a caller may see them. Two keys of one client are two items. A caller with a list of organizations
 * sees the clients that share one with it, and of their organizations only its own.
 */
export const createListClients =
  ({ keys, keyUses }: { keys: Keys; keyUses: KeyUses }) =>
  (caller: Caller): Promise<ListedClient[]> =>
    Promise.all(
      keys.knownTo(caller).map(async ({ id, scopes, organizations: own, expiresAt, keyHash = '' }) => {
        const organizations = own === '*' ? own : [...own].filter((each) => mayTouch(caller, each))
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
