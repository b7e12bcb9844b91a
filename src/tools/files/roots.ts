/**
 * The folders that file tools may reach, and the one way to what is in them.
 *
 * Enforces: nothing outside of the roots is opened, whatever a path says (`..`, absolute paths, symbolic links), also
 * where a folder is replaced by a link between the check and the use. On Linux a folder is opened first, the kernel says
 * where the opened folder is, and what is in it is reached through that handle; elsewhere the path is checked
 * again after the opening.
 */
import { constants, realpathSync, type Stats, statSync } from 'node:fs'
import { type FileHandle, lstat, mkdir, open, readlink, realpath, statfs } from 'node:fs/promises'
import { basename, dirname, join, relative, resolve, sep } from 'node:path'
import { messageOf } from '../../foreign.ts'
import { invalidOption } from '../../options.ts'
import { toolFailure } from '../failure.ts'

/** The longest path that a model may name. */
const MAX_PATH_CHARS = 4096

/** Where the kernel says what a handle is open on. */
const HANDLES = process.platform === 'linux' ? '/proc/self/fd' : undefined

const { O_RDONLY, O_DIRECTORY, O_NOFOLLOW, O_NONBLOCK, O_NOCTTY } = constants
// A link is never followed here: the path is the real one already. A FIFO must not block the opening.
const PLAIN = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY

export class Roots {
  /** As they were named, absolute. */
  readonly #named: readonly string[]
  /** Where they are. Kept: a root that is replaced by a link later leads nowhere else. */
  readonly #real: readonly string[]

  /** Throws `invalid-params` for a root that is no folder. */
  constructor(roots: readonly string[]) {
    this.#named = roots.map(root => resolve(root))
    this.#real = roots.map(realFolder)
  }

  /** What the description of a path says to the model. */
  get hint(): string {
    const [first = '.', ...others] = this.#real
    const more = others.length === 0 ? '' : ` Also allowed, by absolute paths: ${others.join(', ')}.`
    return `Relative to ${first}.${more}`
  }

