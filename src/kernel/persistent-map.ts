/**
 * A persistent map: every version stays valid, and a change copies one short path instead of the map.
 *
 * The kernel's collections grow with the backlog, and a step must cost what it changes rather than what the state
 * holds; that rules out spreading objects and rules out mutation, so this is a hash trie of 32-way nodes, and a map is its
 * topmost branch. Keys are strings or non-negative integers. Iteration is in the order of hashes; a caller that needs an
 * order keeps it in the values.
 */
export interface PersistentMap<K extends string | number, V> extends Branch<K, V> {}

interface Leaf<K, V> {
  readonly type: 'leaf'
  readonly hash: number
  readonly key: K
  readonly value: V
}
/** Keys whose 32-bit hashes are equal. */
interface Collision<K, V> {
  readonly type: 'collision'
  readonly hash: number
  readonly leaves: readonly Leaf<K, V>[]
}
interface Branch<K, V> {
  readonly type: 'branch'
  /** Keys in it. */
  readonly size: number
  /** Which of the 32 places are taken; `children` holds those alone, in their order. */
  readonly bitmap: number
  readonly children: readonly Node<K, V>[]
}
type Node<K, V> = Leaf<K, V> | Collision<K, V> | Branch<K, V>

const BITS = 5
const MASK = 31

const EMPTY: PersistentMap<string, never> = { type: 'branch', size: 0, bitmap: 0, children: [] }

/** The empty map. */
export function emptyMap<K extends string | number, V>(): PersistentMap<K, V> {
  return EMPTY as unknown as PersistentMap<K, V>
}

/** Whether a part of a slice is such a map. */
export function isPersistentMap(value: object): value is PersistentMap<string | number, unknown> {
  return 'bitmap' in value && 'children' in value
}

/** A map of the given entries; a later entry replaces an earlier one of the same key. */
export function mapOf<K extends string | number, V>(entries: Iterable<readonly [K, V]>): PersistentMap<K, V> {
  let map = emptyMap<K, V>()
  for (const [key, value] of entries) map = mapSet(map, key, value)
  return map
}

/** The value at `key`, or undefined. */
export function mapGet<K extends string | number, V>(map: PersistentMap<K, V>, key: K): V | undefined {
  if (map.size === 0) return undefined
  const hash = hashOf(key)
  let node: Node<K, V> = map
  for (let shift = 0; node.type === 'branch'; shift += BITS) {
    const bit = bitOf(hash, shift)
    if ((node.bitmap & bit) === 0) return undefined
    node = node.children[placeOf(node.bitmap, bit)] as Node<K, V>
  }
  if (node.hash !== hash) return undefined
  if (node.type === 'leaf') return node.key === key ? node.value : undefined
  return node.leaves.find(leaf => leaf.key === key)?.value
}

/** A map that holds `value` at `key` and everything else as before. */
export function mapSet<K extends string | number, V>(map: PersistentMap<K, V>, key: K, value: V): PersistentMap<K, V> {
  return insertBelow(map, { type: 'leaf', hash: hashOf(key), key, value }, 0)
}

/** A map without `key`; the same map if it was not there. */
export function mapDelete<K extends string | number, V>(map: PersistentMap<K, V>, key: K): PersistentMap<K, V> {
  return map.size === 0 ? map : removeBelow(map, hashOf(key), key, 0)
}

/** Every entry, in no promised order. */
export function mapEntries<K extends string | number, V>(map: PersistentMap<K, V>): readonly (readonly [K, V])[] {
  const entries: (readonly [K, V])[] = []
  visit(map, ({ key, value }) => entries.push([key, value]))
  return entries
}

/** Every value, in no promised order. A list: where a hundred thousand inputs wait, a generator's steps are felt. */
export function mapValues<K extends string | number, V>(map: PersistentMap<K, V>): readonly V[] {
  const values: V[] = []
  visit(map, ({ value }) => values.push(value))
  return values
}

function visit<K, V>(node: Node<K, V>, see: (leaf: Leaf<K, V>) => void): void {
  if (node.type === 'leaf') see(node)
  else for (const child of node.type === 'branch' ? node.children : node.leaves) visit(child, see)
}

function sizeOf<K, V>(node: Node<K, V>): number {
  if (node.type === 'leaf') return 1
  return node.type === 'branch' ? node.size : node.leaves.length
}

function insertBelow<K, V>({ size, bitmap, children }: Branch<K, V>, leaf: Leaf<K, V>, shift: number): Branch<K, V> {
  const bit = bitOf(leaf.hash, shift)
  const at = placeOf(bitmap, bit)
  if ((bitmap & bit) === 0)
    return { type: 'branch', size: size + 1, bitmap: bitmap | bit, children: inserted(children, at, leaf) }
  const old = children[at] as Node<K, V>
  const child = insert(old, leaf, shift + BITS)
  return { type: 'branch', size: size + sizeOf(child) - sizeOf(old), bitmap, children: replaced(children, at, child) }
}

