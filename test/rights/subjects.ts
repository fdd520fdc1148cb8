import type { Operation } from '../fuzz/document.ts'

/** Whose thing an id names. `listed`: in the list of the caller, but ChatHub does not have it. `colleague`: of another client. */
export type Owner = 'own' | 'foreign' | 'unknown' | 'listed' | 'colleague'

/** What an id may be about, and a value of each owner. `own` may give another one each time. */
export type Subjects = Record<string, Partial<Record<Owner, () => string | number>>>

/** A place of a request that names something: `query ids`, `body organizationId`. */
export type Slot = { key: string; subject: string; isList: boolean }

/** Whose id stands in one place; the other places have the caller's own. `mixed`: beside one of the caller's own. */
export type Choice = { slot: string; owner: Owner; mixed?: boolean; also?: string }

/** What the names of parameters and fields are about. A name that is missing here is filled by its schema, or left out. */
const subjectOfName: Record<string, string> = {
  org: 'organization',
  organization: 'organization',
  organizationId: 'organization',
  organizations: 'organization',
  operator: 'operator',
  exclude: 'operator',
  operation: 'operation',
  webhook: 'webhook',
  chatId: 'chat',
  token: 'token',
  ticket: 'ticket',
  login: 'login',
  client: 'client',
  subject: 'subject',
}
/** What a parameter or field is about; undefined when it names nothing. */
export const subjectOf = (name: string, { path, method }: Operation, place: string): string | undefined => {
  if (name === 'id' || name === 'ids') return /operator/.test(path) ? 'operator' : 'organization'
  // An object `token` holds the wishes for one; the person of a new session is named freely.
  if (name === 'token' && path.endsWith(':onboard')) return undefined
  // The audit log knows only operators that were changed.
  if (name === 'operator' && place === 'query') return 'changed operator'
  // The caller names its chats as it likes.
  if (name === 'chatId' && place === 'body') return undefined
  if (name === 'subject' && method === 'POST') return undefined
  if (name === 'subject' && method === 'DELETE') return 'person to sign out'
  // Checked when the session asks for the token of its operator.
  if (name === 'operator' && path === '/v1/sessions') return undefined
  return name === 'limit' || place === 'header' ? undefined : subjectOfName[name]
}

/** What an operation asks of its caller, as its description says. */
export type Needs = {
  isOpen: boolean
  isForSessions: boolean
  /** Each group grants one of the scopes that are needed. */
  scopes: string[][]
}
export const needsOf = (operation: Operation): Needs => {
  const { security = [], description = '' } = operation as Operation & { description?: string }
  const named = [...(/Scope: ([^.]*)\./.exec(description)?.[1]?.matchAll(/`([^`]+)`/g) ?? [])]
  const including = /`([^`]+)` includes it/.exec(description)?.[1]
  return {
    isOpen: security.length === 0,
    isForSessions: security.length > 0 && security.every((one) => 'session' in one),
    scopes: named.map(([, scope]) => [scope as string, ...(including ? [including] : [])]),
  }
}

/** Every pair of choices whose answers must not differ. */
export const pairsOf = ({ path }: Operation, slots: readonly Slot[]): [Choice, Choice][] => {
  const pairs: [Choice, Choice][] = []
  for (const { key: slot, subject, isList } of slots) {
    const pair = (owner: Owner, more: Partial<Choice> = {}): void =>
      void pairs.push([
        { slot, owner, ...more },
        { slot, owner: 'unknown', ...more },
      ])
    pair('foreign')
    // These ask ChatHub nothing, so that they work while it is down: what the caller's list alone has is the caller's own.
    if (
      subject === 'organization' &&
      !['/v1/cache:purge', '/v1/audit', '/v1/sessions', '/v1/webhooks'].includes(path)
    )
      pair('listed')
    // The audit log is that of the organization, whoever wrote.
    if (subject === 'operation' && path.startsWith('/v1/operations')) pair('colleague')
    if (isList || slot.startsWith('body organizationId')) pair('foreign', { mixed: true })
    const also = slots.find((other) => other.subject === 'operator' && other.key !== slot)?.key
    if (subject === 'organization' && also !== undefined) pair('foreign', { also })
  }
  return pairs
}
