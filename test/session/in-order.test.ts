import { describe, expect, test } from 'vitest'
import { InOrder } from '../../src/session/in-order.ts'

/** Acts that say when they begin and end, and end when they are told to. */
function acts() {
  const [order, said] = [new InOrder(), [] as string[]]
  const begin = (name: string, names: readonly string[]) => {
    const held = Promise.withResolvers<void>()
    const done = order.act(names, async () => {
      said.push(name)
      await held.promise
      said.push(`${name} ended`)
    })
    return { done, ...held }
  }
  return { said, begin }
}

describe('acts in order', () => {
  test('wait for those before them that share a name, and for no others', async () => {
    const { said, begin } = acts()
    const one = begin('one', ['a', 'b'])
    const two = begin('two', ['b', 'c'])
    const other = begin('other', ['d'])
    const nameless = begin('nameless', [])
    for (const { resolve } of [nameless, other, two]) resolve()
    await Promise.all([nameless.done, other.done])
    expect(said).not.toContain('two')
    one.resolve()
    await two.done
    expect(said.filter(text => /one|two/u.test(text))).toEqual(['one', 'one ended', 'two', 'two ended'])
  })

  test('never wait for each other, in whatever order they name what they share', async () => {
    const { said, begin } = acts()
    const all = [begin('one', ['a', 'b', 'a']), begin('two', ['b', 'a']), begin('three', ['a', 'b'])]
    for (const { resolve } of all) resolve()
    await Promise.all(all.map(({ done }) => done))
    expect(said).toEqual(['one', 'one ended', 'two', 'two ended', 'three', 'three ended'])
  })

  test('go on behind one that failed', async () => {
    const { begin } = acts()
    const [failing, next] = [begin('failing', ['a']), begin('next', ['a'])]
    next.resolve()
    failing.reject(new Error('broke'))
    await expect(failing.done).rejects.toThrow('broke')
    await next.done
  })
})
