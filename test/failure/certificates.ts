import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto'

const der = (tag: number, ...parts: Buffer[]): Buffer => {
  const content = Buffer.concat(parts)
  const { length } = content
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255]
  return Buffer.concat([Buffer.from([tag, ...size]), content])
}
const sequence = (...parts: Buffer[]): Buffer => der(0x30, ...parts)
const hex = (text: string): Buffer => Buffer.from(text, 'hex')
const ecdsaWithSha256 = sequence(hex('06082a8648ce3d040302'))
const nameOf = (common: string): Buffer =>
  sequence(der(0x31, sequence(hex('0603550403'), der(0x0c, Buffer.from(common)))))
const time = (ms: number): Buffer =>
  der(0x18, Buffer.from(new Date(ms).toISOString().replaceAll(/[-:T]|\.\d+/g, '')))
const pem = (label: string, bytes: Buffer): string =>
  `-----BEGIN ${label}-----\n${bytes.toString('base64').replaceAll(/.{64}/g, '$&\n')}\n-----END ${label}-----\n`

const isAuthority = sequence(hex('0603551d13'), hex('0101ff'), der(0x04, sequence(hex('0101ff'))))
const isAt = (address: string): Buffer =>
  sequence(hex('0603551d11'), der(0x04, sequence(der(0x87, Buffer.from(address.split('.').map(Number))))))

type Signer = { name: Buffer; key: KeyObject }

const certify = (subject: Signer & { spki: Buffer }, by: Signer, extension: Buffer, days: number): string => {
  const from = Date.now() - 30 * 86_400_000
  const body = sequence(
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, Buffer.from([1 + (subject.spki.at(-1) as number) / 2])),
    ecdsaWithSha256,
    by.name,
    sequence(time(from), time(Date.now() + days * 86_400_000)),
    subject.name,
    subject.spki,
    der(0xa3, sequence(extension)),
  )
  const signature = der(0x03, Buffer.from([0]), sign('sha256', body, by.key))
  return pem('CERTIFICATE', sequence(body, ecdsaWithSha256, signature))
}

const newSubject = (common: string) => {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return { name: nameOf(common), key: privateKey, spki: publicKey.export({ type: 'spki', format: 'der' }) }
}

/** An authority of our own, and servers that it vouches for (X.509). */
export const createAuthority = () => {
  const authority = newSubject('Test Authority')
  /** For the address, ending in so many days (less than nothing: ended); `by` itself: nobody vouches for it. */
  const server = (options: { address?: string; days?: number; selfSigned?: boolean } = {}) => {
    const { address = '127.0.0.1', days = 1, selfSigned = false } = options
    const subject = newSubject('chathub')
    return {
      key: subject.key.export({ type: 'pkcs8', format: 'pem' }) as string,
      cert: certify(subject, selfSigned ? subject : authority, isAt(address), days),
    }
  }
  return { cert: certify(authority, authority, isAuthority, 30), server }
}
