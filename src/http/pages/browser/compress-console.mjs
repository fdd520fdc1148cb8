// npm run build: compresses the files of dist/console, so that the gateway compresses nothing.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { brotliCompressSync, gzipSync } from 'node:zlib'

const folder = fileURLToPath(new URL('../../../../dist/console/', import.meta.url))
const files = () => {
  try {
    return readdirSync(folder, { recursive: true, withFileTypes: true })
  } catch {
    return [] // The page is not built.
  }
}
for (const entry of files()) {
  if (!entry.isFile() || !/\.(css|js|json|svg|txt|webmanifest)$/.test(entry.name)) continue
  const path = join(entry.parentPath, entry.name)
  // It was compressed before, and the build has not made it anew.
  if (existsSync(`${path}.br`)) continue
  const content = readFileSync(path)
  for (const [ending, packed] of [
    ['.br', brotliCompressSync(content)],
    ['.gz', gzipSync(content, { level: 9 })],
  ])
    if (packed.length < content.length) writeFileSync(path + ending, packed)
}
