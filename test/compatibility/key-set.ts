/** What becomes of a token, by the key ids of the set and of the token. `docs/compatibility.md` lists these columns. */
type Row = {
  form: string
  example: string
  result: string
  test: string
  /** The key ids of the set's keys; null: a key without one. */
  set: (string | null)[]
  /** Which key of the set signed the token; `later`: a key that is added to the set while the gateway runs. */
  signer: number | 'later' | 'stranger'
  kid: string | undefined
  answers: string[]
}

const row = (
  form: string,
  set: Row['set'],
  signer: Row['signer'],
  kid: Row['kid'],
  ...answers: string[]
): Row => ({
  form,
  example: `keys ${set.map((id) => id ?? 'without kid').join(', ')}; token ${kid ? `with kid ${kid}` : 'without kid'}`,
  result: answers.join(', then '),
  test: 'test/access/key-set-forms.test.ts',
  set,
  signer,
  kid,
  answers,
})

const again = 'credential.unverifiable'
export const keySetRows = [
  row('Key set, one key', ['a'], 0, 'a', 'in'),
  row('Key set, one key', ['a'], 0, undefined, 'in'),
  row('Key set, one key', [null], 0, undefined, 'in'),
  row('Key set, one key', [null], 0, 'a', 'in'),
  row('Key set, several keys', ['a', 'b', 'c'], 2, undefined, 'in'),
  row('Key set, several keys', [null, null, null], 0, undefined, 'in'),
  row('Key set, several keys', [null, null, null], 2, undefined, 'in'),
  row('Key set, several keys', [null, null, null], 1, 'b', 'in'),
  row('Key set, several keys', ['a', null, 'c'], 1, 'b', 'in'),
  row('Key set, several keys', ['a', 'a'], 1, 'a', 'in'),
  row('Key set, signed by a stranger', ['a', 'b'], 'stranger', 'a', 'out', 'out'),
  row('Key set, signed by a stranger', ['a', 'b'], 'stranger', undefined, 'out', again),
  row('Key set, signed by a stranger', [null, null], 'stranger', 'c', 'out', again),
  row('Key set, a key was added', ['a'], 'later', 'b', again, 'in'),
  row('Key set, a key was added', ['a'], 'later', undefined, again, 'in'),
  row('Key set, a key was added', [null], 'later', undefined, again, 'in'),
  row('Key set, a key was added', [null, null], 'later', 'b', again, 'in'),
]
