import { MIMEType } from 'node:util'

/** A media type: `essence` in lower case without parameters, and the parameters that count; `charset` in lower case. */
type MediaType = { essence: string; charset: string | undefined; boundary: string | undefined }

/** A Content-Type as the WHATWG MIME Sniffing standard reads it; undefined for text that is no media type. */
export const mediaTypeOf = (contentType: string): MediaType | undefined => {
  try {
    const { essence, params } = new MIMEType(contentType)
    return {
      essence,
      charset: params.get('charset')?.toLowerCase(),
      boundary: params.get('boundary') ?? undefined,
    }
  } catch {
    return undefined
  }
}

/** Whether a Content-Type is JSON in UTF-8. Drop-in paths take what .NET takes: also text/json and `*+json`. */
export const isJson = (contentType: string, dropIn = false): boolean => {
  const { essence = '', charset = 'utf-8' } = mediaTypeOf(contentType) ?? {}
  const isJsonType = essence === 'application/json' || (dropIn && /^text\/json$|\+json$/.test(essence))
  return isJsonType && /^(utf-?8|us-ascii)$/.test(charset)
}
