import type { AddOperators, Operation, Operator, OperatorStatus, ProblemCode, SetStatus } from './api.ts'
import type { FakeState } from './fake-state.ts'

export type Asked = {
  params: string[]
  query: URLSearchParams
  body: unknown
  signal: AbortSignal | undefined
}
export type Reply = { status?: number; body?: unknown; stream?: ReadableStream<Uint8Array> }

export class Refused extends Error {
  readonly code: ProblemCode
  constructor(code: ProblemCode) {
    super(code)
    this.code = code
  }
}

/** The endpoints that have state, by method and path. */
export const createFakeEndpoints = (state: FakeState) => {
  const operations = new Map<string, Operation>()
  const organizationOf = ([id]: string[]) => {
    const found = state.organizations.find((one) => one.id === Number(id))
    if (!found) throw new Refused('organization.unknown')
    return found
  }
  const operatorOf = (params: string[]) => {
    const organization = organizationOf(params)
    const operator = organization.operators.find(({ id }) => id === Number(params[1]))
    if (!operator) throw new Refused('operator.unknown')
    return { organization, operator }
  }
  const shown = ({ organization: { id, name }, operator }: ReturnType<typeof operatorOf>): Reply => ({
    body: { ...operator, organization: { id, name } },
  })
  const all = () =>
    state.organizations.flatMap((organization) =>
      organization.operators.map((operator) => ({ organization, operator })),
    )
  const operationOf = ([id = '']: string[]): Operation => {
    const found = operations.get(id)
    if (!found) throw new Refused('operation.unknown')
    return found
  }
  const counts = (operators: Operator[]) => {
    const count = (status: OperatorStatus): number => operators.filter((one) => one.status === status).length
    const by = { active: count('active'), inactive: count('inactive'), deleted: count('deleted') }
    return { total: operators.length, ...by, unknown: count('unknown') }
  }
  const change = (params: string[], status: OperatorStatus): Reply => {
    const found = operatorOf(params)
    state.setStatus(found.organization, found.operator, status)
    return shown(found)
  }

  const endpoints: Record<string, (asked: Asked) => Reply> = {
    'GET /v1/organizations': () => {
      const items = state.organizations.map(({ id, name }) => ({ id, name }))
      return { body: { items, total: items.length } }
    },
    'GET /v1/organizations/{org}': ({ params }) => {
      const { id, name } = organizationOf(params)
      return { body: { id, name } }
    },
    'GET /v1/organizations/{org}/statistics': ({ params }) => ({
      body: counts(organizationOf(params).operators),
    }),
    'GET /v1/organizations/{org}/operators': ({ params, query }) => {
      const { id, name, operators } = organizationOf(params)
      const found = state.select(operators, query)
      const start = Number(query.get('cursor') ?? 0)
      const end = start + Number(query.get('limit') ?? found.length)
      const nextCursor = end < found.length ? String(end) : null
      return {
        body: { organization: { id, name }, items: found.slice(start, end), total: found.length, nextCursor },
      }
    },
    'GET /v1/organizations/{org}/operators/{operator}': ({ params }) => shown(operatorOf(params)),
    'GET /v1/operators/{operator}': ({ params: [id] }) => {
      const found = all().find(({ operator }) => operator.id === Number(id))
      if (!found) throw new Refused('operator.unknown')
      return shown(found)
    },
    'GET /v1/operators': ({ query }) => {
      const selected = new Set(
        state.select(
          all().map(({ operator }) => operator),
          query,
        ),
      )
      const items = all().flatMap((found) => (selected.has(found.operator) ? [shown(found).body] : []))
      return { body: { items, total: items.length, unavailable: [] } }
    },
    'POST /v1/organizations/{org}/operators': ({ params, body }) => {
      const asked = body as AddOperators
      const organization = organizationOf(params)
      if (asked.onDuplicate === 'fail' && state.add(organization, { ...asked, dryRun: true }).exists > 0)
        throw new Refused('operator.duplicate')
      const added = state.add(organization, asked)
      return { body: added, status: added.created > 0 ? 201 : 200 }
    },
    'PATCH /v1/organizations/{org}/operators/{operator}': ({ params, body }) =>
      change(params, (body as { status: OperatorStatus }).status),
    'DELETE /v1/organizations/{org}/operators/{operator}': ({ params }) => change(params, 'deleted'),
    'POST /v1/organizations/{org}/operators:setStatus': ({ params, body }) => {
      const { ids, status } = body as SetStatus
      const { id: org, operators } = organizationOf(params)
      const results = ids.map((id, index) => {
        if (!operators.some((one) => one.id === id))
          return { index, id, outcome: 'rejected', reason: 'operator.unknown' }
        const found = operatorOf([String(org), String(id)])
        return {
          index,
          id,
          outcome: state.setStatus(found.organization, found.operator, status) ? 'changed' : 'unchanged',
        }
      })
      const count = (outcome: string): number => results.filter((row) => row.outcome === outcome).length
      const by = { changed: count('changed'), unchanged: count('unchanged'), rejected: count('rejected') }
      return { body: { results, ...by, unknown: 0 } }
    },
    'POST /v1/organizations/{org}/imports': ({ params, body }) => {
      const organization = organizationOf(params)
      const [, ...names] = String(body).split(/\r?\n/).filter(Boolean)
      const { results, ...outcomes } = state.add(organization, { operators: names.map((name) => ({ name })) })
      const operation: Operation = {
        id: `fake-${operations.size + 1}`,
        kind: 'import',
        organization: organization.id,
        state: 'done',
        client: 'fake',
        subject: null,
        undoes: null,
        total: results.length,
        ...outcomes,
        changed: 0,
        unchanged: 0,
        pending: 0,
        detail: null,
        startedAt: new Date().toISOString(),
        finishedAt: new Date().toISOString(),
      }
      operations.set(operation.id, operation)
      return { body: { ...operation, file: { format: 'csv', columns: ['name'], notes: [] } }, status: 202 }
    },
    'GET /v1/operations/{operation}': ({ params }) => ({ body: operationOf(params) }),
  }
  return { endpoints, operationOf }
}
