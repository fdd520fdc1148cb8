// npm run build: makes dist/console with Vite, unless it was made from these very files.
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'vite'

const root = fileURLToPath(new URL('../../../', import.meta.url))
const filesIn = (folder) =>
  readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .toSorted()

const hash = createHash('sha256')
for (const path of [
  ...filesIn('src/apps/console'),
  ...filesIn('src/client'),
  join(root, 'package-lock.json'),
])
  hash.update(path.slice(root.length)).update(readFileSync(path))
const made = hash.digest('hex')

const note = join(root, 'dist/console.sha256')
const isMade = existsSync(join(root, 'dist/console/index.html')) && existsSync(note)
if (!isMade || readFileSync(note, 'utf8') !== made) {
  await build({
    configFile: false,
    root: join(root, 'src/apps/console'),
    // Relative addresses, so that the page works below any path.
    base: './',
    logLevel: 'warn',
    resolve: {
      alias: [
        { find: /^react(-dom)?$/, replacement: join(root, 'src/apps/console/react.js') },
        { find: /^react-dom\/client$/, replacement: 'preact/compat/client' },
        { find: /^react\/jsx-runtime$/, replacement: 'preact/jsx-runtime' },
      ],
    },
    plugins: [
      // Within the page and before the styles, it waits for no other file. The gateway allows it by its hash.
      {
        name: 'early',
        transformIndexHtml: (html) => {
          const early = readFileSync(join(root, 'src/apps/console/early.js'), 'utf8')
          return html.replace(
            '<title>',
            () => `<script>${early.replaceAll(/^ *\/\/.*\n/gm, '')}</script>\n<title>`,
          )
        },
      },
      // Chromium compiles the functions of the first screen beside the page's thread. Other browsers read a comment.
      {
        name: 'compile-hint',
        // After Vite has put its own line first: the hint counts at the very start alone.
        generateBundle: {
          order: 'post',
          handler: (_, files) => {
            for (const file of Object.values(files))
              if (file.isEntry) file.code = `//# allFunctionsCalledOnLoad\n${file.code}`
          },
        },
      },
    ],
    build: {
      outDir: join(root, 'dist/console'),
      emptyOutDir: true,
      target: 'es2022',
      assetsInlineLimit: 0,
      modulePreload: { polyfill: false },
      chunkSizeWarningLimit: 1000,
      rolldownOptions: {
        // Libraries mark modules for servers that render. There is none.
        onwarn: (warning, tell) => warning.code === 'MODULE_LEVEL_DIRECTIVE' || tell(warning),
        output: {
          codeSplitting: {
            // Each file costs a slow device some milliseconds. One has the first screen, one what the others share.
            groups: [
              { name: 'first', tags: ['$initial'], priority: 2 },
              { name: 'shared', minShareCount: 2, priority: 1 },
            ],
          },
        },
      },
    },
  })
  writeFileSync(note, made)
}
