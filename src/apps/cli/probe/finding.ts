/**
 * What the gateway assumes, by the line of docs/assumptions.md. The simulator is built on the same reading, so only the
 * probe can tell whether ChatHub agrees.
 */
export const assumed = {
  C1: 'A login answers a JSON string, bare text, or an object with a token.',
  C3: 'A token for an operator is valid for at most 24 hours.',
  C4: 'The validation of a token has the field isValid.',
  C6: 'A token for an operator is a JSON string.',
  C12: 'A name that exists is added again.',
  C14: 'Lists are arrays of JSON, whatever their label.',
  C15: 'The company token sees the organization in its list.',
  C16: 'Adding changes nobody who is there already.',
  D2: 'A status is 0, 1 or 2.',
  D3: 'A name of 100 characters of any script comes back as it was sent.',
  D4: 'An id is a number up to 2147483647.',
  D5: 'A row of a list names its organization.',
  D6: 'A change of an operator that does not exist is refused.',
  D7: 'The list of an organization that does not exist is empty.',
  D8: 'Added operators are answered in the order of the request, and all of them.',
  D10: 'A token that does not exist is answered 401.',
  O1: 'Each status may follow each other, also back from deleted.',
  O2: 'An operator that is inactive gets a token too.',
  O3: 'As many names as CHATHUB_BATCH_SIZE are added at once.',
  O4: 'An empty array adds nobody.',
  O5: 'CHATHUB_REQUESTS_PER_SECOND is not too much.',
  O6: 'What an answered write did is in the next list.',
  O7: 'A write whose answer is lost is applied within WRITE_SETTLE_SECONDS, or never.',
} as const

export type Line = keyof typeof assumed

/** `unclear`: it was tried, and the answer proves neither. */
export type Finding = {
  line: Line
  state: 'confirmed' | 'refuted' | 'unclear'
  assumed: string
  found: string
}

export const finding = (line: Line, holds: boolean | undefined, found: string): Finding => ({
  line,
  state: holds === undefined ? 'unclear' : holds ? 'confirmed' : 'refuted',
  assumed: assumed[line],
  found,
})
