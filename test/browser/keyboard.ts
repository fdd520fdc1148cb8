import type { Page } from 'playwright-core'
import { until } from '../support/until.ts'

/** The name of what has the focus, as a screen reader says it. */
const focused = `(() => {
  const { activeElement: it } = document
  return it.getAttribute('aria-label') ?? it.labels?.[0]?.textContent ?? it.textContent
})()`

/** Ends after all that waits in the page, such as a dialog that gives the focus to one of its buttons. */
const settled = 'new Promise((done) => setTimeout(() => setTimeout(done)))'

/** What a person does with a page without a mouse, and what it shows. */
export const keyboardOf = (page: Page) => {
  const press = async (...keys: string[]): Promise<void> => {
    for (const key of keys) await page.keyboard.press(key)
  }
  const hasFocus = async (name: string | RegExp): Promise<boolean> => {
    const now = String(await page.evaluate(focused)).trim()
    return typeof name === 'string' ? now === name : name.test(now)
  }
  const moveTo = (key: string, name: string | RegExp): Promise<void> =>
    until(async () => {
      if (await hasFocus(name)) {
        await page.evaluate(settled)
        if (await hasFocus(name)) return true
      }
      await press(key)
      return false
    }, `something called ${name} takes the focus`)
  /** Presses Tab until this has the focus. A busy machine may show it late. */
  const tabTo = (name: string | RegExp): Promise<void> => moveTo('Tab', name)
  return {
    press,
    tabTo,
    /** Waits until the page gives it the focus, as a dialog does when it has opened. */
    isGiven: (name: string | RegExp) => until(() => hasFocus(name), `${name} is given the focus`),
    /** Goes there with Tab and presses Enter. */
    enter: async (name: string | RegExp): Promise<void> => {
      await tabTo(name)
      await press('Enter')
    },
    /** Goes there in a menu and presses Enter. */
    choose: async (name: string | RegExp): Promise<void> => {
      await moveTo('ArrowDown', name)
      await press('Enter')
    },
    type: (text: string) => page.keyboard.insertText(text),
    see: (text: string | RegExp) => page.getByText(text).first().waitFor(),
    /** Waits until no such text is shown. */
    seeNoMore: (text: string | RegExp) => page.getByText(text).first().waitFor({ state: 'detached' }),
  }
}
