// A text in which one of so many letters above ASCII is out of place is in neither encoding.
const oddShare = 10

// What names and tables in European scripts consist of.
const usual = /[\t\r\n\x1a\x20-\x7e\u00a0-\u024f\u02b0-\u036f\u0400-\u052f\u2010-\u2044\u20ac\u2116]/g

/** UTF-16 without a byte order mark: the byte order in which the text has usual characters. Undefined for other bytes. */
export const guessUtf16 = (bytes: Buffer): string | undefined => {
  const sample = bytes.subarray(0, 64 * 1024)
  const share = (charset: string): number => {
    const text = new TextDecoder(charset).decode(sample)
    return (text.match(usual)?.length ?? 0) / text.length
  }
  return ['utf-16le', 'utf-16be'].find((charset) => share(charset) > 0.9)
}

// The bytes 0x80 to 0x9F of windows-1252. Some releases of Node 20 to 23 decode them as control characters.
const high = '€\x81‚ƒ„…†‡ˆ‰Š‹Œ\x8dŽ\x8f\x90‘’“”•–—˜™š›œ\x9džŸ'

/** A decoder of windows-1252. */
export const windows1252 = {
  decode: (bytes: Uint8Array): string =>
    Buffer.from(bytes)
      .toString('latin1')
      .replaceAll(/[\x80-\x9f]/g, (char) => high[char.charCodeAt(0) - 0x80] as string),
}

const [sign, lower, upper, odd] = [0, 1, 2, 3]

/** What each byte is in this encoding. Odd: no letter, and no sign that is usual beside names. */
const kindsIn = (decoder: { decode(bytes: Uint8Array): string }): Uint8Array =>
  Uint8Array.from({ length: 256 }, (_, byte) => {
    const char = decoder.decode(Uint8Array.of(byte))
    if (/\p{Ll}/u.test(char)) return lower
    if (/\p{Lu}/u.test(char)) return upper
    return byte < 0x80 || /[‘’‚“”„•…–—«»°·№€\xa0]/.test(char) ? sign : odd
  })

/**
 * windows-1251 or windows-1252, by the words of the text. A French word mixes ASCII with accented letters. A Ukrainian or
 * Russian word has no ASCII letter. Undefined where the reading has odd signs, or capitals after small letters.
 */
export const guessWindows = (bytes: Buffer): string | undefined => {
  const cyrillic = kindsIn(new TextDecoder('windows-1251'))
  const latin = kindsIn(windows1252)
  const isLetter = Uint8Array.from(cyrillic, (kind, byte) =>
    [kind, latin[byte]].some((one) => one === lower || one === upper) ? 1 : 0,
  )
  const oddIn = { cyrillic: 0, latin: 0 }
  let [ascii, above, mixed, pure, total, last] = [0, 0, 0, 0, 0, 0]
  const endWord = (): void => {
    if (ascii > 0) mixed += above
    // One letter may stand alone in French too.
    else if (above > 1) pure += above
    ascii = 0
    above = 0
  }
  const take = (byte: number): void => {
    if (byte >= 0x80) {
      total++
      if (isMisplaced(cyrillic, last, byte)) oddIn.cyrillic++
      if (isMisplaced(latin, last, byte)) oddIn.latin++
    }
    if (isLetter[byte] === 0) endWord()
    else if (byte < 0x80) ascii++
    else above++
    last = byte
  }
  bytes.forEach(take)
  endWord()
  const isCyrillic = pure > mixed
  const misplaced = isCyrillic ? oddIn.cyrillic : oddIn.latin
  if (misplaced * oddShare > total) return undefined
  return isCyrillic ? 'windows-1251' : 'windows-1252'
}

const isMisplaced = (kinds: Uint8Array, last: number, byte: number): boolean =>
  kinds[byte] === odd || (kinds[byte] === upper && kinds[last] === lower)
