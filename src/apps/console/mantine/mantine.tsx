import { MantineProvider } from '@mantine/core'
import { setNonce } from 'get-nonce'
import type { ReactNode } from 'react'
import { isDark } from '../page/colour-scheme.ts'
import './mantine.css'
import { cssVariables, theme } from './theme.ts'

const nonce = document.querySelector<HTMLMetaElement>('meta[name="csp-nonce"]')?.content ?? ''
// The lock of the page behind a dialog makes a style of its own.
if (nonce !== '') setNonce(nonce)

/** What a screen or dialog with components of Mantine is drawn in. */
export const Mantine = ({ children }: { children: ReactNode }) => (
  <MantineProvider
    theme={theme}
    cssVariablesResolver={cssVariables}
    forceColorScheme={isDark.use() ? 'dark' : 'light'}
    withGlobalClasses={false}
    getStyleNonce={() => nonce}
  >
    {children}
  </MantineProvider>
)
