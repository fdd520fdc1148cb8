import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { officeFiles } from '../compatibility/office.ts'
import { departments, ended, namesIn } from '../failure/writes.ts'
import { startGateway, type TestGateway } from '../support/gateway.ts'
import { inline, workbook } from '../support/xlsx.ts'
import { encode } from '../writes/import-case.ts'

let gateway: TestGateway
beforeAll(async () => {
  gateway = await startGateway({ simulator: { organizations: departments(1, 0) } })
})
afterAll(() => gateway.close())

const path = '/v1/organizations/500/imports'
const send = (body: Buffer, contentType: string, query = '', headers = {}) =>
  gateway.ask('POST', `${path}${query}`, { headers: { 'Content-Type': contentType, ...headers }, body })
const dry = (query = '') => (query === '' ? '?dryRun=true' : `${query}&dryRun=true`)

describe('an import', () => {
  it.each(officeFiles)('$form ($example): $result', async (office) => {
    const { contentType = 'text/csv', query = '', names = [], rejected = [], fault, file = {} } = office
    gateway.simulator.setOperators(500, [])
    const content = await office.content()
    const preview = await send(content, contentType, dry(query))
    const answer = await send(content, contentType, query)
    if (fault !== undefined) {
      for (const { status, body } of [preview, answer])
        expect([status, body.code, body.errors[0].code]).toEqual([422, 'request.invalid-body', fault])
      return
    }
    expect([preview.status, answer.status]).toEqual([200, 202])
    for (const { body } of [preview, answer]) expect(body.file).toMatchObject(file)
    expect(preview.body.items.flatMap(({ reason }: { reason?: string }) => reason ?? [])).toEqual(rejected)
    expect(preview.body.created).toBe(names.length)
    await ended(gateway, answer.headers['location'] as string)
    expect(namesIn(gateway, 500)).toEqual(names)
  })
})

/** A form as programs write it. `file`: the headers of that part. */
const form = (parts: { head: string; body: Buffer | string }[], boundary = 'x'): Buffer =>
  Buffer.concat([
    ...parts.flatMap(({ head, body }) => [
      Buffer.from(`--${boundary}\r\n${head}\r\n\r\n`),
      Buffer.from(body as string),
      Buffer.from('\r\n'),
    ]),
    Buffer.from(`--${boundary}--\r\n`),
  ])
const filePart = (body: Buffer | string, type = 'text/csv', more = '') => ({
  head: `Content-Disposition: form-data; name="file"; filename="people.csv"\r\nContent-Type: ${type}${more}`,
  body,
})
const field = (name: string, body: string) => ({
  head: `Content-Disposition: form-data; name="${name}"`,
  body,
})
const sendForm = (parts: { head: string; body: Buffer | string }[], query = dry()) =>
  send(form(parts), 'multipart/form-data; boundary=x', query)

