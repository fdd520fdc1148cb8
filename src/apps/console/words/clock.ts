/** Where the time is written as 15:04. The first format of Intl takes longer to make than all of the board to draw. */
export const plainClocks: ReadonlySet<string> = new Set([
  'en-GB',
  'en-IE',
  'fr',
  'fr-BE',
  'fr-CH',
  'fr-FR',
  'uk',
  'uk-UA',
])
export const plainClock = (at: Date): string =>
  [at.getHours(), at.getMinutes()].map((part) => String(part).padStart(2, '0')).join(':')
