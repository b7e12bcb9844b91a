/**
 * Collects the parts of a stream into the parts of a message.
 *
 * Enforces: the text of the collected message is the concatenation of the deltas, in the order in which they were
 * announced, whatever blocks they belong to.
 */

import { cutText, messageOf, wellFormed } from '../../foreign.ts'
import type { CallId } from '../../kernel/ids.ts'
import type { MessagePart, UsageRecord } from '../../store/records.ts'
import type { StreamEvent } from '../executor.ts'
import { answerTooLarge, argumentsTooLarge, type WireLimits } from '../wire/fault.ts'
import { GrowingText } from './growing-text.ts'
import type { StreamPart } from './model.ts'
import { isRecord, metaOf, type ProviderMetadata, type ToolCallPart, withMeta } from './parts.ts'
import { usageOf } from './usage.ts'

export type FinishReason = Extract<StreamPart, { type: 'finish' }>['finishReason']['unified']

interface Block {
  readonly type: 'text' | 'reasoning' | 'other'
  /** The id that the provider's package gives it. */
  id: string
  readonly text: GrowingText
  /** The first half of a surrogate pair whose second half may come with the next delta. */
  held: string
  metadata: ProviderMetadata | undefined
  /** The stream has said that the block is complete. */
  isWhole?: boolean
  readonly part?: MessagePart
}

export interface Collecting {
  readonly turn: number
  readonly newCallId: () => CallId
  readonly limits: WireLimits
  readonly stream: (event: StreamEvent) => void
}

/**
 * Collects the stream of one model call. The reader must not wait between parts, because a stream that fails drops the
 * parts that were not read.
 */
export class Collector {
  finish: FinishReason | undefined
  /** The provider's own word for the finish. */
  rawFinish: string | undefined
  usage: UsageRecord | undefined
  /** The first error part: with one, the call failed, whatever the finish says. */
  error: { readonly value: unknown } | undefined
  /** Settings that the provider ignored. */
  warnings: readonly string[] = []
  /** Whether any content has come. */
  begun = false
  readonly #own: Collecting
  readonly #blocks: Block[] = []
  /** Metadata of text blocks without a delta so far. */
  readonly #early = new Map<string, ProviderMetadata>()
  /** How many characters came, in all and for each call's arguments. */
  #chars = 0
  readonly #argumentChars = new Map<string, number>()
  /**
   * Pieces announced before the package gave them, which it will give again, and the blocks that it has named since.
   */
  readonly #told: { readonly block: Block; chars: number }[] = []
  readonly #named = new Map<string, Block>()
  /** How many characters came from the package first. */
  #received = 0
  #knowsReasoning = false

  constructor(own: Collecting) {
    this.#own = own
  }

  add(part: StreamPart): void {
    switch (part.type) {
      case 'stream-start':
        this.warnings = part.warnings.map(describeWarning)
        return
      case 'text-start':
        this.#count(PART_CHARS)
        if (part.providerMetadata !== undefined) this.#early.set(part.id, part.providerMetadata)
        return
      case 'text-delta':
        return this.#delta('text', part)
      case 'reasoning-start':
        // Redacted thoughts have no text, only metadata that has to be sent back.
        return this.#startReasoning(part.id, part.providerMetadata)
      case 'reasoning-delta':
        return this.#delta('reasoning', part)
      case 'tool-call':
        // Arguments that came in one piece are here already: if they are too long, that ends the call and not the
        // answer.
        this.#countArguments(part.toolCallId, this.#newChars(part))
        if (part.providerExecuted !== true) this.#keep(toolCallPart(part, this.#own.newCallId()))
        return
      case 'tool-input-delta':
        return this.#countArguments(part.id, part.delta.length)
      case 'file':
        if (part.data.type === 'data') {
          const data = base64(part.data.data)
          this.#count(data.length)
          this.#keep({ type: 'file', mediaType: part.mediaType, data })
        }
        return
      default:
        this.#end(part)
    }
  }

