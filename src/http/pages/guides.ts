import { assets, unpacked } from './built-file.ts'

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
  const bytes = unpacked(new URL('guides.json', assets))
  if (!bytes) throw new Error('dist/assets/guides.json.gz is missing; wanted: npm run build')
  read = JSON.parse(bytes.toString()) as Guide[]
  return read
}
