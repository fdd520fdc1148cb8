/** The bound of an LRUCache. With its own option `max`, a cache allocates the space of all entries when it is made. */
export const atMost = (entries: number) => ({ maxSize: entries, sizeCalculation: () => 1 })
