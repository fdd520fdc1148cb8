import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { unpackDebian } from './debian-apt.ts'
import { type Program, type Provided, type Recipe, recipes } from './debian-recipes.ts'
import { isExecutable, libraryFolders, onPath, readIfThere, realFolder } from './executables.ts'
import { withFileLock } from './file-lock.ts'

export type { Program, Provided } from './debian-recipes.ts'

/** Its real path: two checkouts that share one cache by a link would else undo each other's work at every run. */
const HOME = realFolder(fileURLToPath(new URL('../../.cache/debian', import.meta.url)))
/** Raise it when a recipe changes, so that what an older recipe unpacked is not used. */
const RECIPES = 1
const LOCK_WAIT = 15 * 60 * 1000

/** The one line that helps a person whom `provide` could not. */
export const installLine = (program: Program): string =>
  `apt-get install ${recipes[program].packages.join(' ')}`

/** Why `provide` last answered undefined, in the words of whatever failed. */
export const whyMissing = (program: Program): string =>
  readIfThere(failureOf(program)) ?? `${HOME} cannot be written, or nobody looked yet`
const failureOf = (program: Program): string => join(HOME, `${program}.missing`)

/** Lets the next `provide` try again what failed: once a run, for without a network each try costs a minute. */
export const forgetFailures = (): void => {
  for (const program of Object.keys(recipes)) rmSync(failureOf(program as Program), { force: true })
}

/**
 * Finds a program on the PATH, else unpacks Debian's packages into `.cache/debian/` without root and without
 * installing anything. Blocks: milliseconds when the answer is known, seconds to a minute the first time.
 * Two processes may ask at once, one does the work. Never throws: undefined means `installLine` and `whyMissing`.
 */
export const provide = (program: Program): Provided | undefined => {
  const recipe = recipes[program]
  try {
    return (
      recall(program) ??
      withFileLock(
        join(HOME, 'lock'),
        LOCK_WAIT,
        () => recall(program) ?? findInstalled(program, recipe) ?? unpack(program, recipe),
      )
    )
  } catch (error) {
    noteFailure(program, error instanceof Error ? error.message : String(error))
    return undefined
  }
}

const noteFailure = (program: Program, words: string): void => {
  try {
    writeFileSync(failureOf(program), words)
  } catch {
    // A folder that cannot be written: then every call tries again, and fails as quickly.
  }
}

/** What an earlier run found, if it is still there and speaks of this very folder (a copied cache does not). */
const recall = (program: Program): Provided | undefined => {
  try {
    const marker: Marker = JSON.parse(readFileSync(join(HOME, `${program}.json`), 'utf8'))
    const { recipe, home, command, env } = marker
    return recipe === RECIPES && home === HOME && isExecutable(command) ? { command, env } : undefined
  } catch {
    return undefined
  }
}

type Marker = Provided & { recipe: number; home: string }

const remember = (program: Program, provided: Provided): Provided => {
  const marker = join(HOME, `${program}.json`)
  writeFileSync(`${marker}.new`, JSON.stringify({ recipe: RECIPES, home: HOME, ...provided }))
  renameSync(`${marker}.new`, marker)
  return provided
}

const findInstalled = (program: Program, recipe: Recipe): Provided | undefined => {
  const found = firstThatServes(recipe, onPath(recipe.onPath), {})
  return found && remember(program, found)
}

const unpack = (program: Program, recipe: Recipe): Provided => {
  const failedBefore = readIfThere(failureOf(program))
  if (failedBefore) throw new Error(failedBefore)
  const root = join(HOME, program)
  unpackDebian(join(HOME, 'apt'), recipe.packages, root)
  const libraries = libraryFolders(root).join(delimiter)
  const env = { ...(libraries && { LD_LIBRARY_PATH: libraries }), ...recipe.prepare?.(root) }
  // Of two packages one may be installed already: then the program is the system's and only its library is here.
  const candidates = [
    ...recipe.inRoot.map((path) => join(root, path)).filter(isExecutable),
    ...onPath(recipe.onPath),
  ]
  const found = firstThatServes(recipe, candidates, env)
  if (!found) {
    rmSync(root, { recursive: true, force: true })
    throw new Error(`none of ${candidates.join(', ') || recipe.inRoot.join(', ')} runs`)
  }
  return remember(program, found)
}

const firstThatServes = (
  recipe: Recipe,
  commands: readonly string[],
  env: Provided['env'],
): Provided | undefined => {
  for (const command of commands) {
    const proven = recipe.proven ? recipe.proven({ command, env }) : command
    if (proven) return { command: proven, env }
  }
  return undefined
}
