/**
 * Assembles tool calls from the deltas that servers of the chat-completions protocol send.
 *
 * By the protocol, the first delta of a call has its index, id and name, and the others its index and a piece of the
 * arguments. Servers leave out, repeat, delay or renumber each of these. So a delta is added to the call that it fits
 * best, and repetitions count once. Calls are passed on when the answer is complete, because only then is a name known
 * that came last, or in pieces.
 */
import { isRecord } from '../agent/parts.ts'
import { Brackets } from './brackets.ts'
import { argumentsTooLarge, unmeantAnswer, type WireLimits } from './fault.ts'
import { numberOf } from './said.ts'

interface Delta {
  readonly index: number | undefined
  readonly id: string | undefined
  readonly name: string | undefined
  readonly args: string
  readonly extra: unknown
}

interface Call {
  readonly index: number | undefined
  id: string | undefined
  /** The names as they came, without direct repetitions. */
  readonly names: string[]
  args: string
  readonly brackets: Brackets
  /** Data that the provider wants back with the call. */
  extra: unknown
}

/** A call as the protocol defines it. */
export interface WholeCall {
  readonly index: number
  readonly id: string
  readonly type: 'function'
  readonly function: { readonly name: string; readonly arguments: string }
  readonly extra_content?: unknown
}

/** The most calls of one answer; more are never intended. */
const MAX_CALLS = 1024

/** The most pieces of a name: names have at most 64 characters, and may come one by one. */
const MAX_NAME_PIECES = 128
const MAX_NAME_CHARS = 1024

export class ToolDeltas {
  readonly #calls: Call[] = []
  readonly #isTool: (name: string) => boolean
  readonly #limits: WireLimits

  constructor(toolNames: readonly string[], limits: WireLimits) {
    const names = new Set(toolNames)
    this.#isTool = name => names.has(name)
    this.#limits = limits
  }

  get isEmpty(): boolean {
    return this.#calls.length === 0
  }

  /** Takes what a delta says of tool calls; answers how many characters were new. */
  add(toolCalls: unknown): number {
    const list: readonly unknown[] = Array.isArray(toolCalls) ? toolCalls : [toolCalls]
    let chars = 0
    for (const one of list) {
      const delta = deltaOf(one)
      if (delta !== undefined) chars += this.#take(delta)
    }
    return chars
  }

