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

/** Holds the next answer from an address, which the gateway has given, as a slow line does. */
export const holdAnswer = async (
  page: Page,
  part: string,
): Promise<{ isHeld(): Promise<boolean>; release(): Promise<unknown> }> => {
  await page.evaluate(`{
    const send = fetch
    globalThis.fetch = async (url, init) => {
      const answer = await send(url, init)
      if (!globalThis.letGo && url.includes('${part}'))
        await new Promise((resolve) => { globalThis.letGo = resolve })
      return answer
    }
  }`)
  return {
    isHeld: () => page.evaluate('globalThis.letGo !== undefined'),
    release: () => page.evaluate('letGo()'),
  }
}
