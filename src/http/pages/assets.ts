import type { Answer } from '../answer.ts'
import type { AcceptEncoding } from '../negotiate.ts'
import { builtFile, unpacked } from './built-file.ts'

/** The files that pages load. `npm run build` makes them, compressed. */
const types = {
  'docs.css': 'text/css',
  'docs.js': 'text/javascript',
  'reference.js': 'text/javascript',
  'widget-loader.js': 'text/javascript',
  'icon.svg': 'image/svg+xml',
  'swagger-ui-bundle.js': 'text/javascript',
  'swagger-ui.css': 'text/css',
  'swagger-ui.LICENSE.txt': 'text/plain',
} as const
type Asset = keyof typeof types

const folder = new URL('../../../dist/assets/', import.meta.url)

export const isAsset = (name: string): name is Asset => Object.hasOwn(types, name)

const notBuilt = (name: string): Error =>
  new Error(`dist/assets/${name}.gz is missing; wanted: npm run build`)

/** A file of the pages. Caches keep it for an hour. @throws an error when the build did not make it */
export const assetAnswer = (name: Asset, acceptEncoding: AcceptEncoding): Answer => {
  const file = builtFile(new URL(name, folder), acceptEncoding)
  if (!file) throw notBuilt(name)
  return {
    bytes: file.bytes,
    headers: {
      'Content-Type': `${types[name]}; charset=utf-8`,
      'Cache-Control': 'public, max-age=3600',
      ...file.headers,
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

/** The guides of docs/, as `npm run build` rendered them. @throws an error when the build did not make them */
export const guides = (): Guide[] => {
  if (read) return read
  const bytes = unpacked(new URL('guides.json', folder))
  if (!bytes) throw notBuilt('guides.json')
  read = JSON.parse(bytes.toString()) as Guide[]
  return read
}
