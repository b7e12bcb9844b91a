/**
 * The registry: small facts of a store that belong to no session, and the holder of each. It has the credentials, logins
 * under way and claims of identities, so that all processes of a store have the same.
 *
 * 1. An entry changes by compare-and-set alone: a caller that names its current version may replace or remove it.
 * 2. Versions rise over the whole store and none is given twice, also for a key that was removed. So a version is a
 *    fencing token: a holder that was replaced is refused, whatever happened to the entry meanwhile.
 * 3. A holder is an owner like that of a session: it counts as alive while it renews its lease, and `leaseMs` longer. An
 *    entry whose holder is dead keeps its key until another holder takes it.
 * 4. A change is durable before it is answered, and hints (`onCommit`, about `registry`) follow.
 *
 * Everyone who can read the store can read the registry: it must not contain secrets.
 */

export interface RegistryEntry {
  /** A name (`src/names.ts`). */
  readonly key: string
  readonly version: number
  /** JSON text. */
  readonly body: string
  /** Absent: it has no holder. */
  readonly holder?: { readonly owner: string; readonly alive: boolean }
}

export interface Registry {
  entry(key: string): Promise<RegistryEntry | undefined>
  /** The entries whose keys begin with the prefix, in order of their keys. */
  entries(prefix: string): Promise<readonly RegistryEntry[]>
  /**
   * Replaces the entry by `next`, or removes it if that is absent, provided that its version is `version` (0: no such entry).
   * Answers its new version (0: removed), or undefined if it has another version. An `owner` counts as alive from then on
   * until this store is closed or falls silent.
   */
  swap(
    key: string,
    version: number,
    next?: { readonly body: string; readonly owner?: string },
  ): Promise<number | undefined>
}
