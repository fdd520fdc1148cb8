import { describe, expect, it, test } from '@jest/globals'
import type { Operator } from '../../src/apps/simulator/simulator.ts'
import { onPath } from '../support/executables.ts'
import { describeWithPhp, describeWithPython } from '../support/needs.ts'
import { runAlike } from './run.ts'

// « Opérateurs » of the ChatHub document: its curl lines, and its class in three languages with its usage program.
// Each runs through the gateway and directly against the simulator, with the same output and effect.

const team = (operators: Operator[]) =>
  operators.filter((row) => row.organizationId === 24).map(({ id, name, status }) => [id, name, status])

const documentTeam = [
  [101, 'John Smith', 0],
  [102, 'Sarah Johnson', 0],
  [103, 'Mike Wilson', 1],
]

const curl = onPath(['curl'])[0]
if (!curl) {
  if (process.env['CI'] === 'true') throw new Error('curl is missing, type: apt-get install curl')
  process.stderr.write('\n*** SKIPPED: curl is missing, type: apt-get install curl\n\n')
}

const describeWithCurl = curl ? describe : describe.skip
describeWithCurl('the curl lines of the document', () => {
  const shell = (piece: string) => ({ pieces: [piece], command: '/bin/sh' })
  const lines = (stdout: string) => stdout.trim().split('\n')

  it('list: returns the rows of the document with the content type of Accept', async () => {
    const { stdout, stderr, gateway } = await runAlike(shell('curl-list.sh'))
    const [body = '', status] = lines(stdout)
    expect([status, stderr, gateway.stderr]).toEqual([
      '200',
      'text/plain; charset=utf-8',
      'text/plain; charset=utf-8',
    ])
    const organization = { id: 24, name: 'Customer Support' }
    expect(JSON.parse(body)).toEqual(
      documentTeam.map(([id, name, code]) => ({ id, name, status: code, organization })),
    )
  })

  it('add: returns the new rows without an organization, and ChatHub has them', async () => {
    const { stdout, operators } = await runAlike(shell('curl-add.sh'))
    const [body = '', status] = lines(stdout)
    expect(status).toBe('200')
    expect(JSON.parse(body)).toEqual([
      { id: 104, name: 'Alex Brown', status: 0 },
      { id: 105, name: 'Emma Davis', status: 0 },
    ])
    expect(team(operators)).toEqual([...documentTeam, [104, 'Alex Brown', 0], [105, 'Emma Davis', 0]])
  })

  test.each([
    ['curl-status.sh', 0, 1],
    ['curl-deactivate.sh', 0, 1],
    ['curl-reactivate.sh', 1, 0],
    ['curl-delete.sh', 0, 2],
  ])(
    '%s: is answered 200 without body and content type, and the status changes',
    async (piece, before, after) => {
      const { stdout, operators, gateway } = await runAlike(shell(piece), (simulator) =>
        simulator.changeOperator(simulator.addOperator(24, 'Alex Brown').id, { status: before }),
      )
      expect([stdout.trim(), gateway.stderr]).toEqual(['200', ''])
      expect(team(operators)).toEqual([...documentTeam, [104, 'Alex Brown', after]])
    },
  )
})

const expectUsage = (stdout: string, found: string, operators: Operator[]) => {
  expect(stdout.trim().split('\n')).toEqual([
    'Found 3 operators',
    '2 active operators',
    'Added 2 operators',
    found,
    'Operator deactivated',
    'Operator reactivated',
  ])
  expect(team(operators)).toEqual([...documentTeam, [104, 'John Doe', 0], [105, 'Jane Smith', 0]])
}

/**
 * The calls that the whole program causes: one list for the reads and one for the add, both changes of status, and no
 * list of another organization for the operator that was just added.
 */
const expectCalls = (arrivals: Record<string, number>) =>
  expect(arrivals).toEqual({ login: 1, organizations: 1, list: 2, synchronize: 1, status: 2 })

describe('OperatorManager in JavaScript', () => {
  it('runs its usage program to the end, as it does against ChatHub', async () => {
    const outcome = await runAlike({ pieces: ['javascript/operator-manager.js', 'javascript/usage.js'] })
    expectUsage(outcome.stdout, 'Found: John Doe (ID: 104)', outcome.operators)
    expectCalls(outcome.gateway.arrivals)
  })
})

describeWithPython('OperatorManager in Python', (python) => {
  it('runs its usage program to the end, as it does against ChatHub', async () => {
    const outcome = await runAlike({ pieces: ['operator-manager.py'], ...python })
    expectUsage(outcome.stdout, 'Found operator: John Doe (ID: 104)', outcome.operators)
    expectCalls(outcome.gateway.arrivals)
  })
})

describeWithPhp('OperatorManager in PHP', (php) => {
  it('runs its usage program to the end, as it does against ChatHub', async () => {
    const outcome = await runAlike({ pieces: ['operator-manager.php'], ...php })
    expectUsage(outcome.stdout, 'Found: John Doe (ID: 104)', outcome.operators)
    expectCalls(outcome.gateway.arrivals)
  })
})
