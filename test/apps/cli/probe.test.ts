import { readFileSync } from 'node:fs'
import { afterAll, afterEach, describe, expect, it } from '@jest/globals'
import { assumed, type Finding } from '../../../src/apps/cli/probe/finding.ts'
import {
  createSimulator,
  type Simulator,
  type SimulatorOptions,
} from '../../../src/apps/simulator/simulator.ts'
import { stopEverything } from '../../support/children.ts'
import { startCli } from '../../support/run-cli.ts'

afterAll(stopEverything)
let chathub: Simulator
afterEach(() => chathub.close())

const simulate = async (options: SimulatorOptions = {}): Promise<Simulator> => {
  chathub = await createSimulator({ loginSpacingMs: 0, ...options })
  return chathub
}
const start = (args: string[], env: Record<string, string> = {}) =>
  startCli(['probe', '--organization', '24', ...args], {
    ...{ CHATHUB_BASE_URL: chathub.url, CHATHUB_REQUESTS_PER_SECOND: '1000', WRITE_SETTLE_SECONDS: '1' },
    ...{ CHATHUB_COMPANY_TOKEN: 'ct_demo-company-token', ...env },
  })
const endOf = async (started: ReturnType<typeof start>) => {
  const { code } = await started.ended
  const lines = started.stdout().trim().split('\n')
  const findings = lines.filter(Boolean).map((line): Finding => JSON.parse(line))
  const by = (state: Finding['state']) =>
    findings.filter((one) => one.state === state).map(({ line }) => line)
  return { code, stderr: started.stderr(), refuted: by('refuted'), confirmed: by('confirmed'), findings }
}
const login = { CHATHUB_LOGIN: 'demo', CHATHUB_PASSWORD: 'demo-password' }
const own = () => chathub.operators(24).filter(({ name }) => name.startsWith('probe-'))

