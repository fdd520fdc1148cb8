import i18next from 'i18next'
import { initReactI18next } from 'react-i18next'
import en from './en.json'

export const languages = { en: 'English', fr: 'Français', uk: 'Українська' } as const
export type Language = keyof typeof languages
const isLanguage = (text: unknown): text is Language => Object.hasOwn(languages, String(text))

const others = { fr: () => import('./fr.json'), uk: () => import('./uk.json') }
const kept = 'chathub-console-language'

/** The one chosen before, else the first of the browser's that there is. */
const preferred = (): Language =>
  [localStorage.getItem(kept), ...navigator.languages.map((each) => each.slice(0, 2))].find(isLanguage) ??
  'en'

const show = async (language: Language): Promise<void> => {
  if (language !== 'en')
    i18next.addResourceBundle(language, 'translation', (await others[language]()).default)
  await i18next.changeLanguage(language)
  document.documentElement.lang = language
}

/** A name that is written from right to left keeps its order within a sentence, and leaves the sentence its own. */
const isolated = (text: string): string => (/[\u0590-\u08ff]/.test(text) ? `\u2068${text}\u2069` : text)

export const startWords = async (): Promise<void> => {
  await i18next.use(initReactI18next).init({
    lng: 'en',
    fallbackLng: 'en',
    resources: { en: { translation: en } },
    // React escapes what HTML needs.
    interpolation: { escape: isolated },
  })
  await show(preferred())
}

export const chooseLanguage = (language: Language): Promise<void> => {
  localStorage.setItem(kept, language)
  return show(language)
}
