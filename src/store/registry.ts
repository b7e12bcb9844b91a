/**
 * The registry: small facts of a store that belong to no session, and who holds each. Credentials, logins under way and
 * claims of identities stand here, so that all processes of a store have the same.
 *
 * 1. An entry changes by compare-and-set alone: who names the version that it has now may replace or remove it.
 * 2. Versions rise over the whole store and none is given twice, also for a key that was removed. So a version is a
 *    fencing token: who took an entry and was replaced since is refused, whatever became of the entry meanwhile.
 * 3. A holder is an owner like that of a session: it lives while it shows that it does, and `leaseMs` longer. An entry
 *    whose holder is dead keeps its name until somebody takes it.
 * 4. A change is durable before it is answered, and hints (`onCommit`, about `registry`) tell of it.
 *
 * Whatever is kept here can be read by everybody who can read the store: no secret may stand in it.
 */

export interface RegistryEntry {
  /** A name (`src/names.ts`). */
  readonly key: string
  readonly version: number
  /** JSON text. */
  readonly body: string
  /** Absent: nobody. */
  readonly holder?: { readonly owner: string; readonly alive: boolean }
}

export interface Registry {
  entry(key: string): Promise<RegistryEntry | undefined>
  /** Those whose keys begin so, in order of their keys. */
  entries(prefix: string): Promise<readonly RegistryEntry[]>
  /**
   * Replaces the entry by `next`, or removes it where that is absent, if it has this `version` now (0: there is none).
   * Answers its new version (0: removed), or nothing where it is not of this version. An `owner` lives from then on
   * until this store is closed or falls silent.
   */
  swap(
    key: string,
    version: number,
    next?: { readonly body: string; readonly owner?: string },
  ): Promise<number | undefined>
}
