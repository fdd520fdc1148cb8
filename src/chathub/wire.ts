import { z } from 'zod'
import { inSlices } from '../clock.ts'
import { DropInValidity } from '../contract/drop-in.ts'
import { Id, parseId } from '../contract/ids.ts'
import { type KnownStatus, knownStatuses, type Operator } from '../contract/operator.ts'
import type { Organization } from '../contract/organization.ts'
import { Failure } from '../errors.ts'

/**
 * ChatHub's JSON, translated once. What breaks the shape of an answer is `chathub.invalid-response` and never replaces a good
 * copy; single bad rows are set aside and counted; statuses that ChatHub never documented survive as they are.
 */
export const statusOf = (code: number): Pick<Operator, 'status' | 'statusCode'> => {
  const status = knownStatuses[code]
  return status ? { status } : { status: 'unknown', statusCode: code }
}

/** Back to ChatHub's integer. */
export const codeOf = (operator: Pick<Operator, 'status' | 'statusCode'>): number =>
  operator.status === 'unknown' ? (operator.statusCode as number) : statusCode(operator.status)

export const statusCode = (status: KnownStatus): number => knownStatuses.indexOf(status)

const decoder = new TextDecoder('utf-8', { fatal: true })

/** The text of a body, whatever its label says; one byte order mark is dropped. */
const textOf = (body: Buffer): string => {
  try {
    return decoder.decode(body)
  } catch (cause) {
    throw new Failure('chathub.invalid-response', { cause })
  }
}

/** The JSON of a body, whatever its label says. @throws Failure `chathub.invalid-response` */
export const jsonOf = (body: Buffer): unknown => {
  const text = textOf(body)
  try {
    return JSON.parse(text)
  } catch (cause) {
    // The parser's own message quotes the body, which may hold names: it stays in the cause's type only.
    throw new Failure('chathub.invalid-response', {
      cause: new Error(`not JSON, ${body.length} bytes (${(cause as Error).name})`),
    })
  }
}

const wireId = z.preprocess((value) => (typeof value === 'string' ? parseId(value) : value), Id)
const wireOrganization = z.object({ id: wireId, name: z.string() })
const wireOperator = z.object({
  id: wireId,
  name: z.string(),
  status: z.int(),
  organization: wireOrganization.nullish(),
})

const operatorOf = ({ id, name, status }: z.output<typeof wireOperator>): Operator => ({
  id,
  name,
  ...statusOf(status),
})

/** Rows of an answer, validated: `drift` says what was set aside, by kind. */
export type ValidatedRows<T> = { rows: T[]; drift: Record<string, number> }

const validateRows = async <S extends z.ZodType>(
  body: Buffer,
  schema: S,
): Promise<ValidatedRows<z.output<S>>> => {
  const data = jsonOf(body)
  if (!Array.isArray(data))
    throw new Failure('chathub.invalid-response', { cause: new Error('not an array') })
  const rows: z.output<S>[] = []
  await inSlices(data, (row) => {
    const parsed = schema.safeParse(row)
    if (parsed.success) rows.push(parsed.data)
  })
  const bad = data.length - rows.length
  // One bad row is set aside wherever it stands; more than a tenth, or nothing good left, is another shape.
  if (bad > Math.max(1, data.length / 10) || (bad > 0 && rows.length === 0))
    throw new Failure('chathub.invalid-response', {
      cause: new Error(`${bad} of ${data.length} rows are not rows`),
    })
  return { rows, drift: bad > 0 ? { 'bad-row': bad } : {} }
}

/** Rows by id in the order of their first place; of twins the last wins, and twins that differ are counted. */
const unique = <T extends { id: number }>(validated: ValidatedRows<T>): ValidatedRows<T> => {
  const byId = new Map<number, T>()
  let conflicts = 0
  for (const row of validated.rows) {
    const before = byId.get(row.id)
    if (before && JSON.stringify(before) !== JSON.stringify(row)) conflicts++
    byId.set(row.id, row)
  }
  return {
    rows: [...byId.values()],
    drift: conflicts > 0 ? { ...validated.drift, 'duplicate-id': conflicts } : validated.drift,
  }
}

export const organizationsOf = async (body: Buffer): Promise<ValidatedRows<Organization>> =>
  unique(await validateRows(body, wireOrganization))

/** The operators of one organization; rows that name another one are dropped and counted, never served. */
export const operatorsOf = async (
  body: Buffer,
  organization: number,
): Promise<ValidatedRows<Operator> & { organizationName: string | undefined }> => {
  const all = await validateRows(body, wireOperator)
  const own = all.rows.filter((row) => !row.organization || row.organization.id === organization)
  const foreign = all.rows.length - own.length
  const { rows, drift } = unique({
    rows: own,
    drift: foreign > 0 ? { ...all.drift, 'foreign-row': foreign } : all.drift,
  })
  return {
    rows: rows.map(operatorOf),
    drift,
    organizationName: rows.find((row) => row.organization)?.organization?.name,
  }
}

/** What `synchronize` says it made; no organization in it, and neither order nor length can be trusted. */
export const addedOf = async (body: Buffer): Promise<ValidatedRows<Operator>> => {
  const { rows, drift } = await validateRows(body, wireOperator)
  return { rows: rows.map(operatorOf), drift }
}

const bareToken = z.object({ token: z.string().min(1), expiration: z.string().nullish() })
const tokenObject = z.union([bareToken, z.object({ data: bareToken }).transform(({ data }) => data)])

/** A token in any of ChatHub's shapes: JSON string, bare text, `{token, expiration}`. `expiresAt`: epoch ms where known. */
export const tokenOf = (body: Buffer): { token: string; expiresAt: number | undefined } => {
  const text = textOf(body).trim()
  let data: unknown = text
  try {
    data = JSON.parse(text)
  } catch {
    // Bare text is one of the documented shapes.
  }
  const parsed = tokenObject.safeParse(data)
  const token = parsed.success ? parsed.data.token : data
  // A page or an object in place of a token is none, though it may be one visible word.
  if (typeof token !== 'string' || !/^(?!.*[<>{}"\\])[\x21-\x7e]{8,8192}$/.test(token))
    throw new Failure('chathub.invalid-response', { cause: new Error('not a token') })
  const expiration =
    parsed.success && parsed.data.expiration ? Date.parse(parsed.data.expiration) : Number.NaN
  return { token, expiresAt: Number.isNaN(expiration) ? expiryOfJwt(token) : expiration }
}

/** `exp` of a JWT, unverified: a hint for renewing early, nothing more. Epoch ms. */
const expiryOfJwt = (token: string): number | undefined => {
  try {
    const { exp } = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as {
      exp?: unknown
    }
    return typeof exp === 'number' ? exp * 1000 : undefined
  } catch {
    return undefined
  }
}

export type Validity = z.infer<typeof DropInValidity>

export const validityOf = (body: Buffer): Validity => {
  const parsed = DropInValidity.safeParse(jsonOf(body))
  if (!parsed.success) throw new Failure('chathub.invalid-response', { cause: new Error('not a verdict') })
  return parsed.data
}