  /**
   * Takes a piece that the wire reads before the package does. False: the piece was not taken, because the package
   * still owes earlier pieces (`owed` characters that it was given first), or may not know of reasoning.
   */
  ahead(type: 'text' | 'reasoning', text: string, owed: number): boolean {
    if (this.#received < owed || (type === 'reasoning' && !this.#knowsReasoning)) return false
    const last = this.#blocks.at(-1)
    if (type === 'text' && last?.type === 'reasoning') this.#endReasoning(last)
    const block = this.#piece(type, last?.type === type && last.isWhole !== true ? last.id : AHEAD, text)
    const told = this.#told.at(-1)
    if (told?.block === block) told.chars += text.length
    else this.#told.push({ block, chars: text.length })
    return true
  }

  /** The end of one block, or of all. */
  #end(part: StreamPart): void {
    switch (part.type) {
      case 'text-end':
      case 'reasoning-end':
        return this.#endBlock(part)
      case 'finish':
        this.finish = part.finishReason.unified
        this.rawFinish = part.finishReason.raw
        this.usage = usageOf(part.usage)
        return
      case 'error':
        this.error ??= { value: part.error }
        return
      default:
        return
    }
  }

  /** The stream has ended. */
  end(): void {
    for (const block of this.#blocks) this.#complete(block)
  }

  /** What came so far. Calls are included only once the stream has finished well. */
  parts(): readonly MessagePart[] {
    return this.#blocks.flatMap(({ type, text: grown, metadata, part }): readonly MessagePart[] => {
      if (part !== undefined) return [part]
      const text = String(grown)
      const meta = withMeta(metadata === undefined ? {} : { provider: metadata })
      if (type === 'reasoning') return text === '' && metadata === undefined ? [] : [{ type, text, ...meta }]
      return text === '' ? [] : [{ type: 'text', text, ...meta }]
    })
  }

  #delta(
    type: 'text' | 'reasoning',
    part: { readonly id: string; readonly delta: string; readonly providerMetadata?: ProviderMetadata },
  ): void {
    if (type === 'reasoning') this.#knowsReasoning = true
    const { block, rest } = this.#toldOf(type, part)
    this.#received += rest.length
    const ended = rest !== '' || block === undefined ? this.#piece(type, part.id, rest) : block
    if (part.providerMetadata !== undefined) ended.metadata = part.providerMetadata
  }

  /** The part of a piece that was announced before, and its block, which has a name now. */
  #toldOf(
    type: 'text' | 'reasoning',
    { id, delta }: { readonly id: string; readonly delta: string },
  ): { readonly block: Block | undefined; readonly rest: string } {
    let block: Block | undefined
    let rest = delta
    for (let told = this.#told[0]; rest !== '' && told?.block.type === type; told = this.#told[0]) {
      block = told.block
      this.#name(block, id, this.#early.get(id))
      const chars = Math.min(told.chars, rest.length)
      rest = rest.slice(chars)
      told.chars -= chars
      if (told.chars === 0) this.#told.shift()
    }
    return { block, rest }
  }

  #name(block: Block, id: string, metadata: ProviderMetadata | undefined): void {
    this.#named.set(`${block.type} ${id}`, block)
    if (block.id !== AHEAD) return
    block.id = id
    block.metadata = metadata
  }

  #piece(type: 'text' | 'reasoning', id: string, delta: string): Block {
    const last = this.#blocks.at(-1)
    const block = last?.type === type && last.id === id ? last : this.#open(type, id, this.#early.get(id))
    if (delta === '') return block
    this.begun = true
    this.#count(delta.length)
    const text = block.held + delta
    const isSplit = FIRST_HALF.test(text)
    block.held = isSplit ? text.slice(-1) : ''
    this.#say(block, isSplit ? text.slice(0, -1) : text)
    return block
  }

  #say(block: Block, text: string): void {
    const whole = wellFormed(text)
    if (whole === '' || block.type === 'other') return
    block.text.add(whole)
    this.#own.stream({ type: `${block.type}.delta`, turn: this.#own.turn, text: whole })
  }

  /** Announces what is held of a block, because nothing follows. */
  #complete(block: Block): void {
    const { held } = block
    block.held = ''
    this.#say(block, held)
  }

  #count(chars: number): void {
    this.#chars += chars
    if (this.#chars > this.#own.limits.maxAnswerChars) throw answerTooLarge(this.#own.limits)
  }

  /** How many characters a call has beyond its deltas. */
  #newChars({ toolCallId, input }: { readonly toolCallId: string; readonly input: string }): number {
    const before = this.#argumentChars.get(toolCallId) ?? 0
    return Math.max(0, Math.min(input.length, this.#own.limits.maxArgumentChars) - before)
  }

  #countArguments(id: string, chars: number): void {
    const all = (this.#argumentChars.get(id) ?? 0) + chars
    this.#argumentChars.set(id, all)
    if (all > this.#own.limits.maxArgumentChars) throw argumentsTooLarge(this.#own.limits)
    this.#count(chars === 0 ? PART_CHARS : chars)
  }

  #open(type: 'text' | 'reasoning', id: string, metadata: ProviderMetadata | undefined): Block {
    this.#completeLast()
    this.#count(PART_CHARS)
    const block: Block = { type, id, text: new GrowingText(), held: '', metadata }
    this.#blocks.push(block)
    return block
  }

  #endBlock({
    type,
    id,
    providerMetadata,
  }: {
    readonly type: 'text-end' | 'reasoning-end'
    readonly id: string
    readonly providerMetadata?: ProviderMetadata
  }): void {
    const kind = type === 'text-end' ? 'text' : 'reasoning'
    const block = this.#named.get(`${kind} ${id}`) ?? this.#blocks.findLast(one => one.type === kind && one.id === id)
    if (block === undefined) return
    if (providerMetadata !== undefined) block.metadata = providerMetadata
    this.#complete(block)
    if (kind === 'reasoning') this.#endReasoning(block)
  }

  #startReasoning(id: string, metadata: ProviderMetadata | undefined): void {
    this.#knowsReasoning = true
    const told = this.#told[0]?.block
    if (told?.type === 'reasoning') this.#name(told, id, metadata)
    else this.#named.set(`reasoning ${id}`, this.#open('reasoning', id, metadata))
  }

  #endReasoning(block: Block): void {
    if (block.isWhole === true) return
    block.isWhole = true
    this.#complete(block)
    const text = String(block.text)
    if (text !== '') this.#own.stream({ type: 'reasoning.completed', turn: this.#own.turn, text })
  }

  /** Deltas are announced in the order in which they came. */
  #completeLast(): void {
    const last = this.#blocks.at(-1)
    if (last !== undefined) this.#complete(last)
  }

  #keep(part: MessagePart): void {
    this.begun = true
    this.#completeLast()
    this.#blocks.push({ type: 'other', id: '', text: new GrowingText(), held: '', metadata: undefined, part })
  }
}

