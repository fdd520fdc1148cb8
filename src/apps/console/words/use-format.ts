import { formatOf } from './format.ts'
import { useWords } from './words.ts'

/** Numbers and times in the language that is shown. */
export const useFormat = () => formatOf(useWords().language)
