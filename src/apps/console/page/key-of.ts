/**
 * The key that was pressed, as it is on a Latin keyboard: with a Ukrainian layout the key G gives « п ». What types no letter
 * outside of ASCII is left as it is.
 */
export const keyOf = ({ key, code }: KeyboardEvent): string =>
  key.length === 1 && key > '\u007f' && code.startsWith('Key') ? code.slice(3).toLowerCase() : key

/** Keys that belong to the browser or the system, such as `Ctrl F`. */
export const isCombined = ({ ctrlKey, metaKey, altKey }: KeyboardEvent): boolean =>
  ctrlKey || metaKey || altKey
