import { describe, expect, it } from '@jest/globals'
import type { Operator } from '../../src/apps/simulator/simulator.ts'
import { runAlike, runBothWays } from './run.ts'

// The functions of « Cas d'utilisation courants », « meilleures pratiques » and « Dépannage », unchanged: only their
// arguments are ours. Through the gateway and directly they have the same output and effect.

const around = (...pieces: string[]) =>
  ['operator-manager', 'glue', ...pieces].map((piece) => `javascript/${piece}.js`)
const manager = (piece: string) => ['operator-manager', piece].map((name) => `javascript/${name}.js`)

const namesIn24 = (operators: Operator[]) =>
  operators.filter((row) => row.organizationId === 24).map(({ name }) => name)
const documentNames = ['John Smith', 'Sarah Johnson', 'Mike Wilson']
const linesOf = (stdout: string) => stdout.trim().split('\n')

describe('onboarding', () => {
  it('adds the team and gets a token for each that ChatHub finds valid', async () => {
    const { stdout, operators } = await runAlike({
      pieces: around('onboard'),
      drive: `const created = await onboardOperators([{ fullName: 'Ana' }, { fullName: 'Олена' }], 24)
        console.log(created.map(operator => operator.id).join())`,
    })
    expect(linesOf(stdout)).toEqual([
      'Welcome Ana (ID: 104): token valid true, of 104',
      'Welcome Олена (ID: 105): token valid true, of 105',
      '104,105',
    ])
    expect(namesIn24(operators)).toEqual([...documentNames, 'Ana', 'Олена'])
  })
})

describe('statistics', () => {
  it('counts active, inactive and deleted operators', async () => {
    const { stdout } = await runAlike(
      { pieces: around('statistics'), drive: `console.log(JSON.stringify(await getOperatorStatistics(24)))` },
      (simulator) => simulator.changeOperator(101, { status: 2 }),
    )
    expect(JSON.parse(stdout)).toEqual({ total: 3, active: 1, inactive: 1, deleted: 1 })
  })
})

describe('assignment', () => {
  it('takes the chat number modulo the active operators, in ChatHub’s order', async () => {
    const { stdout } = await runAlike({
      pieces: around('assign'),
      drive: `for (const chat of [0, 1, 2, 7]) console.log((await assignChatToOperator(24, chat)).name)`,
    })
    expect(linesOf(stdout)).toEqual(['John Smith', 'Sarah Johnson', 'John Smith', 'Sarah Johnson'])
  })

  it('throws the error of the document without an active operator', async () => {
    const { stdout } = await runAlike(
      {
        pieces: around('assign'),
        drive: `await assignChatToOperator(24, 1).catch(error => console.log(error.message))`,
      },
      (simulator) => simulator.setOperators(24, [{ id: 103, name: 'Mike Wilson', status: 1 }]),
    )
    expect(linesOf(stdout)).toEqual(['No active operators available'])
  })
})

describe('the CSV import', () => {
  it('adds 250 operators in three chunks and in order, without header and blank lines', async () => {
    const rows = Array.from({ length: 250 }, (_, i) => ` Person ${i + 1} ,team ${i % 7}`)
    rows.splice(120, 0, '', '   ')
    const { stdout, operators, gateway } = await runAlike({
      pieces: around('import-csv'),
      drive: `const results = await importOperatorsFromCSV(${JSON.stringify(['name,team', ...rows].join('\n'))}, 24)
        console.log(results.map(({ id, name, status }) => [id, name, status].join(' ')).join('\\n'))`,
    })
    const people = Array.from({ length: 250 }, (_, i) => `Person ${i + 1}`)
    expect(linesOf(stdout)).toEqual([
      'Imported 100/250',
      'Imported 200/250',
      'Imported 250/250',
      ...people.map((name, i) => `${104 + i} ${name} 0`),
    ])
    expect(namesIn24(operators)).toEqual([...documentNames, ...people])
    expect(gateway.arrivals['synchronize']).toBe(3)
  })
})

