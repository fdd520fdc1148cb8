import { ActionIcon, Menu } from '@mantine/core'
import { Icon, type IconName } from '../states/icon.tsx'

/** A menu behind an icon, of which one entry is chosen. `choices`: the words of each. */
export const ChoiceMenu = <T extends string>({
  icon,
  label,
  choices,
  chosen,
  choose,
  langOf,
}: {
  icon: IconName
  label: string
  choices: Record<T, string>
  chosen: string
  choose: (choice: T) => void
  /** The language of its words, where it differs. */
  langOf?: (choice: T) => string
}) => (
  <Menu position="bottom-end">
    <Menu.Target>
      <ActionIcon variant="subtle" color="gray" size="lg" aria-label={label}>
        <Icon name={icon} />
      </ActionIcon>
    </Menu.Target>
    <Menu.Dropdown>
      {(Object.keys(choices) as T[]).map((choice) => (
        <Menu.Item
          key={choice}
          lang={langOf?.(choice)}
          onClick={() => choose(choice)}
          rightSection={choice === chosen ? <Icon name="check" size={14} /> : undefined}
        >
          {choices[choice]}
        </Menu.Item>
      ))}
    </Menu.Dropdown>
  </Menu>
)
