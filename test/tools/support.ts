/** Folders for tests of tools, and what a model is told by the tools that it calls. */
import { mkdtempSync, rmSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { type AgentOptions, agent } from '../../src/executor/agent/index.ts'
import type { CallOutcome } from '../../src/executor/executor.ts'
import { FakePort } from '../support/fake-port.ts'
import { type Line, type ScriptedModel, scriptOf } from '../support/scripted-model.ts'

/** A folder with files, gone at the end of the test. */
export class Tree implements Disposable {
  readonly path: string = mkdtempSync(join(tmpdir(), 'meerkat-tools-'))

  static async of(files: Readonly<Record<string, string | Uint8Array>>): Promise<Tree> {
    const tree = new Tree()
    for (const [name, content] of Object.entries(files)) await tree.write(name, content)
    return tree
  }

  at(name: string): string {
    return join(this.path, name)
  }

  async write(name: string, content: string | Uint8Array): Promise<void> {
    await mkdir(dirname(this.at(name)), { recursive: true })
    await writeFile(this.at(name), content)
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true, maxRetries: 5 })
  }
}

export interface Called {
  /** What the last request to the model had as the results of the calls, texts only as they are. */
  readonly told: readonly unknown[]
  readonly outcomes: readonly CallOutcome[]
  readonly model: ScriptedModel
}

/** Makes one round of calls with these built-in tools. */
export async function calling(
  options: Omit<AgentOptions, 'model'>,
  ...calls: readonly Extract<Line, { call: string }>[]
): Promise<Called> {
  const model = scriptOf([{ calls }, { say: 'done' }])
  const port = new FakePort()
  await agent({ model, ...options }).apply(port)
  return { told: toldBy(model), outcomes: port.of('outcomes').flatMap(({ outcomes }) => outcomes), model }
}

/** The results in the last request to a model. */
function toldBy({ asked }: ScriptedModel): readonly unknown[] {
  return (asked.at(-1)?.prompt ?? []).flatMap(message =>
    message.role === 'tool'
      ? message.content.flatMap(part =>
          part.type === 'tool-result' && 'value' in part.output ? [part.output.value as unknown] : [],
        )
      : [],
  )
}
