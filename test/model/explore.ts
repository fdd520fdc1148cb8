/** A machine of bytes. `next` requests every state that may follow, with what happened and, if so, what went wrong in it. */
export type Model = {
  start(): Uint8Array
  next(
    state: Uint8Array,
    visit: (
      state: Uint8Array,
      happened: string,
      wrong: string | undefined,
      /** The state that stands for all that are the same to what follows. */
      plain: () => Uint8Array,
    ) => void,
  ): void
  /** What is wrong with a state as it stands. */
  wrong(state: Uint8Array): string | undefined
}

export type Explored = { states: number; violation?: { wrong: string; story: string[] } }

/** Breadth first over every state that can be reached; the first violation is therefore among the shortest. */
export const explore = (model: Model): Explored => {
  const first = model.start()
  const keyOf = (state: Uint8Array): string => Buffer.from(state.buffer, 0, state.length).toString('latin1')
  const seen = new Set<string>([keyOf(first)])
  const states: Uint8Array[] = [first]
  const cameFrom: number[] = [-1]
  const happened: string[] = ['']
  let violation: Explored['violation']

  const storyTo = (index: number, last: string): string[] => {
    const story = [last]
    for (let at = index; at > 0; at = cameFrom[at] as number) story.push(happened[at] as string)
    return story.reverse()
  }
  for (let index = 0; index < states.length && !violation; index++) {
    model.next(states[index] as Uint8Array, (state, what, wrongThere, plain) => {
      if (violation) return
      const wrong = wrongThere ?? model.wrong(state)
      if (wrong) {
        violation = { wrong, story: storyTo(index, what) }
        return
      }
      const standing = plain()
      const key = keyOf(standing)
      if (seen.has(key)) return
      seen.add(key)
      states.push(standing)
      cameFrom.push(index)
      happened.push(what)
    })
    ;(states as (Uint8Array | undefined)[])[index] = undefined // looked at: only the way to it is needed
  }
  return { states: states.length, ...(violation && { violation }) }
}
