/** Keys that YAML reads as text without quotes. */
const plainKey = /^[A-Za-z$/][\w$/.{}-]*$/

const isEmpty = (value: object): boolean => Object.keys(value).length === 0

/** Lines of a value below its key or dash. Strings are quoted as in JSON, which YAML reads alike. */
const linesOf = (value: object, indent: string): string[] =>
  Object.entries(value).flatMap(([key, child]: [string, unknown]) => {
    const name = Array.isArray(value) ? '-' : `${plainKey.test(key) ? key : JSON.stringify(key)}:`
    const isLeaf = typeof child !== 'object' || child === null || isEmpty(child)
    if (isLeaf) return [`${indent}${name} ${JSON.stringify(child)}`]
    return [indent + name, ...linesOf(child, `${indent}  `)]
  })

/** A JSON object as YAML 1.2 in block style. */
export const yamlOf = (value: object): string => `${linesOf(value, '').join('\n')}\n`
