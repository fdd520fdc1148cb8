import { createContext, useContext } from 'react'
import { createStore } from '../data/store.ts'
import en from './en.json'
import { formatOf } from './format.ts'

export const languages = { en: 'English', fr: 'Français', uk: 'Українська' } as const
export type Language = keyof typeof languages
const isLanguage = (text: unknown): text is Language => Object.hasOwn(languages, String(text))

const others = { fr: () => import('./fr.json'), uk: () => import('./uk.json') }
const kept = 'chathub-console-language'

/** The one chosen before, else the first of the browser's that there is. */
const preferred = (): Language =>
  [localStorage.getItem(kept), ...navigator.languages.map((each) => each.slice(0, 2))].find(isLanguage) ??
  'en'

type Words = { readonly [key: string]: string | Words }
type Values = Readonly<Record<string, string | number | null | undefined>>

const find = (words: Words, key: string): string | undefined => {
  let at: string | Words | undefined = words
  for (const part of key.split('.')) at = typeof at === 'object' ? at[part] : undefined
  return typeof at === 'string' ? at : undefined
}

/** A name that is written from right to left keeps its order within a sentence, and leaves the sentence its own. */
const isolated = (text: string): string => (/[\u0590-\u08ff]/.test(text) ? `\u2068${text}\u2069` : text)

/** The words of one language by their keys. */
const wordsIn = (language: Language, words: Words) => {
  const { number, plural } = formatOf(language)
  /** `count`: chooses the plural. `defaultValue`: what is said where the key has no words. React escapes what HTML needs. */
  const t = (
    key: string,
    values: Values & { readonly count?: number; readonly defaultValue?: string } = {},
  ): string => {
    const { count, defaultValue = key } = values
    const counted = count === undefined ? undefined : find(words, `${key}_${plural(count)}`)
    const text = counted ?? find(words, key)
    if (text === undefined) return defaultValue
    return text.replaceAll(/{{(\w+)(, number)?}}/g, (_, name: string, isNumber?: string) =>
      isNumber ? number(Number(values[name])) : isolated(String(values[name] ?? '')),
    )
  }
  return { language, t }
}

const shown = createStore(wordsIn('en', en))
/** The language that is shown now. */
export const useShown = shown.use
export const WordsContext = createContext(shown.get())
export const useWords = () => useContext(WordsContext)

const show = async (language: Language): Promise<void> => {
  const words = language === 'en' ? en : (await others[language]()).default
  shown.set(wordsIn(language, words))
  document.documentElement.lang = language
}

export const startWords = (): Promise<void> => show(preferred())

export const chooseLanguage = (language: Language): Promise<void> => {
  localStorage.setItem(kept, language)
  return show(language)
}
