/** When what a session knows changes, the runtime itself says so, to whoever keeps a copy of it in step. */
import { describe, expect, test } from 'vitest'
import type { SessionContextHandle } from '../../src/handles/session-context.ts'
import { scriptedExecutor } from '../../src/testing/index.ts'
import { ManualClock } from '../support/manual-clock.ts'
import { ephemeral, S } from './support/machines.ts'

function listening(context: SessionContextHandle) {
  const heard: number[] = []
  const { watermarkMs } = context.installObserverWithBaseline({ onSessionContextAdvanced: at => heard.push(at) })
  return { heard, watermarkMs }
}

const rises = (values: readonly number[]): boolean => values.every((at, n) => n === 0 || at > (values[n - 1] ?? at))

describe('the watermark of what a session knows', () => {
  test('rises with each boundary of a run and with its end, also where no time passes', async () => {
    const clock = new ManualClock()
    const machine = await ephemeral({ clock })
    const executor = scriptedExecutor()
    await machine.registerSessionWithExecutor(S, executor)
    const { sessionContext } = await machine.prepareBindings(S)
    const { heard, watermarkMs } = listening(sessionContext)
    expect(watermarkMs).toBe(0)
    const { completion } = await machine.acceptInputWithCompletion(S, { content: 'go' })
    const run = await executor.next()
    expect(heard).toEqual([])
    await run.useTool({ id: 'look' })
    const within = heard.length
    expect(within).toBeGreaterThan(0)
    await machine.acceptInput(S, { peer: { type: 'Message', peerId: 'ada' }, content: 'hello', mode: 'steer' })
    expect(heard).toHaveLength(within)
    await run.useTool({ id: 'look again' })
    const joined = heard.length
    expect(joined).toBeGreaterThan(within)
    run.answer('done')
    await completion
    expect(heard).toHaveLength(joined + 1)
    expect(rises([clock.now() - 1, ...heard])).toBe(true)
    expect(sessionContext.currentWatermarkMs()).toBe(heard.at(-1))
  })

  test('is told once, whoever moved it, and nothing of it to those who come later', async () => {
    const machine = await ephemeral()
    await machine.registerSessionWithExecutor(
      S,
      scriptedExecutor(() => 'done'),
    )
    const { sessionContext } = await machine.prepareBindings(S)
    const first = listening(sessionContext)
    await (await machine.acceptInputWithCompletion(S, { content: 'go' })).completion
    const mark = sessionContext.currentWatermarkMs()
    expect(await sessionContext.contextAdvanced(mark + 7)).toBe(true)
    expect(await sessionContext.contextAdvanced(mark + 7)).toBe(false)
    await machine.publishEvent(S, { name: 'tick' })
    expect(first.heard).toEqual([mark, mark + 7])
    const second = listening(sessionContext)
    expect(second.watermarkMs).toBe(mark + 7)
    await machine.publishEvent(S, { name: 'tock' })
    expect(second.heard).toEqual([])
    await (await machine.acceptInputWithCompletion(S, { content: 'go on' })).completion
    expect(second.heard).toEqual([sessionContext.currentWatermarkMs()])
    expect(first.heard).toHaveLength(2)
  })

  test('rises with a run that failed, too, and an observer that throws harms nobody', async () => {
    const machine = await ephemeral()
    const executor = scriptedExecutor(() => ({
      type: 'failed',
      source: 'llm',
      error: { code: 'x', message: 'x' },
    }))
    await machine.registerSessionWithExecutor(S, executor)
    const { sessionContext } = await machine.prepareBindings(S)
    sessionContext.installObserver({
      onSessionContextAdvanced: () => {
        throw new Error('an observer that fails')
      },
    })
    await (await machine.acceptInputWithCompletion(S, { content: 'go' })).completion
    const { heard } = listening(sessionContext)
    const { completion } = await machine.acceptInputWithCompletion(S, { content: 'go' })
    expect(await completion).toMatchObject({ result: { outcome: 'failed' } })
    expect(heard).toHaveLength(1)
  })
})
