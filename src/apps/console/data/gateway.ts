import { createClient } from '../../../client/client.ts'

// This file is in <gateway>/console/assets. A constant keeps Vite from taking the address for that of a file.
const here = import.meta.url

/** What `early.js` has asked for. Each answer serves once. */
const early: Map<string, Promise<Response>> = (globalThis as { early?: Map<string, Promise<Response>> })
  .early ?? new Map()

/** The gateway that serves the page. A failed read is shown at once, and its query repeats it. */
export const gateway = createClient({
  baseUrl: new URL('../..', here).href,
  session: true,
  retries: 0,
  timeout: 20_000,
  fetch: (url, init) => {
    const request = `${init.method} ${url}`
    const answer = early.get(request)
    early.delete(request)
    return answer ?? fetch(url, init)
  },
})
