import { isIP } from 'node:net'
import { isOrigin } from './contract/system.ts'
import type { Shape } from './setting-types.ts'

/** What settings look like that are more than a number or a word. */

export const host: Shape = {
  // A name of digits alone would be taken for an address that it is not.
  valid: (text) => isIP(text) !== 0 || (/^[\w-]{1,63}(\.[\w-]{1,63})*$/.test(text) && !/^[\d.]+$/.test(text)),
  wanted: 'an address or a host name',
}

export const cidr: Shape = {
  valid: (text) => {
    const [, address = '', bits = '32'] = /^([\da-fA-F.:]+)(?:\/([1-9]\d{0,2}))?$/.exec(text) ?? []
    const version = isIP(address)
    return version !== 0 && Number(bits) <= (version === 4 ? 32 : 128)
  },
  wanted: 'addresses or CIDRs such as 10.0.0.0/8',
}

export const origin: Shape = {
  valid: isOrigin,
  wanted: 'exact origins such as https://crm.example.com',
}

export const companyToken: Shape = {
  valid: (text) => /^[\x21-\x7e]+$/.test(text),
  wanted: 'one line of visible ASCII characters',
}

const decodes = (text: string): boolean => {
  try {
    return decodeURIComponent(text) !== undefined
  } catch {
    return false
  }
}

export const redisUrl: Shape = {
  valid: (text) => {
    const parts =
      /^(?:rediss?|redis\+(sentinel|cluster)):\/\/(?:([^/\s]*)@)?([^@/?\s]+)(\/[^/?\s]*)?(\?\S*)?$/.exec(text)
    const [, kind, login = '', hosts = '', path = ''] = parts ?? []
    const nodes = kind ? hosts.split(',') : [hosts.replaceAll(',', ' ')]
    return (
      nodes.every((node) => node !== '' && URL.canParse(`redis://${node}`)) &&
      (kind !== 'sentinel' || path.length > 1) &&
      decodes(login) &&
      !(kind && login.includes('@'))
    )
  },
  wanted: 'redis://, rediss://, redis+sentinel://host,host/name or redis+cluster://host,host',
}
