import { z } from 'zod'
import { inSlices } from '../clock.ts'
import { DropInValidity } from '../contract/drop-in.ts'
import { Id, parseId } from '../contract/ids.ts'
import { type KnownStatus, knownStatuses, type Operator } from '../contract/operator.ts'
import type { Organization } from '../contract/organization.ts'
import { decodeUtf8 } from '../decode-utf8.ts'
import { Failure } from '../errors.ts'

// ChatHub's JSON is translated here only. All parsers @throw Failure `chathub.invalid-response`; its cause never quotes
// the body, which may hold names.

/** An undocumented integer becomes `unknown` and keeps its code. */
export const statusOf = (code: number): Pick<Operator, 'status' | 'statusCode'> => {
  const status = knownStatuses[code]
  return status ? { status } : { status: 'unknown', statusCode: code }
}

/** The integer of ChatHub. */
export const codeOf = (operator: Pick<Operator, 'status' | 'statusCode'>): number =>
  operator.status === 'unknown' ? (operator.statusCode as number) : statusCode(operator.status)

export const statusCode = (status: KnownStatus): number => knownStatuses.indexOf(status)

const invalid = (message: string): Failure =>
  new Failure('chathub.invalid-response', { cause: new Error(message) })

/** The UTF-8 text of a body, whatever its Content-Type. */
const textOf = (body: Buffer): string => {
  const text = decodeUtf8(body)
  if (text === undefined) throw invalid('not UTF-8')
  return text
}

export const jsonOf = (body: Buffer): unknown => {
  const text = textOf(body)
  try {
    return JSON.parse(text)
  } catch (error) {
    // The message of the parser quotes the body.
    throw invalid(`not JSON, ${body.length} bytes (${(error as Error).name})`)
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

/**
 * The valid rows of an answer. `drift`: how many rows were left out or contradicted another, by kind. `unknownFields`: the
 * type of each field that is not documented; never a value, which may be personal.
 */
export type ValidatedRows<T> = { rows: T[]; drift: Record<string, number>; unknownFields: UnknownFields }
export type UnknownFields = Record<string, string>

/** A new field is in all rows, so a few are looked at. */
const rowsLookedAt = 5
const fieldsMax = 10

const unknownFieldsOf = (rows: readonly unknown[], documented: object): UnknownFields => {
  const found: UnknownFields = {}
  for (const row of [...rows.slice(0, rowsLookedAt), ...rows.slice(-rowsLookedAt)])
    for (const [field, value] of typeof row === 'object' ? Object.entries(row ?? {}) : []) {
      if (Object.hasOwn(documented, field) || Object.keys(found).length >= fieldsMax) continue
      const name = /^[\w-]{1,40}$/.test(field) ? field : 'another name'
      found[name] = value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value
    }
  return found
}

/** Leaves out single invalid rows. An answer with more than a tenth of them, or with no valid row, is invalid. */
const validateRows = async <S extends z.ZodObject>(
  body: Buffer,
  schema: S,
): Promise<ValidatedRows<z.output<S>>> => {
  const data = jsonOf(body)
  if (!Array.isArray(data)) throw invalid('not an array')
  const rows: z.output<S>[] = []
  await inSlices(data, (row) => {
    const parsed = schema.safeParse(row)
    if (parsed.success) rows.push(parsed.data)
  })
  const bad = data.length - rows.length
  if (bad > Math.max(1, data.length / 10) || (bad > 0 && rows.length === 0))
    throw invalid(`${bad} of ${data.length} rows are invalid`)
  return {
    rows,
    drift: bad > 0 ? { 'bad-row': bad } : {},
    unknownFields: unknownFieldsOf(data, schema.shape),
  }
}

/** Each id once, at the place of its first row and with the content of its last; rows that differ are counted. */
const unique = <T extends { id: number }>({ rows, drift, ...rest }: ValidatedRows<T>): ValidatedRows<T> => {
  const byId = new Map<number, T>()
  let conflicts = 0
  for (const row of rows) {
    const before = byId.get(row.id)
    if (before && JSON.stringify(before) !== JSON.stringify(row)) conflicts++
    byId.set(row.id, row)
  }
  const counted = conflicts > 0 ? { ...drift, 'duplicate-id': conflicts } : drift
  return { rows: [...byId.values()], drift: counted, ...rest }
}

export const organizationsOf = async (body: Buffer): Promise<ValidatedRows<Organization>> =>
  unique(await validateRows(body, wireOrganization))

/** The operators of one organization. Rows that name another organization are left out and counted. */
export const operatorsOf = async (
  body: Buffer,
  organization: number,
): Promise<ValidatedRows<Operator> & { organizationName: string | undefined }> => {
  const all = await validateRows(body, wireOperator)
  const own = all.rows.filter((row) => !row.organization || row.organization.id === organization)
  const foreign = all.rows.length - own.length
  const counted = foreign > 0 ? { ...all.drift, 'foreign-row': foreign } : all.drift
  const { rows, drift, unknownFields } = unique({ ...all, rows: own, drift: counted })
  const organizationName = rows.find((row) => row.organization)?.organization?.name
  return { rows: rows.map(operatorOf), drift, unknownFields, organizationName }
}

/** The operators that `synchronize` reports as added, each once. Neither their order nor their number can be relied on. */
export const addedOf = async (body: Buffer): Promise<ValidatedRows<Operator>> => {
  const { rows, ...rest } = unique(await validateRows(body, wireOperator))
  return { rows: rows.map(operatorOf), ...rest }
}

/**
 * Accepts the answer to a change of status. It is empty by the documents. JSON that names no error is accepted too, but no
 * page of a proxy.
 */
export const checkDone = (body: Buffer): void => {
  if (textOf(body).trim() === '') return
  const data = jsonOf(body)
  const names = typeof data === 'object' && data !== null ? Object.keys(data) : []
  if (data === false || names.some((name) => /^errors?$/i.test(name))) throw invalid('names an error')
}

const bareToken = z.object({ token: z.string().min(1), expiration: z.string().nullish() })
const tokenObject = z.union([bareToken, z.object({ data: bareToken }).transform(({ data }) => data)])
/** 8 to 8192 visible ASCII characters; markup and JSON are not a token. */
const tokenText = /^(?!.*[<>{}"\\])[\x21-\x7e]{8,8192}$/

/** A token as a JSON string, bare text, or `{token, expiration}`. `expiresAt`: ms since 1970, if known. */
export const tokenOf = (body: Buffer): { token: string; expiresAt: number | undefined } => {
  const text = textOf(body).trim()
  let data: unknown = text
  try {
    data = JSON.parse(text)
  } catch {
    // Bare text is one of the documented shapes.
  }
  const { data: object } = tokenObject.safeParse(data)
  const token = object ? object.token : data
  if (typeof token !== 'string' || !tokenText.test(token)) throw invalid('not a token')
  const expiration = Date.parse(object?.expiration ?? '')
  return { token, expiresAt: Number.isNaN(expiration) ? expiryOfJwt(token) : expiration }
}

/** The unverified claim `exp` of a JWT, as ms since 1970. It only decides when the token is renewed early. */
const expiryOfJwt = (token: string): number | undefined => {
  try {
    const { exp } = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString())
    return typeof exp === 'number' ? exp * 1000 : undefined
  } catch {
    return undefined
  }
}

export type Validity = z.infer<typeof DropInValidity>

export const validityOf = (body: Buffer): Validity => {
  const { data } = DropInValidity.safeParse(jsonOf(body))
  if (!data) throw invalid('not a validity')
  return data
}
