import { type Answer, empty, json, problem } from './answer.ts'
import type { Directory } from './directory.ts'
import type { Incoming } from './incoming.ts'
import type { Holder } from './tokens.ts'

/** `GET /api/company/organization` -> `[{id,name}]`. */
export function listOrganizations(directory: Directory): Answer {
  return json(directory.organizations())
}

/**
 * `GET /api/operator?organizationId=n` -> `[{id,name,status,organization:{id,name}}]`, the deleted
 * included. An unknown organization gives an empty list. An operator's token reads its own organization only,
 * and may omit the parameter.
 */
export function listOperators(incoming: Incoming, directory: Directory, holder: Holder): Answer {
  const asked = incoming.query.get('organizationId')
  const own = holder.kind === 'operator' ? directory.operator(holder.operatorId)?.organizationId : undefined
  const organization = asked === null ? own : integer(asked)
  if (organization === undefined) return problem(400, { organizationId: ['The value is not valid.'] })
  if (holder.kind === 'operator' && organization !== own) return problem(403)
  const name = directory.nameOf(organization)
  const rows = directory.operators(organization)
  return json(
    rows.map(({ id, name: person, status }) => ({
      id,
      name: person,
      status,
      organization: { id: organization, name },
    })),
  )
}

type NewRow = { organizationId: number; name: string }

/**
 * `POST /api/operator/synchronize` with `[{organizationId,name}]` -> `[{id,name,status}]` in the order
 * of the request, without `organization`. It only adds, and equal names are allowed. Rows may name several
 * organizations. One invalid row or unknown organization is 400, and nothing is added.
 */
export function synchronize(incoming: Incoming, directory: Directory): Answer {
  if (!Array.isArray(incoming.json)) return problem(400, { $: ['The JSON value is not an array.'] })
  const errors: Record<string, string[]> = {}
  for (const [index, row] of (incoming.json as Partial<NewRow>[]).entries()) {
    const organization = row?.organizationId
    if (!Number.isInteger(organization)) {
      errors[`$[${index}].organizationId`] = ['The organizationId field is required.']
    } else if (directory.nameOf(organization!) === undefined) {
      errors[`$[${index}].organizationId`] = [`Organization ${organization} was not found.`]
    }
    if (typeof row?.name !== 'string' || row.name.trim() === '') {
      errors[`$[${index}].name`] = ['The name field is required.']
    }
  }
  if (Object.keys(errors).length > 0) return problem(400, errors)
  const added = (incoming.json as NewRow[]).map((row) => directory.addOperator(row.organizationId, row.name))
  return json(added.map(({ id, name, status }) => ({ id, name, status })))
}

/**
 * `POST /api/operator/status` with `{id,status}` -> 200 without a body. Any change between 0, 1 and 2 is
 * allowed. An unknown operator is 404, another status is 400.
 */
export function changeStatus(incoming: Incoming, directory: Directory): Answer {
  const { id, status } = (incoming.json ?? {}) as { id?: unknown; status?: unknown }
  if (!Number.isInteger(id)) return problem(400, { id: ['The id field is required.'] })
  if (status !== 0 && status !== 1 && status !== 2) return problem(400, { status: ['Must be 0, 1 or 2.'] })
  return directory.changeOperator(id as number, { status }) ? empty() : problem(404)
}

function integer(text: string): number | undefined {
  return /^-?\d{1,10}$/.test(text) ? Number(text) : undefined
}
