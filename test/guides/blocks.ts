/**
 * Code blocks of a page in Markdown, and what their info strings say:
 *
 * `sh`, `js`, `python`, `php`          is run, in the order of the page
 * the same with `no-run <reason>`      is not run, because it cannot be here; its syntax is checked
 * `<language> answer`                  is what the block before it prints; `…` stands for any text, in a line of its own for
 *                                      any lines
 * `json`, `yaml`, `html`               is part of a file; its syntax is checked
 * no language                          is a drawing
 *
 * A comment `prints: …` in a block gives lines that the block prints, in this order.
 */
export type Block = {
  /** Of the opening fence, from 1. */
  line: number
  language: string
  code: string
  /** Why it is not run. */
  noRun?: string
  answer?: { line: number; language: string; text: string }
}

export const runnable = ['sh', 'js', 'python', 'php']
const data = ['json', 'yaml', 'html']

/** @throws Error with the line of a block whose info string is not one of the above */
export const blocksOf = (page: string): Block[] => {
  const blocks: Block[] = []
  const fences = /^```(.*)\n((?:(?!```).*\n)*)```$/gm
  for (const { index, 1: info = '', 2: code = '' } of page.matchAll(fences)) {
    const line = page.slice(0, index).split('\n').length
    const [language = '', word = '', ...rest] = info.trim().split(' ')
    const wrong = (why: string): Error => new Error(`line ${line}: “${info}”: ${why}`)
    if (word === 'answer') {
      const last = blocks.at(-1)
      if (!last || last.noRun !== undefined || last.answer || !runnable.includes(last.language))
        throw wrong('no block that is run stands before it')
      last.answer = { line, language, text: code }
      continue
    }
    if (language === '') {
      if (!/[─│┌└►▶→]/.test(code)) throw wrong('wanted: a language, since this is no drawing')
      continue
    }
    if (!runnable.includes(language) && !data.includes(language)) throw wrong('not a known language')
    if (word !== '' && (word !== 'no-run' || rest.length === 0)) throw wrong('wanted: no-run and a reason')
    blocks.push({ line, language, code, ...(word === 'no-run' && { noRun: rest.join(' ') }) })
  }
  return blocks
}

/** The lines that a block says it prints. */
export const printedOf = ({ code }: Block): string[] =>
  [...code.matchAll(/(?:\/\/|#) prints: (.*)$/gm)].flatMap(([, said = '']) =>
    // A loop prints one line for each.
    /^\d+(, \d+)+$/.test(said) ? said.split(', ') : [said],
  )

/** Whether a text is as a page shows it. In JSON white space does not count. */
export const isShownAs = (shown: string, text: string, language: string): boolean => {
  const plain = (value: string): string =>
    language === 'json' ? value.replaceAll(/\s/g, '') : value.replaceAll(/[ \t\r]+$|\uFEFF/gm, '').trim()
  const pieces = plain(shown)
    .replaceAll(/^…\n/gm, '…')
    .split('…')
    .map((piece) => piece.replaceAll(/[\\^$.*+?()[\]{}|/]/g, '\\$&'))
  return new RegExp(`^${pieces.join('[^]*?')}$`).test(plain(text))
}
