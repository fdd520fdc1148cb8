import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { countNames, departments, ended, longTimeout, namesIn, sumOf } from '../failure/writes.ts'
import { startGateway, type TestGateway } from '../support/gateway.ts'
import { isLong } from '../support/long.ts'

let gateway: TestGateway
beforeAll(async () => {
  gateway = await startGateway({ simulator: { organizations: departments(3, 2) } })
})
afterAll(() => gateway.close())
beforeEach(() => {
  gateway.simulator.clearFaults()
  gateway.simulator.setOperators(500, [{ name: 'Anna' }, { name: 'Borys', status: 2 }])
})

const send = (body: string | Buffer, query = '', type = 'text/csv') =>
  gateway.ask('POST', `/v1/organizations/500/imports${query}`, { headers: { 'Content-Type': type }, body })
const rows = async (path: string, query = '') => (await gateway.ask('GET', `${path}/rows${query}`)).body.items

describe('an import', () => {
  it('is accepted once its rows are stored, and ends with an outcome for each line', async () => {
    const answer = await send('\uFEFFid;Nom\r\n1;Anna\r\n\r\n2;"=Clara"\r\n3;\r\n4;BORYS\r\n5;=clara\r\n')
    expect([answer.status, answer.body.kind, answer.body.total]).toEqual([202, 'import', 5])
    expect(sumOf(answer.body)).toBe(5)
    const path = answer.headers['location'] as string
    const operation = await ended(gateway, path)
    expect([operation.state, operation.created, operation.exists]).toEqual(['done', 1, 2])
    expect([operation.rejected, operation.existsDeleted]).toEqual([1, 1])
    const told = (await rows(path)).map((row: Record<string, unknown>) => [
      row['line'],
      row['name'],
      row['outcome'],
    ])
    expect(told).toEqual([
      [2, 'Anna', 'exists'],
      [4, '=Clara', 'created'],
      [5, '', 'rejected'],
      [6, 'BORYS', 'existsDeleted'],
      [7, '=clara', 'exists'],
    ])
    expect(namesIn(gateway, 500)).toEqual(['Anna', 'Borys', '=Clara'])
    const report = await gateway.ask('GET', `${path}/rows?outcome=created,rejected`, {
      headers: { Accept: 'text/csv' },
    })
    expect(report.headers['content-disposition']).toMatch(/^attachment; filename="[\w-]+\.csv"$/)
    const { id } = gateway.simulator.operators(500)[2] as { id: number }
    expect(report.text).toBe(
      `\uFEFFline,name,outcome,id,reason\r\n4,'=Clara,created,${id},\r\n5,,rejected,,name.blank\r\n`,
    )
  })

  it('reactivates deleted operators and adds duplicates when asked to', async () => {
    const revive = await send('name\nBorys\n', '?onDeleted=reactivate')
    expect((await ended(gateway, revive.headers['location'] as string)).reactivated).toBe(1)
    const allow = await gateway.ask('POST', '/v1/organizations/500/imports?onDuplicate=allow', {
      headers: { 'Content-Type': 'text/csv', 'Idempotency-Key': 'allow' },
      body: 'name\nAnna\nAnna\n',
    })
    expect((await ended(gateway, allow.headers['location'] as string)).created).toBe(2)
    expect(countNames(namesIn(gateway, 500)).get('Anna')).toBe(3)
  })

  it('shows the outcome of each row on a dry run, and changes nothing', async () => {
    const before = gateway.simulator.operators(500)
    const { status, body } = await send('name\nAnna\nClara\n\nBorys\n clara\nx\u0007y\n', '?dryRun=true')
    expect([status, body.total, body.created, body.pending]).toEqual([200, 5, 1, 0])
    expect(body.items.map(({ line, outcome }: Record<string, unknown>) => `${line} ${outcome}`)).toEqual([
      '2 exists',
      '3 created',
      '5 existsDeleted',
      '6 exists',
      '7 rejected',
    ])
    const revive = await send('name\nBorys\n', '?dryRun=true&onDeleted=reactivate')
    expect(revive.body.items[0].outcome).toBe('reactivated')
    expect(gateway.simulator.operators(500)).toEqual(before)
  })

  it('reads another column, and treats two requests with one key as one import', async () => {
    const ask = () =>
      gateway.ask('POST', '/v1/organizations/500/imports?column=Full%20Name', {
        headers: { 'Content-Type': 'text/csv', 'Idempotency-Key': 'twice' },
        body: 'name,Full Name\nA,Anna Lee\n',
      })
    const [one, two] = [await ask(), await ask()]
    expect([one.status, two.status, two.headers['location']]).toEqual([202, 202, one.headers['location']])
    expect(two.headers['idempotency-replayed']).toBe('true')
    await ended(gateway, one.headers['location'] as string)
    expect(namesIn(gateway, 500).slice(2)).toEqual(['Anna Lee'])
  })

  it('of an invalid file is refused at once with the line, and nothing is stored', async () => {
    for (const [body, pointer, code] of [
      ['', '', 'empty'],
      ['surname,team\nAnna,x\n', '/line/1', 'header'],
      ['name,"team\nAnna,x\n', '/line/1', 'quotes'],
      [Buffer.from('name\nAn\0na\n'), '', 'encoding'],
      [`name\n${'Row\n'.repeat(50_001)}`, '/line/50002', 'length'],
    ] as const) {
      const answer = await send(body)
      expect([answer.status, answer.body.code]).toEqual([422, 'request.invalid-body'])
      expect(answer.body.errors[0].code).toBe(code)
      expect(answer.body.errors[0].pointer).toEqual(
        typeof pointer === 'string' ? pointer : expect.stringMatching(pointer),
      )
    }
    const large = await send(Buffer.alloc(8 * 1024 * 1024 + 1, 'a'))
    expect([large.status, large.body.code]).toEqual([413, 'body.too-large'])
    expect((await send('name\nAnna\n', '', 'application/json')).status).toBe(415)
    expect((await send('name\nAnna\n', '?onDuplicate=fail')).status).toBe(400)
    expect((await send('name\nAnna\n', '?dryRun=maybe')).status).toBe(400)
  })

  it('of 8 MiB and of 50,000 rows is accepted', async () => {
    const name = 'x'.repeat(160)
    const body = `name\n${`${name}\n`.repeat(50_000)}`.padEnd(8 * 1024 * 1024, '\n')
    const answer = await send(body)
    expect([answer.status, answer.body.rejected]).toEqual([202, 50_000])
    expect((await ended(gateway, answer.headers['location'] as string)).state).toBe('done')
  })
})

