import type { Page } from 'playwright-core'
import { until } from '../support/until.ts'

/** The name of what has the focus, as a screen reader says it. */
const focused = `(() => {
  const { activeElement: it } = document
  return it.getAttribute('aria-label') ?? it.labels?.[0]?.textContent ?? it.textContent
})()`

/** What a person does with a page without a mouse, and what it shows. */
export const keyboardOf = (page: Page) => {
  const press = async (...keys: string[]): Promise<void> => {
    for (const key of keys) await page.keyboard.press(key)
  }
  /** Presses Tab until this has the focus. A busy machine may show it late. */
  const tabTo = (name: string | RegExp): Promise<void> =>
    until(async () => {
      const now = String(await page.evaluate(focused)).trim()
      if (typeof name === 'string' ? now === name : name.test(now)) return true
      await press('Tab')
      return false
    }, `something called ${name} takes the focus`)
  return {
    press,
    tabTo,
    /** Goes there with Tab and presses Enter. */
    enter: async (name: string | RegExp): Promise<void> => {
      await tabTo(name)
      await press('Enter')
    },
    type: (text: string) => page.keyboard.insertText(text),
    see: (text: string | RegExp) => page.getByText(text).first().waitFor(),
    /** Waits until no such text is shown. */
    seeNoMore: (text: string | RegExp) => page.getByText(text).first().waitFor({ state: 'detached' }),
  }
}