function insert<K, V>(node: Node<K, V>, leaf: Leaf<K, V>, shift: number): Node<K, V> {
  if (node.type === 'branch') return insertBelow(node, leaf, shift)
  if (node.type === 'leaf' && node.key === leaf.key) return leaf
  if (node.hash !== leaf.hash) return join(node, leaf, shift)
  const others = node.type === 'leaf' ? [node] : node.leaves.filter(one => one.key !== leaf.key)
  return { type: 'collision', hash: node.hash, leaves: [...others, leaf] }
}

/** A branch for two of different hashes. */
function join<K, V>(one: Leaf<K, V> | Collision<K, V>, leaf: Leaf<K, V>, shift: number): Branch<K, V> {
  const size = sizeOf(one) + 1
  const [first, second] = [bitOf(one.hash, shift), bitOf(leaf.hash, shift)]
  if (first === second) return { type: 'branch', size, bitmap: first, children: [join(one, leaf, shift + BITS)] }
  const children = placeOf(first | second, first) === 0 ? [one, leaf] : [leaf, one]
  return { type: 'branch', size, bitmap: first | second, children }
}

/** The branch without the key; the same branch if it was not there. */
function removeBelow<K, V>(node: Branch<K, V>, hash: number, key: K, shift: number): Branch<K, V> {
  const { size, bitmap, children } = node
  const bit = bitOf(hash, shift)
  if ((bitmap & bit) === 0) return node
  const at = placeOf(bitmap, bit)
  const old = children[at] as Node<K, V>
  const child = remove(old, hash, key, shift + BITS)
  if (child === old) return node
  return child === undefined
    ? { type: 'branch', size: size - 1, bitmap: bitmap & ~bit, children: removed(children, at) }
    : { type: 'branch', size: size - 1, bitmap, children: replaced(children, at, child) }
}

function remove<K, V>(node: Node<K, V>, hash: number, key: K, shift: number): Node<K, V> | undefined {
  if (node.type === 'leaf') return node.key === key ? undefined : node
  if (node.type === 'collision') {
    const rest = node.leaves.filter(leaf => leaf.key !== key)
    if (rest.length === node.leaves.length) return node
    return rest.length === 1 ? rest[0] : { type: 'collision', hash: node.hash, leaves: rest }
  }
  const left = removeBelow(node, hash, key, shift)
  // A lone leaf moves up, so equal contents have equal shapes whatever their history was.
  const [only] = left.children
  return left.children.length === 1 && only?.type !== 'branch' ? only : left
}

// Loops rather than splices: a change of a map makes as many of these as it has levels.
function replaced<T>(list: readonly T[], at: number, item: T): T[] {
  const copy = list.slice()
  copy[at] = item
  return copy
}

function inserted<T>(list: readonly T[], at: number, item: T): T[] {
  const copy = ofLength<T>(list.length + 1)
  for (let index = 0; index < at; index++) copy[index] = list[index] as T
  copy[at] = item
  for (let index = at; index < list.length; index++) copy[index + 1] = list[index] as T
  return copy
}

function removed<T>(list: readonly T[], at: number): T[] {
  const copy = ofLength<T>(list.length - 1)
  for (let index = 0; index < at; index++) copy[index] = list[index] as T
  for (let index = at + 1; index < list.length; index++) copy[index - 1] = list[index] as T
  return copy
}

function ofLength<T>(length: number): T[] {
  // oxlint-disable-next-line unicorn/no-new-array -- a list that grows as it is filled takes more time and more memory
  return new Array<T>(length)
}

/** The place of a hash among 32, as a bit. */
function bitOf(hash: number, shift: number): number {
  return 1 << ((hash >>> shift) & MASK)
}

/** How many of the places that are taken stand before this one. */
function placeOf(bitmap: number, bit: number): number {
  const before = bitmap & (bit - 1)
  let count = before - ((before >>> 1) & 0x55555555)
  count = (count & 0x33333333) + ((count >>> 2) & 0x33333333)
  return Math.imul((count + (count >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24
}

/** The string hashed last: a step asks for the same few ids over and over. */
let hashedKey = ''
let hashedAs = 0x811c9dc5 | 0

/**
 * FNV-1a over strings, two characters at a time; integers are their own hash, so consecutive ones share nodes. A hash is a
 * signed integer, which needs no object of its own.
 */
function hashOf(key: string | number): number {
  if (typeof key === 'number') return key | 0
  if (key === hashedKey) return hashedAs
  let hash = 0x811c9dc5
  const even = key.length & ~1
  for (let index = 0; index < even; index += 2) {
    hash = Math.imul(hash ^ (key.charCodeAt(index) | (key.charCodeAt(index + 1) << 16)), 0x01000193)
    hash ^= hash >>> 15
  }
  if (even < key.length) hash = Math.imul(hash ^ key.charCodeAt(even), 0x01000193)
  hashedKey = key
  hashedAs = hash | 0
  return hashedAs
}