describe('the rate of an import', () => {
  // In the long form 5 a second. Figures are printed; only the long form holds the import to its bound.
  const [rate, count] = [isLong ? 5 : 50, 3000]
  it(
    'is the share of the rate that imports may use',
    async () => {
      const own = await startGateway({
        env: { CHATHUB_REQUESTS_PER_SECOND: `${rate}` }, // refreshes share that rate: none is due meanwhile
        simulator: { organizations: departments(2, 5) },
      })
      const quantile = (times: number[]): number =>
        times.toSorted((a, b) => a - b)[Math.floor(times.length * 0.99)] as number
      const read = async (): Promise<number> => {
        const began = performance.now()
        const { status } = await own.ask('GET', '/v1/organizations/501/operators')
        expect(status).toBe(200)
        return performance.now() - began
      }
      const alone: number[] = []
      for (let i = 0; i < 200; i++) alone.push(await read())
      own.simulator.clearArrivals()
      const began = performance.now()
      const csv = `name\n${Array.from({ length: count }, (_, i) => `Row ${i}`).join('\n')}`
      const answer = await own.ask('POST', '/v1/organizations/500/imports', {
        headers: { 'Content-Type': 'text/csv' },
        body: csv,
      })
      let over = false
      const end = ended(own, answer.headers['location'] as string).finally(() => {
        over = true
      })
      const beside: number[] = []
      while (!over) beside.push(await read())
      expect((await end).created).toBe(count)
      const seconds = (performance.now() - began) / 1000
      const calls = own.simulator.arrivals().filter(({ organization }) => organization === 500).length
      const share = rate - Math.max(1, Math.floor(0.4 * rate))
      const bound = calls / share
      process.stderr.write(
        `import: ${seconds.toFixed(1)} s for ${calls} calls at ${share}/s (${(seconds / bound).toFixed(2)} of the bound); ` +
          `reads p99 ${quantile(beside).toFixed(1)} ms beside it, ${quantile(alone).toFixed(1)} ms alone\n`,
      )
      if (isLong) expect(seconds / bound).toBeLessThanOrEqual(1.15)
      await own.close()
    },
    longTimeout,
  )
})
