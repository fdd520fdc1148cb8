import { Dialog } from '../states/dialog.tsx'
import { useWords } from '../words/words.ts'
import { screens } from './screens.ts'

const ShortcutHelp = ({ onClose }: { onClose: () => void }) => {
  const { t } = useWords()
  const rows: [string[], string][] = [
    [['Ctrl', 'K'], t('palette.open')],
    [['/'], t('shortcut.search')],
    [['b'], t('shortcut.bulk')],
    [['u'], t('shortcut.undo')],
    ...screens.map(({ key, name }): [string[], string] => [['g', key], t(`nav.${name}`)]),
    [['?'], t('shortcut.help')],
  ]
  return (
    <Dialog onClose={onClose} title={t('shortcut.help')}>
      <dl className="facts">
        {rows.map(([keys, does]) => (
          <div key={does}>
            <dt>{does}</dt>
            <dd>
              {keys.map((key) => (
                <kbd key={key}>{key}</kbd>
              ))}
            </dd>
          </div>
        ))}
      </dl>
    </Dialog>
  )
}

export default ShortcutHelp
