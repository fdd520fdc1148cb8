import { Buffer } from 'node:buffer'

/** Where something was found that must not be there: the secret's name, never the secret. */
export type Leak = { secret: string; form: string; place: string }

/** Base64 of a text that stands anywhere within other bytes: its three alignments, less what its neighbours change. */
const alignments = (secret: Buffer): string[] =>
  [0, 1, 2].map((shift) => {
    const encoded = Buffer.concat([Buffer.alloc(shift), secret])
      .toString('base64')
      .replace(/=+$/, '')
    return encoded.slice(shift === 0 ? 0 : shift + 1, -2)
  })

/** The ways in which a secret could be written down. */
const formsOf = (secret: string): [string, string][] => {
  const bytes = Buffer.from(secret)
  const base64 = alignments(bytes)
  return [
    ['plain', secret],
    ['JSON', JSON.stringify(secret).slice(1, -1)],
    ['URL-encoded', encodeURIComponent(secret)],
    ['form-encoded', new URLSearchParams([['', secret]]).toString().slice(1)],
    ['hex', bytes.toString('hex')],
    ['bytes', [...bytes].join(',')],
    ...base64.map((text): [string, string] => ['base64', text]),
    ...base64.map((text): [string, string] => ['base64url', text.replaceAll('+', '-').replaceAll('/', '_')]),
  ]
}

/** Every place in which any of these secrets stands, in any of its forms. */
export const findLeaks = (secrets: Record<string, string>, places: Record<string, string>): Leak[] => {
  const found: Leak[] = []
  for (const [secret, value] of Object.entries(secrets))
    for (const [form, text] of formsOf(value))
      for (const [place, content] of Object.entries(places))
        if (content.includes(text)) found.push({ secret, form, place })
  return found
}
