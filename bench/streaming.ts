/**
 * Streaming: sessions that are told 50 tokens a second each by a provider of its own process, each with a reader of its
 * events; beside a bare relay that copies the same deltas to the same readers.
 */
import { join } from 'node:path'
import { type Figure, figure, type Spread, spreadOf } from './figure.ts'
import { bytesOf, inFolder } from './parts/folder.ts'
import { type Child, start } from './parts/streaming/child.ts'
import { read } from './parts/streaming/readers.ts'

const SESSIONS = [1, 50, 200, 500]
const TOKENS = 200
const RUNS = 3

interface Streamed {
  readonly p50: number
  readonly p99: number
  readonly first: number
  /** Processor time a token, in microseconds. */
  readonly processor: number
  /** The slowest acceptance. */
  readonly accept: number
}

/** Figures for one session, and for many. */
export async function streamingBench(): Promise<Figure[]> {
  const figures: Figure[] = []
  const provider = await start('provider')
  try {
    for (const sessions of SESSIONS) figures.push(...(await figuresOf(provider, sessions)))
    figures.push(await sizeOf(provider))
  } finally {
    await provider.end()
  }
  return figures
}

async function figuresOf(provider: Child, sessions: number): Promise<readonly Figure[]> {
  const [relays, ours]: [Streamed[], Streamed[]] = [[], []]
  for (let run = 0; run < RUNS; run++) {
    relays.push(await relayed(provider, sessions))
    ours.push(await inFolder(folder => served(provider, sessions, folder)))
  }
  const of = (pick: (one: Streamed) => number): { readonly spread: Spread; readonly floor: number } => ({
    spread: spreadOf(ours.map(pick)),
    floor: spreadOf(relays.map(pick)).median,
  })
  const name = `streaming.${sessions}-session${sessions === 1 ? '' : 's'}`
  const ms = (what: string, pick: (one: Streamed) => number, more: number): Figure => {
    const { spread, floor } = of(pick)
    return {
      ...figure(`${name}.${what}`, 'ms', spread, { floor }),
      goal: `≤ floor + ${more} ms`,
      ok: spread.median <= floor + more,
    }
  }
  const { spread, floor } = of(one => one.processor)
  const processor = figure(`${name}.processor`, 'µs/token', spread, { floor })
  const figures = [
    ms('p50', one => one.p50, 3),
    ms('p99', one => one.p99, 40),
    { ...processor, goal: '≤ 2 × floor', ok: (processor.ratio ?? 0) <= 2 },
    figure(`${name}.accept`, 'ms', of(one => one.accept).spread, { floor: of(one => one.accept).floor, atMost: 100 }),
  ]
  return sessions === 1 ? [ms('first', one => one.first, 2), ...figures] : figures
}

async function relayed(provider: Child, sessions: number): Promise<Streamed> {
  const relay = await start('relay', provider.url, `say-${TOKENS}`)
  try {
    await stream(relay, warm, TOKENS)
    return await stream(relay, names(sessions), TOKENS)
  } finally {
    await relay.end()
  }
}

async function served(provider: Child, sessions: number, folder: string): Promise<Streamed> {
  const child = await start('ours', provider.url, `say-${TOKENS}`, join(folder, 'bench.db'))
  try {
    await stream(child, await open(child, warm), TOKENS)
    return await stream(child, await open(child, names(sessions)), TOKENS)
  } finally {
    await child.end()
  }
}

const names = (sessions: number): readonly string[] => Array.from({ length: sessions }, (_, index) => `s${index}`)
/**
 * A server runs for long: what is measured is code that the engine has seen enough of. Below some 20,000 tokens it still
 * optimises, and a token of the first round costs a quarter more than one of the second.
 */
const warm = Array.from({ length: 150 }, (_, index) => `w${index}`)

async function open({ url }: Child, sessions: readonly string[]): Promise<readonly string[]> {
  for (const sessionId of sessions) await post(`${url}/v1/sessions`, { sessionId })
  return sessions
}

/** One answer in every session at once, read as it comes. */
async function stream(child: Child, sessions: readonly string[], tokens: number): Promise<Streamed> {
  const readers = await Promise.all(sessions.map(session => read(child.url, session, tokens)))
  const before = await child.processorMs()
  const accepts = await Promise.all(
    sessions.map(async session => {
      const from = performance.now()
      await post(`${child.url}/v1/sessions/${session}/inputs`, { content: 'Go on.' })
      return performance.now() - from
    }),
  )
  await Promise.all(readers.map(reader => reader.done))
  const processorMs = (await child.processorMs()) - before
  for (const reader of readers) reader.close()
  const latencies = readers.flatMap(reader => reader.latencies).toSorted((a, b) => a - b)
  const at = (share: number): number => latencies[Math.floor(latencies.length * share)] ?? 0
  return {
    p50: at(0.5),
    p99: at(0.99),
    first: readers[0]?.latencies[0] ?? 0,
    processor: (processorMs * 1000) / latencies.length,
    accept: Math.max(...accepts),
  }
}

async function post(url: string, body: object): Promise<void> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  const text = await response.text()
  if (!response.ok) throw new Error(`${url} answered ${response.status}: ${text}`)
}

/** A chat of long answers: what the database takes beyond what was said. */
async function sizeOf(provider: Child): Promise<Figure> {
  const [sessions, answers, tokens] = [20, 3, 1_000]
  const ratio = await inFolder(async folder => {
    const path = join(folder, 'bench.db')
    const child = await start('ours', provider.url, `quickly-${tokens}`, path)
    let text = 0
    for (let answer = 0; answer < answers; answer++) {
      await Promise.all(
        names(sessions).map(async session => {
          await post(`${child.url}/v1/sessions`, { sessionId: session })
          await post(`${child.url}/v1/sessions/${session}/inputs`, { content: 'Go on.', waitMs: 60_000 })
        }),
      )
    }
    for (const session of names(sessions)) {
      const history = await fetch(`${child.url}/v1/sessions/${session}/history`)
      const { messages } = (await history.json()) as { readonly messages: readonly { readonly content: unknown }[] }
      for (const { content } of messages)
        text += typeof content === 'string' ? content.length : JSON.stringify(content).length
    }
    await child.end()
    return bytesOf(path) / text
  })
  return figure('streaming.database', '× text', spreadOf([ratio]), { atMost: 1.5 })
}
