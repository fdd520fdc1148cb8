import { exitCodes } from '../../../exit-codes.ts'
import { CommandFailure } from '../call-gateway.ts'
import type { AskChatHub } from './ask-chathub.ts'
import { type Finding, finding } from './finding.ts'

type Raw = { id?: unknown; status?: unknown; organization?: { id?: unknown } | null }
/** No organization and no operator has it. */
export const nobody = 2_147_483_647

const rowsOf = (body: string): Raw[] | undefined => {
  try {
    const data: unknown = JSON.parse(body.replace(/^\uFEFF/, ''))
    return Array.isArray(data) ? data : undefined
  } catch {
    return undefined
  }
}
const shapeOf = (body: string): string => {
  if (body.startsWith('"')) return 'a JSON string'
  return body.startsWith('{') ? `an object with ${Object.keys(JSON.parse(body)).join(', ')}` : 'bare text'
}

/** The form of the answer to a login, if there is one. */
export const tryLogin = async (chathub: AskChatHub): Promise<Finding[]> => {
  const login = await chathub.logIn()
  if (!login) return []
  const found = login.value === undefined ? `status ${login.status}, no token` : shapeOf(login.body)
  return [finding('C1', login.status === 429 ? undefined : login.value !== undefined, found)]
}

/** What lists show. It writes nothing. `name`: undefined if the company token does not see the organization. */
export const tryReading = async (
  chathub: AskChatHub,
  organization: number,
): Promise<{ findings: Finding[]; name: string | undefined; operators: number }> => {
  const organizations = await chathub.ask((client, context) => client.organizations(context))
  if ([401, 403].includes(organizations.status))
    throw new CommandFailure(
      exitCodes.noPermission,
      `ChatHub refuses the credential (${organizations.status}).`,
    )
  const name = organizations.value?.rows.find(({ id }) => id === organization)?.name
  const list = await chathub.ask((client, context) => client.operators(organization, context))
  const rows = rowsOf(list.body)
  const unknown = await chathub.ask((client, context) => client.operators(nobody, context))
  const stranger = await chathub.askAsStranger((client, context) => client.organizations(context))

  const among = (rows ?? []).length === 0 ? undefined : rows
  const count = (test: (row: Raw) => boolean): number => among?.filter(test).length ?? 0
  const each = (line: 'D2' | 'D4' | 'D5', isWrong: (row: Raw) => boolean, what: string): Finding => {
    const wrong = count(isWrong)
    return finding(line, among && wrong === 0, among ? `${wrong} of ${among.length} rows ${what}` : 'no rows')
  }
  const areLists = rows !== undefined && organizations.value !== undefined
  const findings = [
    finding(
      'C14',
      areLists,
      `organizations: status ${organizations.status}; operators: status ${list.status}`,
    ),
    finding('C15', name !== undefined, `${organizations.value?.rows.length ?? 0} organizations in the list`),
    each('D2', ({ status }) => ![0, 1, 2].includes(status as number), 'have another status'),
    each('D4', ({ id }) => !(Number.isInteger(id) && (id as number) <= nobody), 'have another id'),
    each('D5', (row) => row.organization?.id !== organization, 'name none or another one'),
    finding(
      'D7',
      unknown.status === 200 && rowsOf(unknown.body)?.length === 0,
      `status ${unknown.status}, ${rowsOf(unknown.body)?.length ?? 'no'} rows`,
    ),
    finding('D10', stranger.status === 401, `status ${stranger.status}`),
  ]
  return { findings, name, operators: rows?.length ?? 0 }
}
