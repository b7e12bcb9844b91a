/** `meerkat demo`: the tour. It leaves nothing behind. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Stage } from '../demo/stage.ts'
import { Tour } from '../demo/tour.ts'
import type { Shell } from '../shell.ts'

export async function demo(shell: Shell): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'meerkat-demo-'))
  shell.atEnd(() => rmSync(folder, { recursive: true, force: true }))
  const stage = new Stage(shell.output, { fast: shell.has('fast') })
  const tour = new Tour(stage, folder)
  shell.atEnd(() => tour.close())
  await tour.run()
  await stage.chapter('Your turn')
  await stage.type('meerkat chat --model demo/agent          # talk, steer, press Ctrl-C')
  await stage.type('meerkat serve --model demo/agent         # HTTP, JSON-RPC and events; steer from a second terminal')
  await stage.type('meerkat verify                           # every reachable state of the kernel, every invariant')
  await stage.type('meerkat doctor --model openai/gpt-5.6    # is everything set for a real model?')
}
