// Reads the facts that the rules need from one TypeScript file. It parses, and judges nothing.
import { type Comment, type ParseResult, parseSync, Visitor } from 'oxc-parser'

type VisitorTable = ConstructorParameters<typeof Visitor>[0]
type Program = ParseResult['program']
type CallExpression = Parameters<NonNullable<VisitorTable['CallExpression']>>[0]
type Callee = CallExpression['callee']

/** Something at a line; `text` is the part that a message quotes. */
export interface Fact {
  readonly kind:
    | 'any'
    | 'enum'
    | 'namespace'
    | 'default-export'
    | 'export-all'
    | 'sleep'
    | 'impure'
    | 'bare-todo'
    | 'nameless-actor'
  readonly line: number
  readonly text: string
}

export interface Import {
  readonly specifier: string
  readonly line: number
  /** Erased by the compiler: it imports nothing at run time. */
  readonly typeOnly: boolean
}

/** `lines` counts the body of a suite or a test for itself, and not for the function around it. */
interface FunctionSpan {
  readonly line: number
  readonly lines: number
}

export interface Source {
  readonly path: string
  readonly lines: number
  readonly functions: readonly FunctionSpan[]
  readonly imports: readonly Import[]
  readonly facts: readonly Fact[]
  /** Set when the file does not parse; then the other fields are empty. */
  readonly broken: string | undefined
}

/** Answers the 1-based line of an offset. */
type LineOf = (offset: number) => number

export function readSource(path: string, text: string): Source {
  const parsed = parseSync(path, text)
  const lineOf = lineIndex(text)
  const lines = text === '' ? 0 : lineOf(text.length) - (text.endsWith('\n') ? 1 : 0)
  const error = parsed.errors[0]
  if (error) return { path, lines, functions: [], imports: [], facts: [], broken: error.message }
  const facts = [
    ...syntaxFacts(parsed.program, text, lineOf),
    ...todoFacts(parsed.comments, lineOf),
    ...namelessFacts(parsed.comments, lineOf),
  ]
  return {
    path,
    lines,
    functions: functionSpans(parsed.program, lineOf),
    imports: importsOf(parsed, text, lineOf),
    facts: facts.toSorted((a, b) => a.line - b.line),
    broken: undefined,
  }
}

function lineIndex(text: string): LineOf {
  const starts = [0]
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) starts.push(at + 1)
  return offset => {
    let low = 0
    let high = starts.length - 1
    while (low < high) {
      const middle = Math.ceil((low + high) / 2)
      if ((starts[middle] ?? 0) <= offset) low = middle
      else high = middle - 1
    }
    return low + 1
  }
}

const clocksAndPorts: ReadonlySet<string> = new Set([
  'process',
  'performance',
  'crypto',
  'console',
  'globalThis',
  'Buffer',
])
const impureCalls: ReadonlySet<string> = new Set([
  'Date',
  'setTimeout',
  'setInterval',
  'setImmediate',
  'fetch',
  'require',
])
const impureMembers: ReadonlySet<string> = new Set(['Date.now', 'Math.random'])
const sleepers: ReadonlySet<string> = new Set(['sleep', 'delay', 'pause'])

function syntaxFacts(program: Program, text: string, lineOf: LineOf): Fact[] {
  const facts: Fact[] = []
  const add = (kind: Fact['kind'], node: { readonly start: number; readonly end: number }): void => {
    const [firstLine = ''] = text.slice(node.start, node.end).split('\n')
    facts.push({ kind, line: lineOf(node.start), text: firstLine.slice(0, 60) })
  }
  new Visitor({
    TSAnyKeyword: node => add('any', node),
    TSEnumDeclaration: node => add('enum', node),
    TSModuleDeclaration: node => {
      if (node.kind === 'namespace') add('namespace', node)
    },
    ExportDefaultDeclaration: node => add('default-export', node),
    ExportAllDeclaration: node => {
      if (node.exported === null && node.exportKind === 'value') add('export-all', node)
    },
    AwaitExpression: node => {
      if (node.argument.type === 'CallExpression' && sleepers.has(calleeName(node.argument.callee))) add('sleep', node)
    },
    CallExpression: node => {
      if (isTimerThatOnlyResolves(node)) add('sleep', node)
      if (node.callee.type === 'Identifier' && impureCalls.has(node.callee.name)) add('impure', node)
    },
    NewExpression: node => {
      if (node.callee.type === 'Identifier' && impureCalls.has(node.callee.name)) add('impure', node)
    },
    MemberExpression: node => {
      if (node.object.type !== 'Identifier') return
      const member = node.property.type === 'Identifier' ? `${node.object.name}.${node.property.name}` : ''
      if (clocksAndPorts.has(node.object.name) || impureMembers.has(member)) add('impure', node)
    },
  }).visit(program)
  return facts
}

