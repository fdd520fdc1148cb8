import type { ReactNode } from 'react'
import { Icon } from '../states/icon.tsx'
import { DropDown } from './drop-down.tsx'
import { Menu } from './menu.tsx'

/** A menu of which one entry is chosen. `choices`: each with its words. */
export const ChoiceMenu = <T extends string | number>({
  face,
  className,
  label,
  choices,
  chosen,
  choose,
  langOf,
}: {
  face: ReactNode
  className?: string
  label: string
  choices: readonly (readonly [T, string])[]
  chosen: T
  choose: (choice: T) => void
  /** The language of its words, where it differs. */
  langOf?: (choice: T) => string
}) => (
  <DropDown face={face} className={className} label={label} popup="menu">
    {(close) => (
      <Menu label={label}>
        {choices.map(([choice, words]) => (
          <button
            key={choice}
            type="button"
            role="menuitemradio"
            tabIndex={-1}
            aria-checked={choice === chosen}
            lang={langOf?.(choice)}
            onClick={() => {
              close()
              choose(choice)
            }}
          >
            {words}
            {choice === chosen && <Icon name="check" size={14} />}
          </button>
        ))}
      </Menu>
    )}
  </DropDown>
)
