/** What stands between columns, and where the rows begin: after how many characters, and in which line. */
export type CsvForm = { delimiter: string; start: number; line: number }

const delimiters = [',', ';', '\t', '|'] as const

/** By what a first line `sep=;` names, else by the character on which the first lines agree best. */
export const findDelimiter = (whole: string): CsvForm => {
  const text = whole.slice(0, 64 * 1024)
  const named = /^"?sep=([^\r\n])"?[^\S\r\n\t]*(\r\n|\r|\n|$)/i.exec(text)
  if (named) return { delimiter: named[1] as string, start: named[0].length, line: 2 }
  const lines = text
    .split(/[\r\n]+/, 20)
    .map((line) => line.replaceAll(/"[^"]*"/g, ''))
    .filter((line) => line.trim() !== '')
  const rated = delimiters.map((delimiter) => {
    const counts = lines.map((line) => line.split(delimiter).length - 1)
    const first = counts[0] ?? 0
    const agreeing = first === 0 ? 0 : counts.filter((count) => count === first).length
    return { delimiter, agreeing, first }
  })
  const [best] = rated.toSorted((a, b) => b.agreeing - a.agreeing || b.first - a.first)
  return { delimiter: best?.delimiter ?? delimiters[0], start: 0, line: 1 }
}
