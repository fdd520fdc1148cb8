import type { Page } from 'playwright-core'
import type { TestGateway } from '../support/gateway.ts'
import { until } from '../support/until.ts'
import { passTime } from './pass-time.ts'

/** A change is shown without events, then the next one by them. */
export const findByPolling = async (page: Page, gateway: TestGateway): Promise<void> => {
  gateway.simulator.changeOperator(2, { status: 1 })
  const inactive = async () => (await gateway.ask('GET', '/v1/organizations/6/statistics')).body.inactive
  await until(async () => (await inactive()) === 2, 'the gateway knows the change')
  await passTime(page, 15_000, () => page.getByRole('row', { name: /José Núñez Inactive/ }).isVisible())
  await page.unroute('**/v1/events')
  await passTime(page, 30_000, async () => (await page.getByText('Live updates are').count()) === 0)
  gateway.simulator.changeOperator(2, { status: 0 })
  await page.getByRole('row', { name: /José Núñez Active/ }).waitFor()
}
