import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { track } from '../support/children.ts'
import { programOf } from '../support/processes.ts'
import { type Block, isShownAs, printedOf, runnable } from './blocks.ts'

/** What came of a block. `output`: stdout and stderr as a terminal shows them. */
export type Outcome = { block: Block; state: 'ended' | 'failed' | 'not reached'; output: string }
type Provided = { command: string; env: Record<string, string> }

const project = join(import.meta.dirname, '../..')
const mark = (index: number | 'end'): string => `\n\u001e${index}\n`
const quote = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`

/** Blocks that follow each other are one program. Each block but the first has a scope of its own. */
const javascriptOf = (blocks: readonly (readonly [number, Block])[]): string => {
  const importing = /^import .* from '[^']+'.*$/gm
  const imports = blocks.flatMap(([, { code }]) => code.match(importing) ?? [])
  const bodies = blocks.map(([index, { code }], at) => {
    const body = `process.stdout.write(${JSON.stringify(mark(index))})\n${code.replaceAll(importing, '')}`
    return at === 0 ? body : `{\n${body}}`
  })
  return [...new Set(imports.map((line) => line.replace(/ \/\/.*/, ''))), ...bodies].join('\n')
}

/** A shell script that runs the blocks in their order and marks where the output of each begins. */
const scriptOf = (blocks: readonly Block[], folder: string): string => {
  const lines = ['set -eu', 'exec 2>&1']
  const save = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text)
    return name
  }
  for (let index = 0; index < blocks.length; index++) {
    const { language, code } = blocks[index] as Block
    if (language === 'js') {
      const group = [...blocks.entries()].slice(index)
      const end = group.findIndex(([, block]) => block.language !== 'js')
      const same = end === -1 ? group : group.slice(0, end)
      lines.push(`node ${save(`block-${index}.mjs`, javascriptOf(same))}`)
      index += same.length - 1
      continue
    }
    lines.push(`printf %s ${quote(mark(index))}`)
    if (language === 'sh') lines.push(code)
    if (language === 'python') lines.push(`python3 ${save(`block-${index}.py`, code)}`)
    if (language === 'php')
      lines.push(`php ${save(`block-${index}.php`, code.startsWith('<?php') ? code : `<?php\n${code}`)}`)
  }
  return [...lines, `printf %s ${quote(mark('end'))}`].join('\n')
}

/**
 * Runs the blocks of a page like somebody who types them one after the other, in a folder of their own. It has the built
 * gateway and its examples, as a clone has, and the command `chathub-gateway`.
 */
export const runPage = async (
  blocks: readonly Block[],
  env: Record<string, string>,
  interpreters: { python?: Provided | undefined; php?: Provided | undefined },
): Promise<Outcome[]> => {
  const here = { sh: true, js: true, ...interpreters } as Record<string, unknown>
  const run = blocks.filter(
    ({ language, noRun }) => runnable.includes(language) && noRun === undefined && here[language],
  )
  const folder = mkdtempSync(join(tmpdir(), 'guide-'))
  try {
    for (const name of ['bin', 'node_modules']) mkdirSync(join(folder, name))
    for (const name of ['dist', 'examples', 'docs']) symlinkSync(join(project, name), join(folder, name))
    symlinkSync(project, join(folder, 'node_modules/chathub-gateway'))
    const cli = { command: process.execPath, env: {}, args: programOf('cli') }
    const commands = { python3: interpreters.python, php: interpreters.php, 'chathub-gateway': cli }
    for (const [name, provided] of Object.entries(commands)) {
      if (!provided) continue
      const settings = Object.entries(provided.env).map(([key, value]) => `${key}=${quote(value)}`)
      const words = [
        'exec env',
        ...settings,
        quote(provided.command),
        'args' in provided ? provided.args : '',
      ]
      writeFileSync(join(folder, 'bin', name), `#!/bin/sh\n${words.join(' ')} "$@"\n`, { mode: 0o755 })
    }
    const child = spawn('bash', ['--norc', '-c', scriptOf(run, folder)], {
      cwd: folder,
      env: { ...env, HOME: folder, LANG: 'C.UTF-8', PATH: `${join(folder, 'bin')}:${process.env['PATH']}` },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let text = ''
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (piece: string) => (text += piece))
    await track(child)
    const sections = new Map(
      text.split('\n\u001e').map((section): [string, string] => {
        const end = section.indexOf('\n')
        return [section.slice(0, end), section.slice(end + 1)]
      }),
    )
    const isDone = sections.has('end')
    return run.map((block, index) => {
      const output = sections.get(`${index}`)
      const isLast = !isDone && !sections.has(`${index + 1}`)
      const state = output === undefined ? 'not reached' : isLast ? 'failed' : 'ended'
      return { block, state, output: output ?? '' }
    })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** What is wrong of a block, or undefined. */
export const faultOf = ({ block, state, output }: Outcome): string | undefined => {
  if (state !== 'ended') return `line ${block.line} ${state}:\n${output}`
  const { answer } = block
  if (answer && !isShownAs(answer.text, output, answer.language))
    return `line ${answer.line} shows:\n${answer.text}\nand the answer is:\n${output}`
  const printed = printedOf(block)
  const lines = output.trim().split('\n')
  // Progress on stderr may stand between them.
  const isPrinted = printed.every((shown) => {
    const at = lines.findIndex((line) => isShownAs(shown, line, 'text'))
    if (at !== -1) lines.splice(0, at + 1)
    return at !== -1
  })
  return isPrinted
    ? undefined
    : `line ${block.line} says it prints:\n${printed.join('\n')}\nand prints:\n${output}`
}
