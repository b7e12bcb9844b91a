/** Inputs that wake nobody: they keep their place, have a run of their own, and an answer of their own. */
import { describe, expect, test } from 'vitest'
import type { HostInput } from '../../src/host/admission.ts'
import { scriptedExecutor } from '../../src/testing/index.ts'
import { ephemeral, S } from './support/machines.ts'

const NOTE: HostInput = { content: 'note', withoutWake: true }
const PING: HostInput = { content: 'ping', kind: 'peer-request', origin: 'peer', intent: 'ping' }
const HALF: HostInput = { content: 'half', kind: 'peer-response-progress', origin: 'peer' }
const echoing = () => scriptedExecutor(run => `re: ${run.said}`)

/** A session with this executor that silences pings. */
async function serving(executor = echoing(), merge = false) {
  const machine = await ephemeral()
  await machine.registerSession(S, { silentIntents: ['ping'], merge })
  await machine.registerSessionWithExecutor(S, executor)
  const offer = (...inputs: readonly HostInput[]) =>
    inputs.reduce(
      async (before, input) => [...(await before), await machine.acceptInputWithCompletion(S, input)],
      Promise.resolve<Awaited<ReturnType<typeof machine.acceptInputWithCompletion>>[]>([]),
    )
  return { machine, executor, offer }
}

describe('an input that wakes nobody', () => {
  test('has its run before the prompt that came after it, and each waiter its own answer', async () => {
    const { executor, offer } = await serving()
    const sent = await offer(NOTE, PING, { content: 'prompt' })
    const ends = await Promise.all(sent.map(({ completion }) => completion))
    expect(ends.map(({ result }) => result?.text)).toEqual(['re: note', 're: ping', 're: prompt'])
    expect(executor.applied.map(({ said }) => said)).toEqual(['note', 'ping', 'prompt'])
  })

  test('starts nothing, also behind a prompt that was answered: the next one takes it along, in its place', async () => {
    const { machine, executor, offer } = await serving()
    const [prompt, note] = await offer({ content: 'prompt' }, NOTE)
    await prompt?.completion
    expect(machine.listActiveInputs(S).map(({ id }) => id)).toEqual([note?.inputId])
    const [next] = await offer({ content: 'next' })
    expect(await next?.completion).toMatchObject({ result: { text: 're: next' } })
    expect(executor.applied.map(({ said }) => said)).toEqual(['prompt', 'note', 'next'])
  })

  test('is no part of what a peer says, either; as a steer it is there before the queue, as steers are', async () => {
    const machine = await ephemeral()
    await machine.registerSession(S, { silentIntents: ['ping'] })
    const message: HostInput = { content: 'message', kind: 'peer-message', origin: 'peer' }
    const sent = []
    for (const input of [PING, HALF, message, { content: 'steer', mode: 'steer' } as const]) {
      sent.push(await machine.acceptInputWithCompletion(S, input))
    }
    const executor = echoing()
    await machine.registerSessionWithExecutor(S, executor)
    await Promise.all(sent.map(({ completion }) => completion))
    expect(executor.applied.map(({ said }) => said)).toEqual(['half\nsteer', 'ping', 'message'])
  })

  test('shares a run with prompts only where the session merges, and then in its place', async () => {
    const executor = scriptedExecutor()
    const { offer } = await serving(executor, true)
    await offer({ content: 'first' })
    const first = await executor.next()
    const sent = await offer(NOTE, { content: 'second' }, PING)
    first.answer('done')
    const run = await executor.next()
    expect(run.said).toBe('note\nsecond\nping')
    run.answer('all')
    for (const { completion } of sent) expect(await completion).toMatchObject({ result: { text: 'all' } })
  })

  test('whose attempt failed is tried again by itself', async () => {
    let failures = 1
    const executor = scriptedExecutor(run => {
      if (run.said === 'note' && failures-- > 0) throw new Error('the first attempt fails')
      return `re: ${run.said}`
    })
    const { offer } = await serving(executor)
    const sent = await offer(NOTE, { content: 'prompt' })
    const ends = await Promise.all(sent.map(({ completion }) => completion))
    expect(ends.map(({ result }) => result?.text)).toEqual(['re: note', 're: prompt'])
  })
})
