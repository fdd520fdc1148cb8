import type { BrowserContext, Page, Response } from 'playwright-core'

/** Runs in the page. */
const whatScriptsSee = `(async () => {
  const texts = [...document.scripts].map(async ({ src, text }) => (src ? (await fetch(src)).text() : text))
  const stores = [document.cookie, { ...localStorage }, { ...sessionStorage }]
  return JSON.stringify([stores, document.documentElement.outerHTML, await Promise.all(texts)])
})()`

/** Records everything that a browser receives, as text: headers, bodies, and what scripts see of their stores. */
export const recordOf = (context: BrowserContext) => {
  const pieces: Promise<string>[] = []
  const bodyOf = (response: Response): Promise<string> =>
    response.body().then(
      (bytes) => bytes.toString('utf8'),
      () => '', // a 204, or an answer to a page that was closed
    )
  /** An answer that is still on its way when the browser is closed ends so. Whoever asks for the text asks before that. */
  const closed = (error: Error): string => {
    if (/has been closed/.test(error.message)) return ''
    throw error
  }
  context.on('response', (response) => {
    pieces.push(Promise.resolve(`${response.url()}\n${JSON.stringify(response.headers())}`))
  })
  context.on('requestfinished', (request) => {
    pieces.push(
      request
        .response()
        .then(async (response) => {
          if (!response) return ''
          return `${JSON.stringify(await response.allHeaders())}\n${await bodyOf(response)}`
        })
        .catch(closed),
    )
  })
  return {
    text: async (): Promise<string> => (await Promise.all(pieces)).join('\n'),
    stores: (page: Page): Promise<string> => page.evaluate(whatScriptsSee),
  }
}
