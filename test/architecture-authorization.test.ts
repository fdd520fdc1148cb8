import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from '@jest/globals'

const project = fileURLToPath(new URL('..', import.meta.url))
const filesIn = (...folders: string[]): { path: string; text: string }[] =>
  folders.flatMap((folder) =>
    readdirSync(`${project}/${folder}`, { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts'))
      .toSorted()
      .map((name) => ({
        path: `${folder}/${name}`,
        text: readFileSync(`${project}/${folder}/${name}`, 'utf8'),
      })),
  )

type Signature = { name: string; parameters: string[]; line: number }

/** The place after the bracket that closes the one at `start`. */
const closing = (text: string, start: number): number => {
  let depth = 0
  for (let i = start; i < text.length; i++) {
    if ('([{'.includes(text[i] as string)) depth++
    if (')]}'.includes(text[i] as string) && --depth === 0) return i + 1
  }
  return text.length
}

/** Splits at the commas outside brackets. */
const parts = (list: string): string[] => {
  const found: string[] = []
  let depth = 0
  let from = 0
  for (let i = 0; i < list.length; i++) {
    if ('([{<'.includes(list[i] as string)) depth++
    if (')]}'.includes(list[i] as string) || (list[i] === '>' && list[i - 1] !== '=')) depth--
    if (list[i] !== ',' || depth > 0) continue
    found.push(list.slice(from, i))
    from = i + 1
  }
  return [...found, list.slice(from)].map((part) => part.trim()).filter((part) => part !== '')
}

const blank = (comment: string): string => comment.replaceAll(/[^\n]/g, ' ')

/** Every parameter list: of arrow functions, of function types, and of methods in types. Calls are left out. */
const signaturesIn = (source: string): Signature[] => {
  const text = source.replaceAll(/\/\*.*?\*\//gs, blank).replaceAll(/\/\/.*/g, blank)
  const signatures: Signature[] = []
  for (let start = text.indexOf('('); start !== -1; start = text.indexOf('(', start + 1)) {
    const end = closing(text, start)
    const parameters = parts(text.slice(start + 1, end - 1))
    const before = text.slice(0, start)
    const isArrow = /^\s*(?::[^=;]*?)?=>/.test(text.slice(end))
    const isMethod = /^\s*:/.test(text.slice(end)) && parameters.every((one) => /^[\w{].*?\??:/s.test(one))
    if (!isArrow && !(isMethod && /[\w>]$/.test(before))) continue
    const name = /(\w+)\s*(?:[=:]\s*)?(?:async\s+)?(?:<[^()]*>)?$/.exec(before)?.[1] ?? ''
    signatures.push({ name, parameters, line: before.split('\n').length })
  }
  return signatures
}

const nameOf = (parameter = ''): string => /^(?:\.\.\.)?(\w+)/.exec(parameter)?.[1] ?? ''
/** An implementation without annotations has the type that its declaration has, so declarations suffice. */
const takesOrganization = ({ parameters }: Signature): boolean =>
  parameters.some((parameter) => /^(organization|organizationId|org)\??: number/.test(parameter))
const hasCaller = ({ parameters }: Signature): boolean =>
  nameOf(parameters[0]) === 'caller' && /^caller(: Caller)?$/.test(parameters[0] as string)

const subject = filesIn(
  'src/webhooks',
  'src/lists',
  'src/writes',
  'src/assignments',
  'src/audit',
  'src/events',
)

/** Below authorization: what is called only with an organization for which the caller was authorized. */
const below: Record<string, string> = {
  'src/assignments/assignments.ts AssignmentStore': 'a store; `Assignments` authorizes',
  'src/assignments/memory-assignments.ts': 'a store',
  'src/assignments/redis-assignments.ts': 'a store',
  'src/audit/audit-store.ts': 'a store; `Audit` authorizes',
  'src/audit/entry.ts': 'a format',
  'src/audit/redis-audit-store.ts': 'a store',
  'src/events/event-scripts.ts': 'keys of a store',
  'src/events/event-store.ts': 'a store; `Events` authorizes',
  'src/events/event-text.ts': 'a format',
  'src/lists/guard-shrink.ts': 'a check inside a load, which every caller shares',
  'src/lists/operator-index.ts share': 'stores hints, which readers confirm in a list of the caller',
  'src/lists/operator-lists.ts operatorsKey': 'makes a key of the cache',
  'src/webhooks/backlogs.ts': 'delivers what `isWanted` lets through with the rights of the webhook',
  'src/webhooks/courier.ts': 'the same',
  'src/writes/late-watch.ts look': 'compares a list in the background; nobody sees it',
  'src/writes/watches.ts': 'a store; `LateWatch` authorizes',
  'src/writes/organization-lock.ts': 'a lock; it reveals nothing about the organization',
  'src/writes/redis-organization-lock.ts': 'a lock',
}

/** The exported type or constant that a line belongs to. */
const exportOf = (text: string, line: number): string => {
  const before = text.split('\n').slice(0, line)
  const heads = before.flatMap((one) => /^(?:export )?(?:type|const|class) (\w+)/.exec(one)?.slice(1) ?? [])
  return heads.at(-1) ?? ''
}

const offendersIn = (files: readonly { path: string; text: string }[]) =>
  files.flatMap(({ path, text }) =>
    signaturesIn(text)
      .filter((signature) => takesOrganization(signature) && !hasCaller(signature))
      .map(({ name, line }) => ({
        /** The names under which `below` may list it: file, exported name, own name. */
        names: [path, `${path} ${exportOf(text, line)}`, `${path} ${name}`],
        place: `${path}:${line} ${name}`,
      })),
  )

describe('every function of lists, writes and assignments that takes an organization', () => {
  it('takes the caller before it, unless it is below authorization', () => {
    const offenders = offendersIn(subject).filter(({ names }) => !names.some((name) => name in below))
    expect(offenders.map(({ place }) => place)).toEqual([])
  })

  it('is found: the rule sees many functions, and no exception is out of date', () => {
    const found = subject.flatMap(({ text }) => signaturesIn(text).filter(takesOrganization))
    expect(found.filter(hasCaller).length).toBeGreaterThan(10)
    const used = new Set(offendersIn(subject).flatMap(({ names }) => names))
    expect(Object.keys(below).filter((entry) => !used.has(entry))).toEqual([])
  })

  it('authorizes the caller, or passes it to a function that does', () => {
    const files = subject.filter(({ text }) =>
      signaturesIn(text).some((one) => takesOrganization(one) && hasCaller(one)),
    )
    expect(files.length).toBeGreaterThan(5)
    for (const { path, text } of files)
      expect([path, /\bauthorize\(caller\b|\b\w+\.\w+\(caller\b/.test(text)]).toEqual([path, true])
  })

  it.each([
    'export type Add = (organization: number, request: AddOperators) => Promise<void>',
    'export type Purge = {\n  purge(\n    context: CallContext,\n    organization?: number,\n  ): void\n}',
    'export const read = async (organization: number): Promise<Roster> => load(organization)',
    'export const create = (options: Options) => ({ read: async (organization: number, context) => 1 })',
    'export const find = (context: CallContext, caller: Caller, organization: number) => 1',
  ])('is found in %j', (text) => {
    expect(offendersIn([{ path: 'src/lists/planted.ts', text }])).toHaveLength(1)
  })
})

/** Types that handlers use though their functions take no caller. */
const withoutCaller: Record<string, string> = {
  CsvColumns: 'makes text of what the caller has read',
  RowsInTime: 'counts rows; it neither reads nor changes anything of an organization',
  Roster: 'the list of one organization, which the caller was authorized for when it read the list',
  Idempotency: 'its records are named by the client, and `mayShow` authorizes what is shown again',
}

describe('every function that handlers call in lists, writes and assignments', () => {
  const typeImport =
    /import (type )?\{([^}]*)\} from '[./]*\/(webhooks|lists|writes|assignments|audit|events)\/([\w-]+\.ts)'/g
  const used = filesIn('src/http').flatMap(({ text }) =>
    [...text.matchAll(typeImport)].flatMap(([, typeOnly, names = '', folder, file]) =>
      parts(names)
        .filter((name) => (typeOnly ? /^[A-Z]/ : /^type [A-Z]/).test(name))
        .map((name) => ({ name: name.replace('type ', ''), path: `src/${folder}/${file}` })),
    ),
  )
  const functions = used.flatMap(({ name, path }) => {
    const { text } = subject.find((file) => file.path === path) as { text: string }
    return signaturesIn(text)
      .filter(({ line }) => exportOf(text, line) === name)
      .map((signature) => ({ type: name, signature }))
  })

  it('takes the caller first', () => {
    expect(functions.length).toBeGreaterThan(15)
    const offenders = functions
      .filter(
        ({ signature }) => !hasCaller(signature) && !['', 'seen', 'work', 'mayShow'].includes(signature.name),
      )
      .map(({ type, signature }) => (type in withoutCaller ? type : `${type}.${signature.name}`))
    expect([...new Set(offenders)].toSorted()).toEqual(Object.keys(withoutCaller).toSorted())
  })

  it('is not one of those below authorization', () => {
    const paths = new Set(used.map(({ path }) => path))
    const files = Object.keys(below).filter((entry) => !entry.includes(' '))
    expect(files.filter((path) => paths.has(path))).toEqual([])
  })
})
