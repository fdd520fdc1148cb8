import { expect } from '@jest/globals'
import type { BrowserContext, Page, Response } from 'playwright-core'
import type { TestGateway } from '../support/gateway.ts'

type Attack = { context: BrowserContext; origin: string; api: string; gateway: TestGateway }

/** Tries what a page at `origin` can do with its visitor's session, and checks that all of it fails. Returns the statuses. */
export const attack = async ({ context, origin, api, gateway }: Attack): Promise<number[]> => {
  const before = gateway.simulator.operators()
  gateway.simulator.clearArrivals()
  const page = await context.newPage()
  const answers: Response[] = []
  page.on('response', (response) => {
    if (response.url().startsWith(api)) answers.push(response)
  })
  const list = `${api}/v1/organizations/24/operators`
  await page.goto(origin)
  expect(await gains(page, 'tryToRead', list)).toEqual([])
  expect(await gains(page, 'tryToWrite', `${list}/101`)).toEqual([])
  for (const form of [
    { action: list, start: '{"operators":[{"name":"Evil"}],"x":"', end: '"}' },
    { action: `${api}/api/operator/synchronize`, start: '[{"organizationId":24,"name":"', end: '"}]' },
    { action: `${api}/v1/session`, start: '{"ticket":"', end: '"}' },
  ]) {
    await page.goto(origin)
    await Promise.all([page.waitForURL(form.action), page.evaluate(`submitForm(${JSON.stringify(form)})`)])
  }
  expect(answers.filter((answer) => answer.request().method() === 'POST').length).toBeGreaterThanOrEqual(3)
  for (const answer of answers) {
    const { 'set-cookie': cookie, 'access-control-allow-origin': allowed } = answer.headers()
    const seen = [answer.url(), answer.status() >= 400, cookie, allowed]
    expect(seen).toEqual([answer.url(), true, undefined, undefined])
  }
  expect(gateway.simulator.operators()).toEqual(before)
  expect(gateway.simulator.arrivals()).toEqual([])
  await page.close()
  return answers.map((answer) => answer.status())
}

/** The outcomes of the attempts of evil.js that gained something. */
const gains = async (page: Page, attempt: 'tryToRead' | 'tryToWrite', url: string): Promise<string[]> => {
  const outcomes = (await page.evaluate(`${attempt}(${JSON.stringify(url)})`)) as string[]
  expect(outcomes.length).toBeGreaterThan(5)
  return outcomes.filter((outcome) => outcome !== 'nothing')
}
