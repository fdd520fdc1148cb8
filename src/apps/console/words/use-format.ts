import { useMemo } from 'react'
import { useTranslation } from 'react-i18next'

type Instant = string | number
const units = [
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
  ['second', 1],
] as const

/** With the region of the browser, which decides between 15:00 and 3 PM. */
const withRegion = (language: string): string =>
  navigator.languages.find((each) => each.startsWith(language)) ?? language

const createFormat = (shown: string) => {
  const language = withRegion(shown)
  const clock = new Intl.DateTimeFormat(language, { hour: '2-digit', minute: '2-digit' })
  const day = new Intl.DateTimeFormat(language, { day: 'numeric', month: 'short' })
  const full = new Intl.DateTimeFormat(language, { dateStyle: 'medium', timeStyle: 'medium' })
  const relative = new Intl.RelativeTimeFormat(language, { numeric: 'auto', style: 'short' })
  const isToday = (at: Date) => at.toDateString() === new Date().toDateString()
  return {
    number: (value: number): string =>
      new Intl.NumberFormat(language, { maximumFractionDigits: 1 }).format(value),
    percent: (share: number): string => new Intl.NumberFormat(language, { style: 'percent' }).format(share),
    /** The time of today, else the day too. */
    time: (instant: Instant): string => {
      const at = new Date(instant)
      return isToday(at) ? clock.format(at) : `${day.format(at)}, ${clock.format(at)}`
    },
    full: (instant: Instant): string => full.format(new Date(instant)),
    /** Such as « 12 s ago ». */
    ago: (instant: Instant, now: number): string => {
      const seconds = Math.max(0, Math.round((now - new Date(instant).getTime()) / 1000))
      const [unit, size] = units.find(([, each]) => seconds >= each) ?? ['second', 1]
      return relative.format(-Math.floor(seconds / size), unit)
    },
    /** Such as « 4 min ». */
    span: (seconds: number): string => {
      const [unit, size] = units.find(([, each]) => seconds >= each) ?? ['second', 1]
      return new Intl.NumberFormat(language, { style: 'unit', unit, unitDisplay: 'short' }).format(
        Math.round(seconds / size),
      )
    },
    bytes: (bytes: number): string => {
      const isSmall = bytes < 1e6
      const unit = isSmall ? 'kilobyte' : 'megabyte'
      return new Intl.NumberFormat(language, {
        style: 'unit',
        unit,
        unitDisplay: 'short',
        maximumFractionDigits: 1,
      }).format(bytes / (isSmall ? 1e3 : 1e6))
    },
  }
}

/** Numbers and times in the language that is shown. */
export const useFormat = () => {
  const { i18n } = useTranslation()
  return useMemo(() => createFormat(i18n.language), [i18n.language])
}
