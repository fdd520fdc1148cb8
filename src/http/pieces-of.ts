/** Bytes that are looked at in one turn of the event loop. */
const pieceBytes = 64 * 1024

/** The bytes in pieces, for work in slices. Each piece goes on for `overlap` bytes into the next one. */
export function* piecesOf(bytes: Buffer, overlap = 0): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes + overlap)
}
