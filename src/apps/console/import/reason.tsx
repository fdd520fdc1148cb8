import { useWords } from '../words/words.ts'

/** Why a row was refused. A reason without words of its own is shown as the code it is. */
export const Reason = ({ reason }: { reason: string | null | undefined }) => {
  const { t } = useWords()
  if (!reason) return null
  return <span className="quiet">{t(`reason.${reason.replaceAll('.', '_')}`, { defaultValue: reason })}</span>
}
