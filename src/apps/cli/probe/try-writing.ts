import { codeOf, statusCode } from '../../../chathub/wire.ts'
import type { Operator } from '../../../contract/operator.ts'
import type { Answered, AskChatHub } from './ask-chathub.ts'
import { type Finding, finding } from './finding.ts'
import { nobody } from './try-reading.ts'

type Trial = {
  chathub: AskChatHub
  organization: number
  /** Begins the name of every operator that the probe adds, and of no other one. */
  prefix: string
}

const listOf = async ({ chathub, organization }: Trial): Promise<readonly Operator[]> => {
  const list = await chathub.ask((client, context) => client.operators(organization, context))
  if (!list.value) throw new Error(`the list of operators was answered ${list.status}`)
  return list.value.rows
}
const add = ({ chathub, organization }: Trial, names: readonly string[]): Promise<Answered<Operator[]>> =>
  chathub.ask((client, context) =>
    client.synchronize(
      names.map((name) => ({ organizationId: organization, name })),
      context,
    ),
  )
const setStatus = ({ chathub }: Trial, id: number, code: number): Promise<Answered<void>> =>
  chathub.ask((client, context) => client.setStatus(id, code, context))
const isOk = ({ status }: { status: number }): boolean => status >= 200 && status < 300

/** Order, spelling, duplicates, and what an add does to others. Gives the ids of two operators that it added. */
export const tryAdding = async (trial: Trial): Promise<{ findings: Finding[]; ids: number[] }> => {
  const before = await listOf(trial)
  const long = `${trial.prefix} Zoë Žižka 王小明 🎧 `.padEnd(100, 'x')
  const names = [`${trial.prefix} c`, `${trial.prefix} a`, long, `${trial.prefix} b`]
  const added = await add(trial, names)
  const list = await listOf(trial)
  const again = await add(trial, [`${trial.prefix} a`])
  const after = await listOf(trial)
  const empty = await add(trial, [])
  const last = await listOf(trial)

  const answered = added.value?.map(({ name }) => name)
  const missing = names.filter((name) => !list.some((row) => row.name === name))
  const changed = before.filter((row) => {
    const now = list.find(({ id }) => id === row.id)
    return !now || now.name !== row.name || codeOf(now) !== codeOf(row)
  })
  const same = after.filter(({ name }) => name === `${trial.prefix} a`)
  const ids = list.filter(({ name }) => name.startsWith(trial.prefix)).map(({ id }) => id)
  const findings = [
    finding(
      'D8',
      answered?.join('\n') === names.join('\n'),
      `status ${added.status}, ${answered?.length ?? 'no'} of 4 rows${answered?.length === 4 ? `, order ${answered.map((name) => names.indexOf(name) + 1).join(' ')}` : ''}`,
    ),
    finding(
      'D3',
      isOk(added) ? list.some(({ name }) => name === long) : undefined,
      list.some(({ name }) => name === long) ? 'unchanged' : 'not in the list as it was sent',
    ),
    finding(
      'O6',
      isOk(added) ? missing.length === 0 : undefined,
      `${names.length - missing.length} of 4 names in the next list`,
    ),
    finding('C16', changed.length === 0, `${changed.length} of ${before.length} operators changed`),
    finding(
      'C12',
      isOk(again) ? same.length === 2 : false,
      `status ${again.status}, ${same.length} operators of one name`,
    ),
    finding(
      'O4',
      last.length === after.length,
      `status ${empty.status}, ${last.length - after.length} operators more`,
    ),
  ]
  return { findings, ids }
}

/** Changes of status, back from deleted too, and of an operator that does not exist. */
export const tryStatuses = async (trial: Trial, id: number | undefined): Promise<Finding[]> => {
  const stranger = await setStatus(trial, nobody, 1)
  const unknown = finding('D6', stranger.status >= 400 && stranger.status < 500, `status ${stranger.status}`)
  if (id === undefined) return [unknown, finding('O1', undefined, 'nobody was added')]
  const steps: string[] = []
  let holds = true
  for (const status of ['inactive', 'deleted', 'active', 'deleted', 'inactive'] as const) {
    const { status: answer } = await setStatus(trial, id, statusCode(status))
    const now = (await listOf(trial)).find((row) => row.id === id)
    holds &&= now?.status === status
    steps.push(
      now?.status === status
        ? status
        : `${status}: answered ${answer}, the list says ${now?.status ?? 'nothing'}`,
    )
  }
  return [unknown, finding('O1', holds, steps.join(', '))]
}

/** Tokens of an operator that is inactive. They are not shown. */
export const tryTokens = async (
  { chathub }: Trial,
  id: number | undefined,
  now: number,
): Promise<Finding[]> => {
  if (id === undefined) return [finding('O2', undefined, 'nobody was added')]
  const hours = (count: number) =>
    chathub.ask((client, context) => client.operatorToken(id, new Date(now + count * 3_600_000), context))
  const token = await hours(1)
  const long = await hours(25)
  const findings = [
    finding('O2', token.value !== undefined, `status ${token.status}`),
    finding('C3', long.status >= 400 && long.status < 500, `25 hours: status ${long.status}`),
  ]
  const { value } = token
  if (value === undefined) return findings
  const validity = await chathub.ask((client, context) => client.validate(value, context))
  return [
    ...findings,
    finding(
      'C6',
      token.body.trim().startsWith('"'),
      token.body.trim().startsWith('"') ? 'a JSON string' : 'another form',
    ),
    finding(
      'C4',
      validity.value !== undefined,
      `status ${validity.status}, ${validity.value === undefined ? 'without isValid' : `isValid ${validity.value.isValid}`}`,
    ),
  ]
}

/** Breaks the connection of a write, and watches the list for three settling times. */
export const tryLateness = async (trial: Trial, settleMs: number): Promise<Finding> => {
  const { chathub } = trial
  const name = `${trial.prefix} late`
  const from = chathub.now()
  await chathub.lose((client, context) =>
    client.synchronize([{ organizationId: trial.organization, name }], context),
  )
  const passed = (): number => chathub.now() - from
  // Once more when the time is over, so that a busy machine misses nothing.
  for (let isOver = false; !isOver; ) {
    isOver = passed() >= 3 * settleMs
    if ((await listOf(trial)).some((row) => row.name === name)) {
      const seconds = (passed() / 1000).toFixed(1)
      return finding('O7', passed() <= settleMs, `applied, and seen ${seconds} s after it was sent`)
    }
    if (!isOver) await chathub.wait(Math.min(1000, settleMs / 2))
  }
  return finding('O7', true, `not applied within ${(3 * settleMs) / 1000} s`)
}

/** As many names at once as the gateway sends. */
export const tryBatch = async (trial: Trial, size: number): Promise<Finding> => {
  const { status, value } = await add(
    trial,
    Array.from({ length: size }, (_, index) => `${trial.prefix} batch ${index}`),
  )
  return finding('O3', value?.length === size, `${size} names: status ${status}, ${value?.length ?? 0} added`)
}

/** Sets everything that the probe added to deleted. Gives what the list then shows otherwise. */
export const removeAdded = async (trial: Trial): Promise<{ deleted: number; left: number[] }> => {
  const own = async () => (await listOf(trial)).filter(({ name }) => name.startsWith(trial.prefix))
  for (const { id, status } of await own())
    if (status !== 'deleted') await setStatus(trial, id, statusCode('deleted'))
  const all = await own()
  const left = all.filter(({ status }) => status !== 'deleted').map(({ id }) => id)
  return { deleted: all.length - left.length, left }
}
