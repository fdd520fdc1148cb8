import { readFileSync } from 'node:fs'
import { parseSync } from '@swc/core'

/** A change of one place of a file. Offsets are in UTF-16 units of its text. */
export type Mutant = { file: string; start: number; end: number; text: string; kind: string }
type Span = { start: number; end: number }
// biome-ignore lint/suspicious/noExplicitAny: the nodes of a syntax tree
type Node = any

const operators: Record<string, [string, kind: string]> = {
  '<': ['<=', 'boundary'],
  '<=': ['<', 'boundary'],
  '>': ['>=', 'boundary'],
  '>=': ['>', 'boundary'],
  '===': ['!==', 'equality'],
  '!==': ['===', 'equality'],
  '+': ['-', 'arithmetic'],
  '-': ['+', 'arithmetic'],
  '*': ['/', 'arithmetic'],
  '/': ['*', 'arithmetic'],
  '%': ['*', 'arithmetic'],
  '&&': ['||', 'logic'],
  '||': ['&&', 'logic'],
  '??': ['&&', 'logic'],
}
const assignments: Record<string, string> = { '+=': '-=', '-=': '+=', '||=': '&&=', '??=': '&&=' }
const methods: Record<string, string> = {
  max: 'min',
  min: 'max',
  floor: 'ceil',
  ceil: 'floor',
  every: 'some',
  some: 'every',
}
/** Of the Lua scripts, which are texts in the tree. */
const lua: [pattern: RegExp, text: string][] = [
  [/ < /g, ' <= '],
  [/ > /g, ' >= '],
  [/ <= /g, ' < '],
  [/ >= /g, ' > '],
  [/ == /g, ' ~= '],
  [/ ~= /g, ' == '],
  [/ \+ /g, ' - '],
  [/ - /g, ' + '],
  [/ and /g, ' or '],
  [/ or /g, ' and '],
]
const isText = (node: Node): boolean => ['StringLiteral', 'TemplateLiteral'].includes(node?.type)

/** All mutants of a file of src, in the order of the tree. */
export const mutantsOf = (file: string): Mutant[] => {
  const source = readFileSync(file, 'utf8')
  const bytes = Buffer.from(source)
  // Offsets of swc count on from one parse to the next. The first statement says where this one begins.
  const { body } = parseSync(`;${source}`, { syntax: 'typescript', target: 'es2023' })
  const base = (body[0] as { span: Span }).span.start + 1
  const at = (offset: number): number => bytes.subarray(0, offset - base).toString().length
  const textOf = ({ start, end }: Span): string => source.slice(at(start), at(end))
  const found: Mutant[] = []
  const put = (kind: string, { start, end }: Span, text: string): void => {
    if (textOf({ start, end }) !== text) found.push({ file, start: at(start), end: at(end), text, kind })
  }
  const between = (left: Node, right: Node): Span => ({ start: left.span.end, end: right.span.start })
  const swap = (kind: string, where: Span, from: string, to: string): void =>
    put(
      kind,
      where,
      textOf(where).replace(from, () => to),
    )
  const force = (test: Node, values: string[]): void => {
    if (test.type !== 'BooleanLiteral') for (const value of values) put('condition', test.span, value)
  }

  const rules: Record<string, (node: Node) => void> = {
    BinaryExpression: (node) => {
      const rule = operators[node.operator]
      if (!rule || (node.operator === '+' && (isText(node.left) || isText(node.right)))) return
      swap(rule[1], between(node.left, node.right), node.operator, rule[0])
    },
    AssignmentExpression: (node) => {
      const to = assignments[node.operator]
      if (to) swap('arithmetic', between(node.left, node.right), node.operator, to)
    },
    UpdateExpression: (node) => {
      const to = node.operator === '++' ? '--' : '++'
      put('arithmetic', node.span, textOf(node.span).replace(node.operator, to))
    },
    UnaryExpression: (node) => {
      if (node.operator === '!') put('condition', node.span, textOf(node.argument.span))
    },
    IfStatement: (node) => force(node.test, ['true', 'false']),
    ConditionalExpression: (node) => force(node.test, ['true', 'false']),
    WhileStatement: (node) => force(node.test, ['false']),
    BooleanLiteral: (node) => put('literal', node.span, String(!node.value)),
    NumericLiteral: (node) =>
      put('literal', node.span, node.value === 0 ? '1' : `(${textOf(node.span)} + 1)`),
    StringLiteral: (node) => put('literal', node.span, node.value === '' ? "'mutant'" : "''"),
    ArrayExpression: (node) => {
      if (node.elements.length > 0) put('literal', node.span, '[]')
    },
    ReturnStatement: (node) => {
      if (node.argument && !/Literal$/.test(node.argument.type))
        put('return', node.argument.span, 'undefined')
    },
    ExpressionStatement: ({ expression, span }) => {
      const called =
        expression.type === 'UnaryExpression' || expression.type === 'AwaitExpression'
          ? expression.argument
          : expression
      if (called.type === 'CallExpression' || expression.type === 'AssignmentExpression')
        put('removed', span, '{}')
    },
    CallExpression: ({ callee }) => {
      const to = callee.type === 'MemberExpression' && methods[callee.property.value]
      if (to) put('method', callee.property.span, to)
    },
    TemplateElement: ({ span }) => {
      const text = textOf(span)
      if (!/redis\.p?call|KEYS\[|local /.test(text)) return
      for (const [pattern, replacement] of lua)
        for (const { index, 0: hit } of text.matchAll(pattern)) {
          const start = at(span.start) + index
          found.push({ file, start, end: start + hit.length, text: replacement, kind: 'lua' })
        }
    },
  }
  const walk = (node: Node): void => {
    if (Array.isArray(node)) {
      for (const each of node) walk(each)
      return
    }
    if (typeof node !== 'object' || node === null) return
    if (
      /^Ts(?!AsExpression|NonNullExpression|SatisfiesExpression|ConstAssertion)|^Import|^ExportNamed/.test(
        node.type ?? '',
      )
    )
      return
    rules[node.type]?.(node)
    for (const [name, child] of Object.entries(node)) {
      // Names of properties and types are no values.
      if (['typeAnnotation', 'typeParams', 'typeParameters', 'returnType', 'typeArguments'].includes(name))
        continue
      if (name === 'key' && node.type === 'KeyValueProperty') continue
      walk(child)
    }
  }
  walk(body)
  return found
}
