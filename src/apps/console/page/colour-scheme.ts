import { createStore } from '../data/store.ts'

export const schemes = ['auto', 'light', 'dark'] as const
type Scheme = (typeof schemes)[number]

/** The name under which Mantine kept it. */
const kept = 'mantine-color-scheme-value'
const system = matchMedia('(prefers-color-scheme: dark)')

const keptScheme = (): Scheme => schemes.find((each) => each === localStorage.getItem(kept)) ?? 'auto'

/** `auto`: as the system has it. */
export const scheme = createStore<Scheme>(keptScheme())
/** Whether the page is dark now. */
export const isDark = createStore(false)

const show = (): void => {
  const chosen = scheme.get()
  isDark.set(chosen === 'auto' ? system.matches : chosen === 'dark')
  document.documentElement.setAttribute('data-mantine-color-scheme', isDark.get() ? 'dark' : 'light')
}

export const chooseScheme = (chosen: Scheme): void => {
  localStorage.setItem(kept, chosen)
  scheme.set(chosen)
  show()
}

/** Shows the scheme that was chosen, and follows the system and other tabs of the browser. */
export const startScheme = (): void => {
  show()
  system.addEventListener('change', show)
  addEventListener('storage', ({ key }) => {
    if (key !== kept) return
    scheme.set(keptScheme())
    show()
  })
}
