// Called once a run: puts each program of dist into the folder in argv, in one file with all its packages.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { rolldown } from 'rolldown'

const dist = fileURLToPath(new URL('../../dist/', import.meta.url))
const folder = process.argv[2]

/** A file finds others beside its place in dist. Only the program itself is what was started. */
const inPlace = (program) => ({
  name: 'in-place',
  transform: (code, id) => {
    if (!id.startsWith(dist)) return null
    const placed = code.replaceAll('import.meta.url', JSON.stringify(pathToFileURL(id).href))
    return id === program ? placed : placed.replaceAll('import.meta.filename', JSON.stringify(id))
  },
})

await Promise.all(
  ['main', 'cli', 'apps/simulator/main'].map(async (name) => {
    const input = join(dist, `${name}.js`)
    const bundle = await rolldown({ input, platform: 'node', plugins: [inPlace(input)], logLevel: 'silent' })
    await bundle.write({ dir: join(folder, name, '..'), entryFileNames: `${name.split('/').at(-1)}.js` })
    await bundle.close()
  }),
)
writeFileSync(join(folder, 'package.json'), '{"type":"module"}')