  /** Whether a path lies in a root, as it is written. */
  reaches(path: string): boolean {
    return [...this.#named, ...this.#real].some(root => isWithin(root, resolve(path)))
  }

  /** A path as the model is shown it: relative to the first root, where it is in there. */
  shown(real: string): string {
    const [first = '.'] = this.#real
    return isWithin(first, real) ? relative(first, real) || '.' : real
  }

  /** Where a path that exists leads. */
  async find(path: string): Promise<string> {
    const asked = this.#asked(path)
    const real = await realpath(asked).catch((error: unknown) => {
      throw failed(path, error)
    })
    if (this.#has(real)) return real
    throw toolFailure('refused', `${quoted(path)} leads out of the allowed folders by a symbolic link`)
  }

  /** Opens a folder that exists. */
  async folder(path: string): Promise<Folder> {
    return await this.#enter(path, await this.find(path))
  }

  /** Opens a plain file that exists. */
  async file(path: string): Promise<OpenFile> {
    const real = await this.find(path)
    if (this.#real.includes(real)) throw toolFailure('refused', `${quoted(path)} is a folder, and no plain file`)
    const folder = await this.#enter(path, dirname(real))
    try {
      return await this.fileIn(folder, basename(real), path)
    } finally {
      await folder.close()
    }
  }

  /** Opens a folder that stands in an open one. A link to one is none. */
  async folderIn(outer: Folder, name: string): Promise<Folder> {
    const real = join(outer.real, name)
    return await this.#enter(this.shown(real), real, outer.at(name))
  }

  /** Opens a plain file in an open folder; `path` is for messages. */
  async fileIn(folder: Folder, name: string, path: string): Promise<OpenFile> {
    const at = folder.at(name)
    const before = await lstat(at).catch((error: unknown) => {
      throw failed(path, error)
    })
    refuseOthers(path, before)
    const handle = await open(at, PLAIN).catch((error: unknown) => {
      throw failed(path, error)
    })
    try {
      const stats = await handle.stat()
      refuseOthers(path, stats)
      const real = join(folder.real, name)
      await refuseSpecial(path, handle, real)
      if (HANDLES === undefined) await sameFolder(folder.handle, folder.real)
      return { handle, stats, real, shown: this.shown(real) }
    } catch (error) {
      await handle.close()
      throw error
    }
  }

  /** Opens the folder of a file that need not exist; with `make`, folders that are missing are made. */
  async place(path: string, { make }: { readonly make: boolean }): Promise<Place> {
    const asked = this.#asked(path)
    if (this.#named.includes(asked) || this.#real.includes(asked))
      throw toolFailure('refused', `${quoted(path)} is a folder`)
    const missing: string[] = []
    let above = dirname(asked)
    for (;;) {
      const real = await realpath(above).catch((error: unknown) => {
        if (codeOf(error) !== 'ENOENT' || !make) throw failed(path, error)
        return undefined
      })
      if (real !== undefined) return await this.#placeIn(path, { real, missing, name: basename(asked) })
      missing.unshift(basename(above))
      above = dirname(above)
    }
  }

  async #placeIn(
    path: string,
    { real, missing, name }: { readonly real: string; readonly missing: readonly string[]; readonly name: string },
  ): Promise<Place> {
    if (!this.#has(real))
      throw toolFailure('refused', `${quoted(path)} leads out of the allowed folders by a symbolic link`)
    let folder = await this.#enter(path, real)
    for (const step of missing) {
      const outer = folder
      try {
        await mkdir(outer.at(step)).catch((error: unknown) => {
          if (codeOf(error) !== 'EEXIST') throw failed(path, error)
        })
        folder = await this.folderIn(outer, step)
      } finally {
        await outer.close()
      }
    }
    return { folder, name, shown: this.shown(join(folder.real, name)) }
  }

  /** The absolute path, unless it is outside as it is written. */
  #asked(path: string): string {
    if (path.length > MAX_PATH_CHARS || path.includes('\0') || !path.isWellFormed())
      throw toolFailure(
        'refused',
        `a path has at most ${MAX_PATH_CHARS} characters, all of them Unicode, none of them NUL`,
      )
    const asked = resolve(this.#named[0] ?? '.', path)
    if (this.reaches(asked)) return asked
    throw toolFailure('refused', `${quoted(path)} is outside of the allowed folders. ${this.hint}`)
  }

  #has(real: string): boolean {
    return this.#real.some(root => isWithin(root, real))
  }

  /** Opens a folder by its real path, and asks where the opened one is. */
  async #enter(path: string, real: string, through: string = real): Promise<Folder> {
    const handle = await open(through, PLAIN | O_DIRECTORY).catch((error: unknown) => {
      throw failed(path, error)
    })
    try {
      const at = HANDLES === undefined ? await sameFolder(handle, real) : await readlink(`${HANDLES}/${handle.fd}`)
      if (!this.#has(at)) throw toolFailure('refused', `${quoted(path)} was moved out of the allowed folders meanwhile`)
      await refuseSpecial(path, handle, at)
      return new Folder(handle, at)
    } catch (error) {
      await handle.close()
      throw error
    }
  }
}

/** An open folder: what is in it is reached through it, wherever its path leads by now. */
export class Folder {
  readonly handle: FileHandle
  readonly real: string

  constructor(handle: FileHandle, real: string) {
    this.handle = handle
    this.real = real
  }

  /** The path of an entry. */
  at(name: string): string {
    return HANDLES === undefined ? join(this.real, name) : `${HANDLES}/${this.handle.fd}/${name}`
  }

  /** The path of the folder for another process of this user. */
  get forOthers(): string {
    return HANDLES === undefined ? this.real : `/proc/${process.pid}/fd/${this.handle.fd}`
  }

  close(): Promise<void> {
    return this.handle.close()
  }
}

/** An open file. Its owner closes the handle. */
export interface OpenFile {
  readonly handle: FileHandle
  readonly stats: Stats
  readonly real: string
  readonly shown: string
}

/** Where a file is or will be. Its owner closes the folder. */
export interface Place {
  readonly folder: Folder
  readonly name: string
  readonly shown: string
}

/** A path in a message: names may have line breaks. */
export function quoted(path: string): string {
  return /^[\w./@+-]+$/.test(path) ? path : JSON.stringify(path)
}

/** What the file system said, as a failure with a code. */
export function failed(path: string, error: unknown): Error {
  const code = codeOf(error)
  if (code === 'ENOENT') return toolFailure('not-found', `there is no ${quoted(path)}`, error)
  const why = code === undefined ? undefined : WHY[code]
  if (why !== undefined) return toolFailure('refused', `${quoted(path)}: ${why}`, error)
  return toolFailure('unavailable', `${quoted(path)} can't be reached: ${code ?? messageOf(error)}`, error)
}

const WHY: Readonly<Record<string, string>> = {
  ENOTDIR: 'a part of the path, or what should be a folder, is none',
  ELOOP: 'symbolic links lead nowhere, or a file became a link meanwhile',
  ENAMETOOLONG: 'the name is too long',
  EACCES: 'the permissions of the file or folder do not allow it',
  EPERM: 'the permissions of the file or folder do not allow it',
  EROFS: 'the file system is read-only',
  ENXIO: 'it is no plain file',
  EISDIR: 'it is a folder',
}

function codeOf(error: unknown): string | undefined {
  const code: unknown = typeof error === 'object' && error !== null ? Reflect.get(error, 'code') : undefined
  return typeof code === 'string' ? code : undefined
}

function refuseOthers(path: string, stats: Stats): void {
  if (stats.isFile()) return
  const what = stats.isDirectory()
    ? 'a folder'
    : stats.isSymbolicLink()
      ? 'a symbolic link'
      : 'a device, a pipe or a socket'
  throw toolFailure('refused', `${quoted(path)} is ${what}, and no plain file`)
}

/** File systems whose files are switches and views of the kernel: /proc, /sys and their like. */
const SPECIAL: ReadonlySet<number> = new Set([
  0x9fa0, 0x62656572, 0x64626720, 0x74726163, 0x27e0eb, 0x63677270, 0x73636673, 0x1cd1, 0xcafe4a11, 0x6165676c,
])

async function refuseSpecial(path: string, handle: FileHandle, real: string): Promise<void> {
  const { type } = await statfs(HANDLES === undefined ? real : `${HANDLES}/${handle.fd}`)
  if (!SPECIAL.has(type)) return
  throw toolFailure('refused', `${quoted(path)} belongs to the operating system, and is no file on a disk`)
}

/** Where nothing says what a handle is open on: whether the path still leads to it. */
async function sameFolder(handle: FileHandle, real: string): Promise<string> {
  const [opened, now, leads] = await Promise.all([handle.stat(), lstat(real), realpath(real)])
  return opened.ino === now.ino && opened.dev === now.dev ? leads : ''
}

function realFolder(root: string): string {
  try {
    if (statSync(root).isDirectory()) return realpathSync(root)
  } catch (error) {
    throw invalidOption('builtins.files', 'roots', `names ${quoted(root)}, which can't be used: ${messageOf(error)}`)
  }
  throw invalidOption('builtins.files', 'roots', `names ${quoted(root)}, which is no folder`)
}

function isWithin(root: string, path: string): boolean {
  return path === root || path.startsWith(root.endsWith(sep) ? root : root + sep)
}
