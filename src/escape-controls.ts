import { inspect } from 'node:util'

/** Control characters as escapes, because a terminal acts on them. JSON would leave those from U+007F on as they are. */
export const escapeControls = (text: string): string =>
  text.replaceAll(/\p{Cc}/gu, (character) => inspect(character).slice(1, -1))
