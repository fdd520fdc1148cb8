import { type Browser, chromium } from 'playwright-core'
import type { Provided } from '../support/debian.ts'

/** Chromium, as `describeWithChromium` provides it. It talks to nobody but the pages. */
export const launch = ({ command, env }: Provided): Promise<Browser> =>
  chromium.launch({
    executablePath: command,
    env: { ...(process.env as Record<string, string>), ...env },
    args: [
      ...['--disable-gpu', '--disable-quic', '--no-first-run', '--disable-sync'],
      ...['--disable-background-networking', '--disable-component-update'],
    ],
  })
