import type { Dice } from '../fuzz/dice.ts'
import type { Asking } from './asking.ts'
import { useSession } from './session.ts'
import { soakName, type Truth } from './truth.ts'
import type { Ending, Writing, Written } from './writing.ts'

type Parts = {
  asking: Asking
  writing: Writing
  truth: Truth
  dice: Dice
  organizations: number[]
  /** Operators of the organizations at the start, by organization. */
  operators: Map<number, number[]>
  login: () => { login: string; password: string }
}

/** The actions of the mixed load with their weights. Each picks what it does by the dice. */
export const createLoad = (parts: Parts) => {
  const { asking, writing, truth, dice, organizations, operators, login } = parts
  const { ask, fault, other } = asking
  let serial = 0
  const lastAdded: { organization: number; name: string }[] = []
  const busy = new Set<number>()

  const at = (organization: number, rest = ''): string => `/v1/organizations/${organization}${rest}`
  const anyOrganization = (): number => dice.pick(organizations)
  const namesOf = (count: number): string[] => Array.from({ length: count }, () => `${soakName} ${++serial}`)
  const keyed = (): Record<string, string> => ({ 'Idempotency-Key': `soak-${++serial}` })

  /** The ending of each name, in the order of the names. */
  const endingsOf = (written: Written, names: string[]): Ending[] => {
    if (written.state === 'failed') return []
    if (written.state === 'forgotten') return names.map(() => ({ outcome: 'forgotten' }))
    const given = written.state === 'done' ? written.answer.json : written.rows
    const rows: (Ending & { index?: number })[] = Array.isArray(given) ? given : given.results
    return names.map((_, i) => {
      const row = rows.find(({ index }) => index === i) ?? rows[i]
      // The drop-in answer has operators without outcomes.
      return row ? { ...row, outcome: row.outcome ?? 'created' } : { outcome: 'missing' }
    })
  }
  const add = async (
    action: string,
    organization: number,
    names: string[],
    request: { path: string; body: unknown; headers?: Record<string, string> },
    onAccepted?: (location: string) => void,
  ): Promise<void> => {
    const startedAt = performance.now()
    const written = await writing.write({
      action,
      ...request,
      ...(onAccepted && { onAccepted }),
    })
    for (const [i, ending] of endingsOf(written, names).entries())
      truth.added({ action, organization, name: names[i] as string, startedAt, ending })
    const name = names[0] as string
    if (endingsOf(written, names)[0]?.outcome !== 'created') return
    lastAdded.push({ organization, name })
    if (lastAdded.length > 20) lastAdded.shift()
    if (written.state === 'done' && dice.chance(0.3)) await checkFresh(action, organization, name, written)
  }
  /** Another instance must not serve the older list as fresh. */
  const checkFresh = async (
    action: string,
    organization: number,
    name: string,
    { answer: { slot } }: Extract<Written, { state: 'done' }>,
  ): Promise<void> => {
    const path = at(organization, `/operators?name=${encodeURIComponent(name)}`)
    const answer = await ask('list after a write', 'GET', path, {
      slot: other(slot),
      from: [at(organization)],
    })
    const how = answer?.headers.get('cache-status') ?? ''
    const isFresh = /; hit; ttl=\d/.test(how) || how.includes('fwd=uri-miss')
    if (answer?.status === 200 && isFresh && answer.json.total === 0)
      fault(`${action}: an older list was served as fresh`, `${path} ${how}`)
  }
  const changeStatus = async (action: string, count: number): Promise<void> => {
    const organization = anyOrganization()
    const free = (operators.get(organization) ?? []).filter((id) => !busy.has(id))
    const ids = [...new Set(Array.from({ length: count }, () => dice.pick(free)))]
    const status = dice.pick(['active', 'inactive'])
    for (const id of ids) busy.add(id)
    const isOne = count === 1
    const written = await writing.write({
      action,
      ...(isOne ? { method: 'PATCH' } : { headers: keyed() }),
      path: at(organization, isOne ? `/operators/${ids[0]}` : '/operators:setStatus'),
      body: isOne ? { status } : { ids, status },
    })
    const endings =
      isOne && written.state === 'done' ? [{ outcome: 'changed' }] : endingsOf(written, ids.map(String))
    for (const [i, id] of ids.entries()) {
      const isKnown = ['changed', 'unchanged'].includes(endings[i]?.outcome ?? '')
      truth.changed(id, organization, isKnown ? status : undefined)
      busy.delete(id)
    }
  }
  /** A stream of an operation to its end, or to that of its instance. */
  const watch = async (location: string): Promise<void> =>
    void (await ask('stream', 'GET', `${location}/events`, { withinMs: 900_000 }))

  const actions: [weight: number, action: () => Promise<unknown>][] = [
    [
      24,
      () => {
        const organization = anyOrganization()
        return ask('list', 'GET', at(organization, '/operators'), { from: [at(organization)] })
      },
    ],
    [
      6,
      async () => {
        const organization = anyOrganization()
        const from = [at(organization)]
        const query = dice.pick([
          'q=e',
          'status=active&sort=name',
          'limit=20',
          'q=ко&fields=name',
          'sort=-id&limit=50',
        ])
        const first = await ask('search in a list', 'GET', at(organization, `/operators?${query}`), { from })
        const tag = first?.headers.get('etag')
        if (tag && dice.chance(0.3))
          await ask('list, If-None-Match', 'GET', at(organization, `/operators?${query}`), {
            from,
            headers: { 'If-None-Match': tag },
          })
      },
    ],
    [
      4,
      () => {
        const organization = anyOrganization()
        const id = dice.pick(operators.get(organization) ?? [1])
        return ask('one operator', 'GET', at(organization, `/operators/${id}`), { from: [at(organization)] })
      },
    ],
    [
      3,
      () =>
        ask('directory', 'GET', `/v1/operators?q=${dice.pick(['an', 'шев', 'o', 'soak'])}`, {
          from: ['organizations'],
        }),
    ],
    [2, () => ask('statistics', 'GET', '/v1/statistics', { from: ['organizations'] })],
    [3, () => ask('organizations', 'GET', '/v1/organizations', { from: ['organizations'] })],
    [
      1,
      () =>
        ask('list, no-cache', 'GET', at(anyOrganization(), '/operators'), {
          headers: { 'Cache-Control': 'no-cache' },
        }),
    ],
    [
      2,
      () => {
        const organization = anyOrganization()
        const names = namesOf(1 + dice.below(3))
        const body = { operators: names.map((name) => ({ name })) }
        return add('add without a key', organization, names, { path: at(organization, '/operators'), body })
      },
    ],
    [
      2,
      () => {
        const organization = anyOrganization()
        const names = namesOf(1 + dice.below(3))
        const onDuplicate = dice.pick(['skip', 'allow'])
        const body = { operators: names.map((name) => ({ name })), onDuplicate }
        return add('add with a key', organization, names, {
          path: at(organization, '/operators'),
          body,
          headers: keyed(),
        })
      },
    ],
    [
      1,
      () => {
        const known = lastAdded[0]
        if (!known) return Promise.resolve()
        const body = { operators: [{ name: known.name }] }
        return writing.write({
          action: 'add of a known name',
          path: at(known.organization, '/operators'),
          body,
        })
      },
    ],
    [
      1,
      () => {
        const organization = anyOrganization()
        const names = namesOf(1 + dice.below(3))
        const body = names.map((name) => ({ organizationId: organization, name }))
        return add('drop-in add', organization, names, {
          path: '/api/operator/synchronize',
          body,
          headers: keyed(),
        })
      },
    ],
    [2, () => changeStatus('status of one', 1)],
    [1, () => changeStatus('status of many', 5)],
    [
      0.4,
      () => {
        const organization = anyOrganization()
        const names = namesOf(20 + dice.below(40))
        const isCancelled = dice.chance(0.3)
        return add(
          'import',
          organization,
          names,
          {
            path: at(organization, '/imports'),
            body: `name\n${names.join('\n')}`,
            headers: { 'Content-Type': 'text/csv', ...keyed() },
          },
          (location) => {
            void watch(location)
            if (isCancelled) void ask('cancel', 'POST', `${location}:cancel`, { body: {} })
          },
        )
      },
    ],
    [0.7, () => useSession(asking, organizations)],
    [
      3,
      async () => {
        const organization = anyOrganization()
        const chatId = `chat-${dice.below(400)}`
        const assigned = await ask('assign', 'POST', at(organization, '/assignments'), { body: { chatId } })
        if (assigned?.status === 200 && dice.chance(0.3))
          await ask('release', 'DELETE', at(organization, `/assignments/${chatId}`))
      },
    ],
    [
      3,
      () => {
        const organization = anyOrganization()
        return ask('drop-in list', 'GET', `/api/operator?organizationId=${organization}`, {
          from: [at(organization)],
        })
      },
    ],
    [
      0.3,
      async () => {
        const answer = await ask('drop-in login', 'POST', '/api/company/get-token', {
          key: null,
          body: login(),
        })
        if (answer?.status !== 200) return
        await ask('drop-in list, token', 'GET', `/api/operator?organizationId=${organizations[0]}`, {
          key: answer.json,
        })
      },
    ],
    [
      0.5,
      async () => {
        const organization = anyOrganization()
        const id = dice.pick(operators.get(organization) ?? [1])
        const minted = await ask('operator token', 'POST', at(organization, `/operators/${id}/tokens`), {
          body: { expiresIn: 60 },
        })
        if (minted?.status === 201)
          await ask('validate', 'POST', '/v1/tokens:validate', { body: { token: minted.json.token } })
      },
    ],
    [0.5, () => ask('upstream', 'GET', '/v1/upstream')],
    [0.5, () => ask('operations', 'GET', '/v1/operations?limit=20')],
    [0.5, () => ask('audit', 'GET', '/v1/audit?limit=50')],
  ]
  const sum = actions.reduce((total, [weight]) => total + weight, 0)
  /** One action, chosen by weight. Rejects only for a fault of this program. */
  return (): Promise<unknown> => {
    let left = (dice.below(1e6) / 1e6) * sum
    for (const [weight, action] of actions) {
      left -= weight
      if (left < 0) return action()
    }
    return Promise.resolve()
  }
}
