/**
 * Keeps lines aside until it is known whether they are wanted: the first in memory, the others in an unlinked file,
 * which the operating system removes however the process ends.
 */
import { type FileHandle, mkdtemp, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MeerkatError } from '../../errors.ts'
import { messageOf } from '../../foreign.ts'
import { linesIn } from './lines.ts'

/** How many characters are kept in memory. */
const IN_MEMORY = 1024 * 1024

export class Spool {
  #lines: string[] = []
  #chars = 0
  #file: FileHandle | undefined
  #folder: string | undefined

  /** Keeps a line. `store-unavailable` where the disk has no room for it. */
  async write(line: string): Promise<void> {
    this.#lines.push(line)
    this.#chars += line.length
    if (this.#chars > IN_MEMORY) await this.#spill()
  }

  /** The lines that were kept, in order. */
  async *lines(): AsyncGenerator<string, void> {
    const rest = this.#lines
    if (this.#file !== undefined) yield* linesIn(this.#file.createReadStream({ start: 0, autoClose: false }))
    yield* rest
  }

  async close(): Promise<void> {
    this.#lines = []
    await this.#file?.close()
    if (this.#folder !== undefined) await rm(this.#folder, { recursive: true, force: true })
  }

  async #spill(): Promise<void> {
    try {
      this.#file ??= await this.#made()
      await this.#file.appendFile(this.#lines.map(line => `${line}\n`).join(''))
    } catch (error) {
      const message = `what is imported can't be kept in ${tmpdir()} until it was checked: ${messageOf(error)}`
      throw new MeerkatError('store-unavailable', message, { cause: error })
    }
    this.#lines = []
    this.#chars = 0
  }

  async #made(): Promise<FileHandle> {
    const folder = await mkdtemp(join(tmpdir(), 'meerkat-import-'))
    this.#folder = folder
    const file = await open(join(folder, 'lines'), 'wx+', 0o600)
    // Where an open file can't be removed, it is removed when it is closed.
    await rm(folder, { recursive: true, force: true }).catch(() => {})
    return file
  }
}
