import type { Page } from 'playwright-core'
import { until } from '../support/until.ts'

/**
 * Moves the clock of a page on by `stepMs`, again and again, until `condition` is true. An answer reaches a test before its
 * page has set the timer that follows from it, so a single step may come too early for that timer.
 */
export const passTime = (page: Page, stepMs: number, condition: () => Promise<boolean>): Promise<void> =>
  until(
    async () => {
      if (await condition()) return true
      await page.clock.fastForward(stepMs)
      return condition()
    },
    String(condition),
    100,
  )