describe('adding safely', () => {
  const drive = `for (const name of ['Good Name', ' '])
    await addOperatorsSafely([{ organizationId: 24, name }]).then(
      created => console.log('added ' + created.length),
      error => console.log('thrown ' + error.response.status))`

  it('takes its 400 branch for a blank name, and that call adds nothing', async () => {
    const { stdout, stderr, operators, gateway } = await runAlike({ pieces: around('add-safely'), drive })
    expect(linesOf(stdout)).toEqual(['added 1', 'thrown 400'])
    for (const text of [stderr, gateway.stderr]) expect(text).toMatch(/^Invalid operator data: /)
    expect(namesIn24(operators)).toEqual([...documentNames, 'Good Name'])
  })

  it('prints in its 400 branch which row is wrong and why', async () => {
    const { gateway } = await runBothWays({ pieces: around('add-safely'), drive })
    expect(gateway.stderr).toContain('/0/name')
    expect(gateway.stderr).toContain('blank')
  })

  it('takes its 401 branch for an unknown token, and nothing is added', async () => {
    const { stdout, stderr, operators, gateway } = await runAlike({
      pieces: around('add-safely'),
      drive,
      wrongToken: true,
    })
    expect(linesOf(stdout)).toEqual(['thrown 401', 'thrown 401'])
    for (const text of [stderr, gateway.stderr])
      expect(linesOf(text)).toEqual(['Authentication failed', 'Authentication failed'])
    expect(namesIn24(operators)).toEqual(documentNames)
    expect(gateway.arrivals).toEqual({})
  })
})

describe('the cached manager', () => {
  it('serves its own copy, and the new operator once its cache is cleared', async () => {
    const { stdout, arrivals } = await runAlike({
      pieces: manager('cached-manager'),
      drive: `const manager = new CachedOperatorManager('your-company-token')
        const count = async useCache => console.log((await manager.listOperators(24, useCache)).length)
        await count()
        await manager.addOperators([{ organizationId: 24, name: 'John Doe' }])
        await count()
        await count(false)
        await manager.addOperators([{ organizationId: 24, name: 'Jane Smith' }])
        manager.clearCache(24)
        await count()
        await manager.changeOperatorStatus(104, 2)
        manager.clearCache()
        console.log((await manager.getActiveOperators(24)).map(operator => operator.id).join())`,
    })
    expect(linesOf(stdout)).toEqual(['3', '3', '4', '5', '101,102,105'])
    expect(arrivals['list']).toBe(4)
  })
})

describe('the rate-limited manager', () => {
  it('runs to its end and is never refused', async () => {
    const { stdout, operators } = await runAlike({
      pieces: manager('rate-limited-manager'),
      drive: `const manager = new RateLimitedOperatorManager('your-company-token')
        console.log((await manager.listOperators(24)).length)
        console.log((await manager.addOperators([{ organizationId: 24, name: 'John Doe' }])).length)
        console.log((await manager.listOperators(24)).length)`,
    })
    expect(linesOf(stdout)).toEqual(['3', '1', '4'])
    expect(namesIn24(operators)).toEqual([...documentNames, 'John Doe'])
  })
})

describe('validation', () => {
  const withData = (operatorData: unknown) => ({
    pieces: around('validate', 'validate-usage'),
    given: `const operatorData = ${JSON.stringify(operatorData)};`,
  })

  it('names every fault, and sends nothing', async () => {
    const { stderr, operators, gateway } = await runAlike(
      withData([
        { name: 'No Organization' },
        { organizationId: 24, name: ' ' },
        { organizationId: 24, name: 'x'.repeat(101) },
      ]),
    )
    expect(linesOf(gateway.stderr)).toEqual([
      'Validation failed:',
      'Operator 0: Missing organizationId',
      'Operator 1: Name is required',
      'Operator 2: Name too long (max 100 chars)',
    ])
    expect(gateway.stderr).toBe(stderr)
    expect(namesIn24(operators)).toEqual(documentNames)
    expect(gateway.arrivals).toEqual({})
  })

  it('accepts a name of exactly 100 characters, as the gateway does', async () => {
    const name = 'x'.repeat(100)
    const { stderr, operators, gateway } = await runAlike(withData([{ organizationId: 24, name }]))
    expect([stderr, gateway.stderr]).toEqual(['', ''])
    expect(namesIn24(operators)).toEqual([...documentNames, name])
  })
})

describe('adding without duplicates', () => {
  it('adds only new names, compared without case, and none the second time', async () => {
    const { stdout, operators } = await runAlike({
      pieces: around('add-unique'),
      drive: `const wanted = ['JOHN SMITH', 'John Doe'].map(name => ({ organizationId: 24, name }))
        for (const time of [1, 2]) console.log((await addUniqueOperators(wanted, 24)).map(row => row.name).join() + '.')`,
    })
    expect(linesOf(stdout)).toEqual(['John Doe.', '.'])
    expect(namesIn24(operators)).toEqual([...documentNames, 'John Doe'])
  })
})
