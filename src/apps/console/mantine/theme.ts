import { type CSSVariablesResolver, createTheme } from '@mantine/core'

const title = { fontWeight: 650, fontSize: '1.1rem', lineHeight: 1.3, overflowWrap: 'anywhere' } as const

export const theme = createTheme({
  primaryColor: 'indigo',
  primaryShade: { light: 7, dark: 8 },
  autoContrast: true,
  defaultRadius: 'sm',
  fontFamily: 'system-ui, sans-serif',
  respectReducedMotion: true,
  colors: {
    dark: [
      '#e7e9ec',
      '#b8bec4',
      '#a9b0b7',
      '#727b84',
      '#3d444b',
      '#343a41',
      '#262b30',
      '#1f2327',
      '#17191c',
      '#121416',
    ],
  },
  components: {
    // Their `extend` would load them with the first screen.
    Modal: { defaultProps: { overlayProps: { backgroundOpacity: 0.35 } }, styles: { title } },
    Drawer: { defaultProps: { overlayProps: { backgroundOpacity: 0.2 } }, styles: { title } },
  },
})

/** Quiet text keeps a contrast of 4.5 on every ground of the page. */
export const cssVariables: CSSVariablesResolver = () => ({
  variables: {},
  light: {
    '--mantine-color-dimmed': '#5b626a',
    '--mantine-color-placeholder': '#5b626a',
    '--mantine-color-error': '#a61e1e',
  },
  dark: {
    '--mantine-color-dimmed': '#a9b0b7',
    '--mantine-color-placeholder': '#a9b0b7',
    '--mantine-color-error': '#ff9a9a',
    '--mantine-color-body': '#17191c',
  },
})
