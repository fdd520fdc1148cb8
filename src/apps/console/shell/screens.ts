import type { Scope } from '../session/rights.ts'
import type { IconName } from '../states/icon.tsx'

type Screen = {
  name: 'board' | 'operators' | 'import' | 'activity' | 'upstream' | 'keys'
  icon: IconName
  /** Second key after `g`. */
  key: string
  /** Undefined: everybody may see it. */
  scope: Scope | undefined
  /** `organization`: the one that is shown. */
  path: (organization: number) => string
}

/** The entries of the navigation. One that the session may not see is left out. */
export const screens: readonly Screen[] = [
  { name: 'board', icon: 'board', key: 'b', scope: 'operators:read', path: () => '/' },
  { name: 'operators', icon: 'people', key: 'o', scope: 'operators:read', path: (id) => `/${id}/operators` },
  { name: 'import', icon: 'import', key: 'i', scope: 'operators:import', path: (id) => `/${id}/import` },
  { name: 'activity', icon: 'clock', key: 'a', scope: undefined, path: () => '/activity' },
  { name: 'upstream', icon: 'pulse', key: 'u', scope: 'admin', path: () => '/upstream' },
  { name: 'keys', icon: 'key', key: 'k', scope: 'admin', path: () => '/keys' },
]