describe('a form', () => {
  it('of fetch or a browser has its file read', async () => {
    const data = new FormData()
    data.append('_charset_', 'utf-8')
    data.append('people', new Blob(['ПІБ\r\nІван\r\n'], { type: 'text/csv' }), 'люди "1".csv')
    data.append('empty', new Blob([]), '')
    const answer = await fetch(`${gateway.url}${path}${dry()}`, {
      method: 'POST',
      headers: { 'X-API-Key': gateway.key },
      body: data,
    })
    const { items } = (await answer.json()) as { items: { name: string }[] }
    expect([answer.status, items.map(({ name }) => name)]).toEqual([200, ['Іван']])
  })

  it('of other programs has its file read, whatever its name and type', async () => {
    const content = 'name\nAnna\n'
    for (const head of [
      "Content-Disposition: form-data; name=file; filename=people.csv; filename*=utf-8''people.csv", // .NET
      'Content-Disposition: form-data; name="file"; filename*=UTF-8\'\'%D0%BB.csv\r\nContent-Type: text/csv',
      'content-disposition: form-data; name="f"; filename="a.csv"\r\ncontent-type: application/vnd.ms-excel',
      'Content-Type: application/octet-stream\r\nContent-Disposition: form-data; filename="a.bin"; name="f"',
      'Content-Disposition: form-data;\r\n\tname="f";\r\n filename="a.csv"',
    ]) {
      const { status, body } = await sendForm([field('note', 'x'), { head, body: content }])
      expect([head, status, body.total]).toEqual([head, 200, 1])
    }
    const quoted = await send(
      form([filePart(content)], 'a b'),
      'Multipart/Form-Data; charset=utf-8; boundary="a b"',
      dry(),
    )
    expect([quoted.status, quoted.body.total]).toEqual([200, 1])
    const preamble = Buffer.concat([Buffer.from('For old programs.\r\n'), form([filePart(content)])])
    expect((await send(preamble, 'multipart/form-data; boundary=x', dry())).body.total).toBe(1)
    const wide = encode('name\nЗоя\n', 'windows-1251')
    const named = await sendForm([filePart(wide, 'text/csv', '; charset=windows-1251')])
    expect([named.body.items[0].name, named.body.file.notes]).toEqual(['Зоя', []])
  })

  it('without exactly one file, or with an option among its fields, is refused with what to do', async () => {
    for (const [parts, code, sentence] of [
      [[field('file', 'name\nAnna\n')], 'file', /It has 0/],
      [[filePart('name\nA\n'), filePart('name\nB\n')], 'file', /It has 2/],
      [[filePart('')], 'file', /It has 0/],
      [[], 'file', /It has 0/],
      [[filePart('name\nA\n'), field('dryRun', 'true')], 'field', /Send dryRun in the query/],
      [[filePart('name\nA\n'), field('onDuplicate', 'allow')], 'field', /onDuplicate/],
    ] as const) {
      const { status, body } = await sendForm([...parts], '')
      expect([status, body.code, body.errors[0].code]).toEqual([422, 'request.invalid-body', code])
      expect(body.errors[0].detail).toMatch(sentence)
    }
  })

  it('that is not well formed, or of very many parts, is refused', async () => {
    const whole = form([filePart('name\nAnna\n')])
    const fields = (count: number) => Array.from({ length: count }, () => field('a', 'b'))
    expect((await sendForm([...fields(49), filePart('name\nAnna\n')])).status).toBe(200)
    for (const [body, type] of [
      [whole.subarray(0, whole.length - 8), 'multipart/form-data; boundary=x'],
      [whole, 'multipart/form-data'],
      [whole, 'multipart/form-data; boundary=y'],
      [Buffer.from('name\nAnna\n'), 'multipart/form-data; boundary=x'],
      [form([...fields(50), filePart('name\nAnna\n')]), 'multipart/form-data; boundary=x'],
      [form(fields(20_000)), 'multipart/form-data; boundary=x'],
    ] as const) {
      const answer = await send(body, type)
      expect([type, answer.status, answer.body.errors[0].code]).toEqual([type, 400, 'form'])
    }
  })

  it('that is sent again under its key is the same request, whatever its boundary', async () => {
    gateway.simulator.setOperators(500, [])
    const ask = (boundary: string, content: string) =>
      send(form([filePart(content)], boundary), `multipart/form-data; boundary=${boundary}`, '', {
        'Idempotency-Key': 'form',
      })
    const [one, two] = [await ask('one', 'name\nAnna\n'), await ask('two', 'name\nAnna\n')]
    expect([one.status, two.status, two.headers['location']]).toEqual([202, 202, one.headers['location']])
    expect((await ask('one', 'name\nBorys\n')).body.code).toBe('idempotency.mismatch')
  })
})

describe('a hostile file', () => {
  it('is refused, smaller ones are read meanwhile, and the next one after it', async () => {
    const endless = `<row r="4294967295">${inline('A4294967295', 'Anna')}</row>`
    const hostile = send(workbook({ data: [endless] }), 'application/octet-stream')
    expect((await send(Buffer.from('name\nAnna\n'), 'text/csv', dry())).body.total).toBe(1)
    const next = send(Buffer.from(`name\n${'Anna\n'.repeat(5000)}`), 'text/csv', dry())
    const { status, body } = await hostile
    expect([status, body.code, body.errors[0].code]).toEqual([422, 'request.invalid-body', 'large'])
    expect((await next).body.total).toBe(5000)
  })
})
