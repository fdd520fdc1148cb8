import { type FocusEvent, type ReactNode, useId, useRef, useState } from 'react'
import './drop-down.css'

/**
 * A button with a panel below it. The panel has content while it is open. The browser closes it with Escape or by a press
 * elsewhere, and gives the focus back.
 */
export const DropDown = ({
  face,
  label,
  className = 'icon-button',
  popup,
  children,
}: {
  face: ReactNode
  /** Of the button, where its face has no words. */
  label?: string
  className?: string
  popup?: 'menu'
  children: (close: () => void) => ReactNode
}) => {
  const id = useId()
  const panel = useRef<HTMLDivElement>(null)
  const [isOpen, setOpen] = useState(false)
  const close = () => panel.current?.hidePopover()
  const onBlur = ({ currentTarget, relatedTarget }: FocusEvent) => {
    if (relatedTarget && !currentTarget.contains(relatedTarget)) close()
  }
  return (
    <>
      <button type="button" className={className} aria-label={label} aria-haspopup={popup} popoverTarget={id}>
        {face}
      </button>
      {/* biome-ignore lint/a11y/noStaticElementInteractions: it only watches what the focus does inside. */}
      <div
        ref={panel}
        id={id}
        popover="auto"
        className="panel"
        onToggle={({ newState }) => setOpen(newState === 'open')}
        onBlur={onBlur}
      >
        {isOpen && children(close)}
      </div>
    </>
  )
}
