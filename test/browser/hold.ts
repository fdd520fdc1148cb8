import type { Page } from 'playwright-core'

/** Holds what a page sends to an address, by this method, until it is let go. */
export const hold = async (
  page: Page,
  url: string,
  method = 'GET',
): Promise<{ release(): Promise<void> }> => {
  let letGo = () => {}
  const released = new Promise<void>((resolve) => {
    letGo = resolve
  })
  await page.route(url, async (route) => {
    if (route.request().method() === method) await released
    await route.fallback()
  })
  return {
    release: async () => {
      letGo()
      await page.unroute(url)
    },
  }
}
