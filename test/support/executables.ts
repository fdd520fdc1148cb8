import { accessSync, constants, mkdirSync, readdirSync, readFileSync, realpathSync } from 'node:fs'
import { delimiter, isAbsolute, join } from 'node:path'

/** Every executable of these names in the folders of the PATH, in its order; absolute paths are taken as they are. */
export const onPath = (names: readonly string[]): string[] => {
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => isAbsolute(folder))
  return names
    .flatMap((name) => (isAbsolute(name) ? [name] : folders.map((folder) => join(folder, name))))
    .filter(isExecutable)
}

/** The folder with no link in its path, made if need be; `path` itself where none can be made. */
export const realFolder = (path: string): string => {
  try {
    mkdirSync(path, { recursive: true })
    return realpathSync(path)
  } catch {
    return path
  }
}

export const readIfThere = (path: string): string | undefined => {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}

export const isExecutable = (path: string): boolean => {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** Every folder under `root` that holds shared libraries: some packages keep private ones a level deeper. */
export const libraryFolders = (root: string): string[] => {
  const visit = (folder: string, depth: number): string[] => {
    const entries = readdirSync(folder, { withFileTypes: true })
    const own = entries.some((entry) => /^lib.*\.so(\.|$)/.test(entry.name)) ? [folder] : []
    const below = depth === 0 ? [] : entries.filter((entry) => entry.isDirectory())
    return [...own, ...below.flatMap((entry) => visit(join(folder, entry.name), depth - 1))]
  }
  return ['usr/lib', 'lib'].flatMap((path) => {
    const folder = join(root, path)
    mkdirSync(folder, { recursive: true })
    return visit(folder, 2)
  })
}
