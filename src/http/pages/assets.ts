import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import type { Answer } from '../answer.ts'
import { acceptedCodings } from '../negotiate.ts'

/** The files that pages load. `npm run build` makes them, compressed. */
const types = {
  'docs.css': 'text/css',
  'docs.js': 'text/javascript',
  'reference.js': 'text/javascript',
  'icon.svg': 'image/svg+xml',
  'swagger-ui-bundle.js': 'text/javascript',
  'swagger-ui.css': 'text/css',
  'swagger-ui.LICENSE.txt': 'text/plain',
} as const
type Asset = keyof typeof types

const folder = new URL('../../../dist/assets/', import.meta.url)
const kept = new Map<string, Buffer>()
/** The compressed bytes of a file. */
const compressed = (name: string): Buffer => {
  const bytes = kept.get(name) ?? readFileSync(new URL(`${name}.gz`, folder))
  kept.set(name, bytes)
  return bytes
}

export const isAsset = (name: string): name is Asset => Object.hasOwn(types, name)

/** A file of the pages. Caches keep it for an hour. */
export const assetAnswer = (name: Asset, acceptEncoding: string | undefined): Answer => {
  const isGzip = acceptedCodings(acceptEncoding).includes('gzip')
  return {
    bytes: isGzip ? compressed(name) : gunzipSync(compressed(name)),
    headers: {
      'Content-Type': `${types[name]}; charset=utf-8`,
      'Cache-Control': 'public, max-age=3600',
      Vary: 'Accept-Encoding',
      ...(isGzip && { 'Content-Encoding': 'gzip' }),
    },
  }
}

export type Guide = {
  name: string
  /** How to do something. The others say what is, in detail. */
  isGuide: boolean
  title: string
  html: string
  headings: { id: string; text: string }[]
}
let read: Guide[] | undefined

/** The guides of docs/, as `npm run build` rendered them. */
export const guides = (): Guide[] => {
  read ??= JSON.parse(gunzipSync(compressed('guides.json')).toString()) as Guide[]
  return read
}
