import { unitOf } from './format.ts'
import { useWords } from './words.ts'

/** When something was updated, such as « Updated 12 s ago ». Intl has such words too, and takes long to load them. */
export const useAge = (): ((instant: number, now: number) => string) => {
  const { t } = useWords()
  return (instant, now) => {
    const seconds = Math.max(0, Math.round((now - instant) / 1000))
    const [unit, size] = unitOf(seconds)
    return seconds === 0 ? t('age.now') : t(`age.${unit}`, { count: Math.floor(seconds / size) })
  }
}