describe('probe', () => {
  it('confirms each line where ChatHub does what is assumed, and leaves what it added as deleted', async () => {
    await simulate({ latencyMs: 50 })
    const before = chathub.operators(24)
    const { code, stderr, confirmed, findings } = await endOf(start(['--yes', '--batch'], login))
    expect(findings.filter(({ state }) => state !== 'confirmed')).toEqual([])
    expect(confirmed.toSorted()).toEqual(Object.keys(assumed).toSorted())
    expect(code).toBe(0)
    expect(chathub.operators(24).slice(0, 3)).toEqual(before)
    expect(own().length).toBe(106)
    expect(own().every(({ status }) => status === 2)).toBe(true)
    expect(stderr).toMatch(/^106 operators whose names begin with probe-\w{8} are deleted\.$/m)
    expect(`${stderr}${JSON.stringify(findings)}`).not.toMatch(/ct_|op_|John/)
  })

  it('refutes what ChatHub does otherwise when it is read, and writes nothing unless it may', async () => {
    await simulate()
    const rows = [{ id: '101', name: 'John Smith', status: 7 }]
    chathub.fault({ mode: 'rows', rows, route: 'list' })
    chathub.acceptToken('probe-this-token-does-not-exist')
    const { code, stderr, refuted } = await endOf(start([]))
    expect([code, refuted]).toEqual([65, ['D2', 'D4', 'D5', 'D7', 'D10']])
    expect(stderr).toContain('Without a terminal this needs --yes')
    expect(own()).toEqual([])
  })

  it('refutes login, lists, right and pace, and writes to no organization that it does not see', async () => {
    await simulate()
    chathub.fault({ mode: 'raw', body: '{"jwt":1}', route: 'login' })
    chathub.fault({ mode: 'raw', body: '<html>', route: 'list' })
    chathub.fault({ mode: 'rate-limit', perSecond: 3, retryAfter: 1, times: 2, route: 'organizations' })
    chathub.removeOrganization(24)
    const { code, stderr, refuted } = await endOf(start(['--yes'], login))
    expect([code, refuted]).toEqual([65, ['C1', 'C14', 'C15', 'D7', 'O5']])
    expect(stderr).toContain('is not in the list, so nothing is written')
    expect(chathub.arrivals().filter(({ route }) => route === 'synchronize')).toEqual([])
  })

  it('refutes order, others that change, statuses, tokens and lateness; says what it could not delete', async () => {
    await simulate()
    const [add, again, empty, late] = Array.from({ length: 4 }, () => chathub.hold('synchronize'))
    chathub.fault({ mode: 'shuffle', route: 'synchronize' })
    chathub.fault({ mode: 'raw', body: '', route: 'status' })
    chathub.fault({ mode: 'raw', body: 'op_bare-text-token', route: 'operator-token' })
    chathub.fault({ mode: 'raw', body: '{"valid":true}', route: 'validate' })
    const probe = start(['--yes'])
    await add?.arrived
    chathub.changeOperator(101, { status: 2 })
    add?.release()
    again?.release()
    await empty?.arrived
    chathub.addOperator(24, 'From nowhere')
    empty?.release()
    await late?.arrived
    const from = performance.now()
    // Each look at the list waits here, so that the name is there in the first one after the settling time.
    for (let isSettled = false; !isSettled; ) {
      const look = chathub.hold('list')
      await look.arrived
      isSettled = performance.now() - from > 1000
      if (isSettled) late?.release()
      look.release()
    }
    const { code, stderr, refuted } = await endOf(probe)
    expect([code, refuted]).toEqual([65, ['D8', 'C16', 'O4', 'D6', 'O1', 'C3', 'C6', 'C4', 'O7']])
    const left = own().map(({ id }) => id)
    expect(left.length).toBe(6)
    expect(stderr).toContain(`Not deleted: ${left.join(', ')}. Delete them by hand.`)
  })

  it('refutes names that are dropped, a batch that does not fit, and tokens that are refused', async () => {
    await simulate()
    chathub.fault({ mode: 'partial', first: 0, route: 'synchronize', times: 3 })
    const nothing = await endOf(start(['--yes']))
    expect(nothing.refuted).toEqual(['D8', 'D3', 'O6', 'C12'])
    expect(nothing.findings.filter(({ state }) => state === 'unclear').map(({ line }) => line)).toEqual([
      'O1',
      'O2',
    ])
    chathub.fault({ mode: 'partial', first: 3, route: 'synchronize' })
    chathub.fault({ mode: 'status', status: 400, route: 'operator-token' })
    const few = await endOf(start(['--yes', '--batch']))
    expect(few.refuted).toEqual(expect.arrayContaining(['D8', 'O2', 'O3']))
    expect(own().every(({ status }) => status === 2)).toBe(true)
  })

  it('ends with its code where ChatHub cannot be asked, and cleans up after Ctrl-C', async () => {
    await simulate()
    const refused = await endOf(start(['--yes'], { CHATHUB_COMPANY_TOKEN: 'ct_wrong' }))
    expect([refused.code, refused.stderr]).toEqual([77, 'ChatHub refuses the credential (401).\n'])
    const held = chathub.hold('status')
    const probe = start(['--yes'])
    await held.arrived
    probe.child.kill('SIGINT')
    const stopped = await endOf(probe)
    held.release()
    expect([stopped.code, own().length > 0, own().every(({ status }) => status === 2)]).toEqual([
      130,
      true,
      true,
    ])
  })

  it('has a line of docs/assumptions.md for each finding', () => {
    const page = readFileSync(new URL('../../../docs/assumptions.md', import.meta.url), 'utf8')
    const [lines = '', tried = ''] = page.split('## What the probe finds out')
    const idsOf = (text: string) =>
      [...text.matchAll(/^\| ([CDO]\d+(?:, [CDO]\d+)*) \|/gm)].flatMap(([, ids = '']) => ids.split(', '))
    expect(idsOf(tried).toSorted()).toEqual(Object.keys(assumed).toSorted())
    expect(idsOf(lines)).toEqual(expect.arrayContaining(Object.keys(assumed)))
  })
})
