const alphabet = 'абвгґдеєжзиіїйклмнопрстуфхцчшщьюя'
/** Names with letters of one of these alone are in order by the places of their letters. */
const scripts = [/^[a-z\d ]*$/i, new RegExp(`^[${alphabet}\\d ]*$`, 'i')]

/** In Unicode, some letters of Ukrainian stand behind all others. */
const placesOf = (name: string): string =>
  name.toLowerCase().replace(/[а-яґєії]/g, (letter) => String.fromCharCode(0x430 + alphabet.indexOf(letter)))

/** Compares some names. The collator takes longer to load than all of the board to draw, so plain names do without. */
export const byName = (names: readonly string[]): ((a: string, b: string) => number) => {
  const isPlain = scripts.some((script) => names.every((name) => script.test(name)))
  if (!isPlain) return (a, b) => a.localeCompare(b)
  return (a, b) => {
    const [one, other] = [placesOf(a), placesOf(b)]
    return one < other ? -1 : Number(one > other)
  }
}
