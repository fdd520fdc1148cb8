import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from '@jest/globals'
import { inboundForms } from './inbound.ts'
import { keySetRows } from './key-set.ts'
import { officeFiles } from './office.ts'
import { codingRows, noProxyRows, proxyRows, retryAfterRows } from './outbound.ts'
import { limitedUsers, urlForms } from './redis.ts'
import { fileRows, quoteRows } from './settings.ts'

type Row = { form: string; example: string; result: string }

// Each table with the suite that runs through its rows.
const tables: [title: string, suite: string, rows: readonly Row[]][] = [
  ['Requests of clients and proxies', 'test/http/inbound-forms.test.ts', inboundForms],
  ['Files of imports', 'test/http/import-files.test.ts', officeFiles],
  ['Addresses of Redis', 'test/redis/redis-url.test.ts', urlForms],
  ['Users of Redis whose rights do not suffice', 'test/redis/refused.test.ts', limitedUsers],
  ['Proxies before ChatHub and key sets', 'test/outbound.test.ts', [...proxyRows, ...noProxyRows]],
  ['Content codings of ChatHub', 'test/chathub/decode-body.test.ts', codingRows],
  ['Retry-After of ChatHub', 'test/chathub/retry-after.test.ts', retryAfterRows],
  ['Key sets and tokens of a host application', 'test/access/key-set-forms.test.ts', keySetRows],
  ['Secret files', 'test/config-files.test.ts', fileRows],
  ['Settings in quotes', 'test/config-files.test.ts', quoteRows],
]

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll(/\s+/g, ' ')
const code = (text: string): string => `\`${cell(text).replaceAll('`', "'")}\``
const section = ([title, suite, rows]: (typeof tables)[number]): string =>
  [
    `## ${title}`,
    `Run by \`${suite}\`.`,
    ['| form | example | result |', '|---|---|---|', ...rows.map(line)].join('\n'),
  ].join('\n\n')
const line = ({ form, example, result }: Row): string =>
  `| ${cell(form)} | ${code(example)} | ${cell(result)} |`

const page = `# Forms that are understood

Clients, proxies, offices, Redis and ChatHub send the same thing in many forms. This page lists every form that has a test,
with its result. It is made from the tables in \`test/compatibility\`, through which the suites run.

${tables.map(section).join('\n\n')}
`

it('docs/compatibility.md lists every form that the suites run through', () => {
  const path = join(import.meta.dirname, '../../docs/compatibility.md')
  // UPDATE=true npm test -- test/compatibility writes the page.
  if (process.env['UPDATE'] === 'true') writeFileSync(path, page)
  expect(readFileSync(path, 'utf8')).toBe(page)
})
