/**
 * Each peer as the same few functions, used as its own documentation recommends.
 *
 * `accept(session, id, text)` resolves when the turn is durable (absent where a peer has no such moment), `answer` when
 * it is answered. `effect(id)` is what the turn does to the outside, called from inside the peer's step.
 */
import { join } from 'node:path'

const reply = text => `echo: ${text}`

async function bullmq({ redis, effect }) {
  const { Queue, QueueEvents, Worker } = await import('bullmq')
  const connection = { host: '127.0.0.1', port: redis, maxRetriesPerRequest: null }
  const queue = new Queue('turns', { connection })
  const events = new QueueEvents('turns', { connection })
  events.setMaxListeners(0)
  const worker = new Worker(
    'turns',
    async job => {
      await effect(job.data.id)
      return reply(job.data.text)
    },
    // Stalled jobs of a dead worker come back after the lock; shortened, so that the trial need not wait 30 s.
    { connection, concurrency: 200, lockDuration: 2_000, stalledInterval: 1_000, maxStalledCount: 100 },
  )
  await Promise.all([queue.waitUntilReady(), events.waitUntilReady(), worker.waitUntilReady()])
  const { Job } = await import('bullmq')
  return {
    accept: async (session, id, text) => void (await queue.add('turn', { session, id, text }, { jobId: id })),
    answer: async (_, id) => {
      const job = await Job.fromId(queue, id)
      return job?.waitUntilFinished(events, 60_000)
    },
    stop: async () => {
      await worker.close()
      await events.close()
      await queue.close()
    },
  }
}

async function dbos({ postgres, effect }) {
  const { DBOS } = await import('@dbos-inc/dbos-sdk')
  DBOS.setConfig({ name: 'turns', systemDatabaseUrl: postgres, logLevel: 'error', runAdminServer: false })
  const turn = DBOS.registerWorkflow(
    async (id, text) => {
      await DBOS.runStep(() => effect(id), { name: 'effect' })
      return reply(text)
    },
    { name: 'turn' },
  )
  await DBOS.launch()
  // A handle of this process hears of the end at once; one that was retrieved asks every second.
  const handles = new Map()
  return {
    accept: async (_, id, text) => void handles.set(id, await DBOS.startWorkflow(turn, { workflowID: id })(id, text)),
    answer: (_, id) => {
      const handle = handles.get(id) ?? DBOS.retrieveWorkflow(id)
      handles.delete(id)
      return handle.getResult()
    },
    stop: () => DBOS.shutdown(),
  }
}

async function langgraph({ dir, effect }) {
  const { Annotation, END, START, StateGraph } = await import('@langchain/langgraph')
  const { SqliteSaver } = await import('@langchain/langgraph-checkpoint-sqlite')
  const checkpointer = SqliteSaver.fromConnString(join(dir, 'langgraph.db'))
  const State = Annotation.Root({
    messages: Annotation({ reducer: (old, more) => old.concat(more), default: () => [] }),
  })
  const graph = new StateGraph(State)
    .addNode('effect', async ({ messages }) => {
      await effect(messages.at(-1).id)
      return {}
    })
    .addNode('answer', ({ messages }) => ({ messages: [{ role: 'assistant', text: reply(messages.at(-1).text) }] }))
    .addEdge(START, 'effect')
    .addEdge('effect', 'answer')
    .addEdge('answer', END)
    .compile({ checkpointer })
  const configOf = session => ({ configurable: { thread_id: session }, durability: 'sync' })
  return {
    // It has no acceptance apart from the answer: whoever invokes it waits, and invokes again after a crash.
    answer: async (session, id, text) => {
      const config = configOf(session)
      const before = await graph.getState(config)
      const known = before.values?.messages?.some(message => message.id === id) === true
      if (known && before.next.length === 0) return reply(text)
      const input = known ? null : { messages: [{ role: 'user', id, text }] }
      return (await graph.invoke(input, config)).messages.at(-1).text
    },
    stop: async () => {},
  }
}

async function meerkat({ dir, postgres, effect }, onPostgres) {
  const { createRuntime } = await import('../../src/index.ts')
  const source = onPostgres
    ? (await import('../../src/store/postgres/index.ts')).postgres(postgres, { leaseMs: 2_000 })
    : (await import('../../src/store/sqlite/index.ts')).sqlite(join(dir, 'meerkat.db'))
  const runtime = await createRuntime({ store: source, executor: echoWithEffect(effect) })
  const opened = new Map()
  const open = session => {
    if (!opened.has(session)) opened.set(session, runtime.open({ sessionId: session }))
    return opened.get(session)
  }
  const ids = new Map()
  return {
    accept: async (session, id, text) => {
      await open(session)
      ids.set(id, (await runtime.send(session, { content: JSON.stringify({ id, text }), idempotencyKey: id })).inputId)
    },
    answer: async (session, id) => {
      const inputId = ids.get(id) ?? (await runtime.input(session, { idempotencyKey: id })).id
      return (await runtime.wait(session, inputId, 60_000)).result?.text
    },
    stop: () => runtime.close(),
  }
}

/** One tool call whose outcome, once lost, is never repeated by guess, then the answer. Without effects a plain echo. */
function echoWithEffect(effect) {
  return {
    name: 'bench',
    async apply(port) {
      const { id, text } = JSON.parse(port.inputs[0].content)
      if (effect !== undefined) await callOnce(port, id, effect)
      return { type: 'completed', message: { role: 'assistant', content: reply(text) } }
    },
  }
}

async function callOnce(port, id, effect) {
  if (port.calls().length === 0) {
    const part = { type: 'tool-call', callId: id, name: 'effect', args: {} }
    const calls = [{ callId: id, tool: 'effect', policy: 'fail' }]
    await port.intend({ turn: 1, message: { role: 'assistant', content: [part] }, calls })
    await effect(id)
    await port.outcomes([{ callId: id, name: 'effect', ok: true, output: 'done' }])
  }
  await port.boundary({ turn: 1 })
}

const none = async () => {}

export const ADAPTERS = {
  bullmq: context => bullmq({ effect: none, ...context }),
  dbos: context => dbos({ effect: none, ...context }),
  langgraph: context => langgraph({ effect: none, ...context }),
  'meerkat-sqlite': context => meerkat(context, false),
  'meerkat-postgres': context => meerkat(context, true),
}
