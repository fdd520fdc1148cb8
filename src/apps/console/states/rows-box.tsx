import type { ReactNode } from 'react'

/** A table that scrolls by itself, also by keyboard. */
export const RowsBox = ({
  label,
  isBusy = false,
  children,
}: {
  label: string
  isBusy?: boolean
  children: ReactNode
}) => (
  // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached without a mouse.
  <section className="rows-box" tabIndex={0} aria-label={label} data-busy={isBusy || undefined}>
    {children}
  </section>
)