// `setTimeout(resolve, 50)` waits for the clock; `setTimeout(() => reject(...), 50)` is a deadline and fine.
function isTimerThatOnlyResolves({ callee, arguments: [first] }: CallExpression): boolean {
  return calleeName(callee) === 'setTimeout' && first?.type === 'Identifier'
}

/** The name a call begins with: `it` for `it(…)`, `it.only(…)` and `it.each(rows)(…)`. */
function calleeName(callee: Callee): string {
  switch (callee.type) {
    case 'Identifier':
      return callee.name
    case 'MemberExpression':
      return callee.object.type === 'Super' ? '' : calleeName(callee.object)
    case 'CallExpression':
      return calleeName(callee.callee)
    case 'TaggedTemplateExpression':
      return calleeName(callee.tag)
    default:
      return ''
  }
}

const suiteCalls: ReadonlySet<string> = new Set(['describe', 'suite', 'it', 'test', 'bench'])

function functionSpans(program: Program, lineOf: LineOf): FunctionSpan[] {
  const spans: FunctionSpan[] = []
  const suiteBodies = new Set<number>()
  const open: { own: number }[] = []
  const enter = (): void => {
    open.push({ own: 0 })
  }
  const exit = (node: { readonly start: number; readonly end: number }): void => {
    const span = lineOf(node.end - 1) - lineOf(node.start) + 1
    const notOwn = open.pop()?.own ?? 0
    spans.push({ line: lineOf(node.start), lines: span - notOwn })
    const around = open.at(-1)
    if (around) around.own += suiteBodies.has(node.start) ? span : notOwn
  }
  new Visitor({
    CallExpression: node => {
      if (!suiteCalls.has(calleeName(node.callee))) return
      for (const argument of node.arguments) suiteBodies.add(argument.start)
    },
    FunctionDeclaration: enter,
    'FunctionDeclaration:exit': exit,
    FunctionExpression: enter,
    'FunctionExpression:exit': exit,
    ArrowFunctionExpression: enter,
    'ArrowFunctionExpression:exit': exit,
  }).visit(program)
  return spans.toSorted((a, b) => a.line - b.line)
}

function importsOf({ module, program }: ParseResult, text: string, lineOf: LineOf): Import[] {
  const imports: Import[] = []
  const add = (specifier: string, at: number, typeOnly: boolean): void => {
    imports.push({ specifier, line: lineOf(at), typeOnly })
  }
  for (const { moduleRequest, entries, start } of module.staticImports) {
    add(moduleRequest.value, start, entries.length > 0 && entries.every(entry => entry.isType))
  }
  for (const { entries, start } of module.staticExports) {
    const request = entries[0]?.moduleRequest
    if (request)
      add(
        request.value,
        start,
        entries.every(entry => entry.isType),
      )
  }
  for (const { moduleRequest, start } of module.dynamicImports) {
    const literal = /^(['"`])([^$]*)\1$/.exec(text.slice(moduleRequest.start, moduleRequest.end))
    if (literal?.[2] !== undefined) add(literal[2], start, false)
  }
  new Visitor({ TSImportType: node => add(node.source.value, node.start, true) }).visit(program)
  return imports
}

// A note to oneself helps the next reader only if it says what is missing: at least three words.
const bareTodo = /\b(TODO|FIXME|XXX|HACK)\b(?!\W*(?:\w\S*\s+){2,}\w)/

function todoFacts(comments: readonly Comment[], lineOf: LineOf): Fact[] {
  return comments
    .filter(comment => bareTodo.test(comment.value))
    .map(({ start, value }) => ({ kind: 'bare-todo', line: lineOf(start), text: value.trim().slice(0, 60) }))
}

// A comment that says "whoever does this" leaves the reader to find out who that is.
const namelessActor = /\b(whoever|whomever|somebody|someone|anybody|nobody)\b/gi

function namelessFacts(comments: readonly Comment[], lineOf: LineOf): Fact[] {
  return comments.flatMap(({ start, value }) =>
    [...value.matchAll(namelessActor)].map(({ index, 0: text }) => ({
      kind: 'nameless-actor' as const,
      // The value of a comment begins behind its two opening characters.
      line: lineOf(start + 2 + index),
      text,
    })),
  )
}
