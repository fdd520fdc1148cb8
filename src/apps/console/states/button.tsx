import type { ComponentProps, ReactNode } from 'react'
import './button.css'

/** `loading`: what it has begun is not done yet, so it takes no press. */
export const Button = ({
  variant = 'filled',
  size = 'sm',
  color,
  loading = false,
  disabled = false,
  leftSection,
  className,
  children,
  ...rest
}: ComponentProps<'button'> & {
  variant?: 'filled' | 'default' | 'transparent'
  size?: 'sm' | 'xs' | 'compact-sm' | 'compact-xs'
  color?: 'red' | undefined
  loading?: boolean
  leftSection?: ReactNode
}) => (
  <button
    type="button"
    {...rest}
    className={className ? `button ${className}` : 'button'}
    data-variant={variant}
    data-size={size}
    data-color={color}
    data-loading={loading || undefined}
    disabled={disabled || loading}
  >
    {leftSection}
    {children}
  </button>
)
