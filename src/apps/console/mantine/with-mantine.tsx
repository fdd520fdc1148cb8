import type { ComponentType } from 'react'

/** Loads a screen or dialog, and Mantine with it. The board is drawn without both. */
export const withMantine =
  <P extends object>(load: () => Promise<{ default: ComponentType<P> }>) =>
  async (): Promise<{ default: ComponentType<P> }> => {
    const [{ Mantine }, { default: Content }] = await Promise.all([import('./mantine.tsx'), load()])
    return {
      default: (props: P) => (
        <Mantine>
          <Content {...props} />
        </Mantine>
      ),
    }
  }
