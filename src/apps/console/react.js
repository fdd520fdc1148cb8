// What the build puts in the place of React. Preact takes a fraction of its time to compile and to start.
import { options } from 'preact'

export * from 'preact/compat'
export { default } from 'preact/compat'

// Effects follow each render at once, as those of React do after a key or a click. The next key meets what they have set.
options.requestAnimationFrame = queueMicrotask

/** Mantine keeps closed content mounted by it, where it is told to. Nothing here tells it to. */
export const Activity = ({ mode, children }) => (mode === 'hidden' ? null : children)