  /** The calls of a complete answer. */
  whole(): readonly WholeCall[] {
    const used = new Set<string>()
    return this.#calls.flatMap((call, index): readonly WholeCall[] => {
      const name = nameOf(call.names, this.#isTool)
      // Some servers begin a call and then answer in text.
      if (name === '' && call.args.trim() === '') return []
      const id = call.id === undefined || used.has(call.id) ? `call_${index}` : call.id
      used.add(id)
      const extra = call.extra === undefined ? {} : { extra_content: call.extra }
      return [{ index, id, type: 'function', function: { name, arguments: call.args }, ...extra }]
    })
  }

  #take(delta: Delta): number {
    const call = this.#callOf(delta) ?? this.#begin(delta)
    call.id ??= delta.id
    call.extra ??= delta.extra
    return this.#name(call, delta) + this.#argue(call, delta)
  }

  #begin({ index, id }: Delta): Call {
    if (this.#calls.length >= MAX_CALLS) throw unmeantAnswer(`the answer makes more than ${MAX_CALLS} tool calls`)
    const call: Call = { index, id, names: [], args: '', brackets: new Brackets(), extra: undefined }
    this.#calls.push(call)
    return call
  }

  #name(call: Call, { name = '' }: Delta): number {
    if (name === '' || call.names.at(-1) === name) return 0
    call.names.push(name)
    if (name.length > MAX_NAME_CHARS)
      throw unmeantAnswer(`the name of a tool call is longer than ${MAX_NAME_CHARS} characters`)
    if (call.names.length > MAX_NAME_PIECES)
      throw unmeantAnswer(`the name of a tool call comes in more than ${MAX_NAME_PIECES} pieces`)
    return name.length
  }

  #argue(call: Call, { args }: Delta): number {
    if (args === '' || (args === call.args && call.brackets.isComplete)) return 0
    call.args += args
    call.brackets.follow(args)
    if (call.args.length > this.#limits.maxArgumentChars) throw argumentsTooLarge(this.#limits)
    return args.length
  }

  /** The call that a delta continues; undefined: it begins a new one. */
  #callOf(delta: Delta): Call | undefined {
    const { index, id, name, args } = delta
    const known = this.#known(delta)
    // An id that alone led to a call can't tell two calls apart.
    const told = index === undefined ? undefined : id
    if (known !== undefined) return this.#isAnother(known, told, name, args) ? undefined : known
    const last = this.#calls.at(-1)
    if (last === undefined || index !== undefined) return undefined
    return name === undefined ? this.#unnamed(last, delta) : this.#isOf(last, name, delta) ? last : undefined
  }

  #known({ index, id }: Delta): Call | undefined {
    const byId = id === undefined ? [] : this.#calls.filter(call => call.id === id)
    if (index === undefined) return byId.at(-1)
    const isThere = (call: Call): boolean => call.index === index
    return byId.findLast(isThere) ?? this.#calls.findLast(isThere)
  }

  /** The call that is continued by a delta with no index, no name and no known id. */
  #unnamed(last: Call, { id, args }: Delta): Call | undefined {
    if (id !== undefined && last.id === undefined) return last
    if (id !== undefined && args === '') return undefined
    return this.#calls.findLast(call => !call.brackets.isComplete) ?? last
  }

  /** Whether a name without an index is the name of the last call: its first, its rest, or the same again. */
  #isOf(last: Call, name: string, { id, args }: Delta): boolean {
    if (last.names.length === 0 && (id === undefined || last.id === undefined)) return true
    if (id !== undefined) return false
    if (last.args === '' && this.#isTool([...last.names, name].join(''))) return true
    return last.names.at(-1) === name && !last.brackets.isComplete && !args.startsWith('{')
  }

  /** Whether a delta with this call's index begins another call: some servers number every call 0. */
  #isAnother(call: Call, id: string | undefined, name: string | undefined, args: string): boolean {
    if (name === undefined || call.names.length === 0) return false
    const isOtherId = id !== undefined && call.id !== undefined && id !== call.id
    if (call.brackets.isComplete) return isOtherId || call.names.at(-1) !== name || (args !== '' && args !== call.args)
    const isOtherName = call.names.at(-1) !== name && !this.#isTool([...call.names, name].join(''))
    return call.args === '' && isOtherId && isOtherName
  }
}

function deltaOf(value: unknown): Delta | undefined {
  if (!isRecord(value)) return undefined
  const inner = isRecord(value['function']) ? value['function'] : value
  const index = numberOf(value['index'])
  const args = inner['arguments']
  return {
    index: Number.isInteger(index) ? index : undefined,
    id: filled(value['id']),
    name: filled(inner['name'])?.trim(),
    args: typeof args === 'string' ? args : isRecord(args) ? JSON.stringify(args) : '',
    extra: isRecord(value['extra_content']) ? value['extra_content'] : undefined,
  }
}

function filled(value: unknown): string | undefined {
  return typeof value === 'string' && value.trim() !== '' ? value : undefined
}

/** The name from all that was sent of it: once, in pieces, each time longer, or corrected. */
function nameOf(names: readonly string[], isTool: (name: string) => boolean): string {
  const joined = names.join('')
  const grows = names.every((name, at) => name.startsWith(names[at - 1] ?? ''))
  const guesses = grows ? [names.at(-1) ?? '', joined] : [joined, ...names.toReversed()]
  return guesses.find(isTool) ?? guesses[0] ?? ''
}
