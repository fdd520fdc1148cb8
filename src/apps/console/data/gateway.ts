import { createClient } from '../../../client/client.ts'

// This file is in <gateway>/console/assets. A constant keeps Vite from taking the address for that of a file.
const here = import.meta.url

/** The gateway that serves the page. A failed read is shown at once, and its query repeats it. */
export const gateway = createClient({
  baseUrl: new URL('../..', here).href,
  session: true,
  retries: 0,
  timeout: 20_000,
})