/** The id of a block that the package has not named yet. */
const AHEAD = ''
/** What a part without text counts. */
const PART_CHARS = 8

/** Matches a text that ends in the first half of a surrogate pair. */
const FIRST_HALF = /[\ud800-\udbff]$/

/**
 * The calls of a reply that ended at the output limit. The last one may be cut off and still look complete, so none is
 * dispatched.
 */
export function withCallsCutOff(parts: readonly MessagePart[]): readonly MessagePart[] {
  const invalid = 'the output limit was reached, so the arguments may be cut off; call again with shorter arguments'
  return parts.map(part => (part.type === 'tool-call' ? { ...part, ...withMeta({ ...metaOf(part), invalid }) } : part))
}

function toolCallPart(part: Extract<StreamPart, { type: 'tool-call' }>, callId: CallId): ToolCallPart {
  const provider = part.providerMetadata === undefined ? {} : { provider: part.providerMetadata }
  const parsed = parseArgs(part.input)
  const meta = 'invalid' in parsed ? { ...provider, invalid: parsed.invalid } : provider
  return {
    type: 'tool-call',
    callId,
    name: part.toolName,
    args: 'args' in parsed ? parsed.args : {},
    ...withMeta(meta),
  }
}

/** Enough to see what went wrong; a model that runs away writes megabytes. */
const SHOWN_ARGS = 200

function parseArgs(input: string): { readonly args: unknown } | { readonly invalid: string } {
  if (input.trim() === '') return { args: {} }
  try {
    return { args: JSON.parse(input, refusePrototypes) as unknown }
  } catch (error) {
    const shown = input.length > SHOWN_ARGS ? `${wellFormed(cutText(input, SHOWN_ARGS))}…` : wellFormed(input)
    return { invalid: `the arguments are not valid JSON (${messageOf(error)}): ${shown}` }
  }
}

/** A model's arguments must not reach the prototype of any object that they are copied into. */
function refusePrototypes(key: string, value: unknown): unknown {
  const reaches = key === '__proto__' || (key === 'constructor' && isRecord(value) && Object.hasOwn(value, 'prototype'))
  if (reaches) throw new SyntaxError('they name a prototype')
  return value
}

function base64(data: string | Uint8Array): string {
  return typeof data === 'string' ? data : Buffer.from(data).toString('base64')
}

type Warning = Extract<StreamPart, { type: 'stream-start' }>['warnings'][number]

function describeWarning(warning: Warning): string {
  switch (warning.type) {
    case 'unsupported':
    case 'compatibility':
      return `${warning.feature}: ${warning.details ?? warning.type}`
    case 'deprecated':
      return `${warning.setting}: ${warning.message}`
    case 'other':
      return warning.message
  }
}
