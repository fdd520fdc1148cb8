import type { Operation, Sending } from './operation.ts'

// Records of an older version are understood; records of a newer version are left to newer instances.
const version = 1

// Records keep the property names of version 1, so that instances of the previous release can go on with them.
type StoredSending = Omit<Sending, 'noReply'> & { silent?: boolean }
type StoredOperation = Omit<Operation, 'sending' | 'givenUp' | 'duplicateCheck' | 'retryKey'> & {
  v: number
  sending?: StoredSending
  givenUp?: StoredSending
  watch?: Operation['duplicateCheck']
  retryMark?: string
}

const toStored = ({ noReply, ...rest }: Sending) => ({ ...rest, silent: noReply })
const fromStored = ({ silent, ...rest }: StoredSending): Sending => ({
  ...rest,
  ...(silent !== undefined && { noReply: silent }),
})

/** An operation as its record in Redis, the version first. */
export const encodeOperation = (operation: Operation): string => {
  const { sending, givenUp, duplicateCheck: watch, retryKey: retryMark, ...rest } = operation
  const stored = { sending: sending && toStored(sending), givenUp: givenUp && toStored(givenUp) }
  return JSON.stringify({ v: version, ...rest, ...stored, watch, retryMark })
}

/** The operation of a record; undefined where there is none, or one of a newer version. */
export const decodeOperation = (record: string | Buffer | null): Operation | undefined => {
  if (!record) return undefined
  const stored = JSON.parse(String(record)) as StoredOperation
  const { v, sending, givenUp, watch, retryMark, ...rest } = stored
  if (v > version) return undefined
  return {
    ...rest,
    ...(sending && { sending: fromStored(sending) }),
    ...(givenUp && { givenUp: fromStored(givenUp) }),
    ...(watch && { duplicateCheck: watch }),
    ...(retryMark !== undefined && { retryKey: retryMark }),
  }
}
