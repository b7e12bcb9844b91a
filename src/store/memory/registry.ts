/** The registry of a memory source. */
import { demandName, demandStorable } from '../../names.ts'
import type { Registry, RegistryEntry } from '../registry.ts'
import { storeClosed } from '../store-errors.ts'
import { compareBytes, type MemoryData, type StoredEntry } from './data.ts'

export class MemoryRegistry implements Registry {
  readonly #data: MemoryData
  readonly #store: { readonly isOpen: boolean }

  constructor(data: MemoryData, store: { readonly isOpen: boolean }) {
    this.#data = data
    this.#store = store
  }

  async entry(key: string): Promise<RegistryEntry | undefined> {
    const stored = this.#entries(key).get(key)
    return stored === undefined ? undefined : shown(key, stored)
  }

  async entries(prefix: string): Promise<readonly RegistryEntry[]> {
    return [...this.#entries(prefix)]
      .filter(([key]) => key.startsWith(prefix))
      .toSorted(([a], [b]) => compareBytes(a, b))
      .map(([key, stored]) => shown(key, stored))
  }

  async swap(
    key: string,
    version: number,
    next?: { readonly body: string; readonly owner?: string },
  ): Promise<number | undefined> {
    demandName(key, 'the key of an entry')
    const entries = this.#entries(key)
    if ((entries.get(key)?.version ?? 0) !== version) return undefined
    if (next === undefined) entries.delete(key)
    else {
      this.#data.registryVersion += 1
      const { body, owner } = next
      const holder = owner === undefined ? {} : { holder: { owner, store: this.#store } }
      entries.set(key, { version: this.#data.registryVersion, body, ...holder })
    }
    this.#data.listeners.notify({ about: 'registry' })
    return next === undefined ? 0 : this.#data.registryVersion
  }

  #entries(key: string): MemoryData['registry'] {
    if (!this.#store.isOpen) throw storeClosed('memory:')
    demandStorable(key, 'the key of an entry')
    return this.#data.registry
  }
}

function shown(key: string, { version, body, holder }: StoredEntry): RegistryEntry {
  if (holder === undefined) return { key, version, body }
  return { key, version, body, holder: { owner: holder.owner, alive: holder.store.isOpen } }
}
