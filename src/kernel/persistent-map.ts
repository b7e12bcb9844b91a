/**
 * A persistent map: every version stays valid, and a change copies one short path instead of the map.
 *
 * The kernel's collections grow with the backlog, and a step must cost what it changes rather than what the state
 * holds; that rules out spreading objects and rules out mutation, so this is a hash trie of 32-way nodes. Keys are
 * strings or non-negative integers. Iteration is in the order of hashes; a caller that needs an order keeps it in the values.
 */
export interface PersistentMap<K extends string | number, V> {
  readonly size: number
  readonly root: Node<K, V> | undefined
}

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
  /** Which of the 32 places are taken; `children` holds those alone, in their order. */
  readonly bitmap: number
  readonly children: readonly Node<K, V>[]
}
type Node<K, V> = Leaf<K, V> | Collision<K, V> | Branch<K, V>

const BITS = 5
const MASK = 31

const EMPTY: PersistentMap<string, never> = { size: 0, root: undefined }

/** The empty map. */
export function emptyMap<K extends string | number, V>(): PersistentMap<K, V> {
  return EMPTY as unknown as PersistentMap<K, V>
}

/** A map of the given entries; a later entry replaces an earlier one of the same key. */
export function mapOf<K extends string | number, V>(entries: Iterable<readonly [K, V]>): PersistentMap<K, V> {
  let map = emptyMap<K, V>()
  for (const [key, value] of entries) map = mapSet(map, key, value)
  return map
}

/** The value at `key`, or undefined. */
export function mapGet<K extends string | number, V>(map: PersistentMap<K, V>, key: K): V | undefined {
  let node = map.root
  if (node === undefined) return undefined
  const hash = hashOf(key)
  for (let shift = 0; node?.type === 'branch'; shift += BITS) {
    const bit = 1 << ((hash >>> shift) & MASK)
    if ((node.bitmap & bit) === 0) return undefined
    node = node.children[popcount(node.bitmap & (bit - 1))]
  }
  if (node === undefined || node.hash !== hash) return undefined
  if (node.type === 'leaf') return node.key === key ? node.value : undefined
  return node.leaves.find(leaf => leaf.key === key)?.value
}

/** A map that holds `value` at `key` and everything else as before. */
export function mapSet<K extends string | number, V>(map: PersistentMap<K, V>, key: K, value: V): PersistentMap<K, V> {
  const leaf: Leaf<K, V> = { type: 'leaf', hash: hashOf(key), key, value }
  if (map.root === undefined) return { size: 1, root: leaf }
  const grown = { by: 0 }
  const root = insert(map.root, leaf, 0, grown)
  return { size: map.size + grown.by, root }
}

/** A map without `key`; the same map if it was not there. */
export function mapDelete<K extends string | number, V>(map: PersistentMap<K, V>, key: K): PersistentMap<K, V> {
  if (map.root === undefined) return map
  const root = remove(map.root, hashOf(key), key, 0)
  if (root === map.root) return map
  return root === undefined ? emptyMap() : { size: map.size - 1, root }
}

/** Every entry, in no promised order. */
export function mapEntries<K extends string | number, V>(map: PersistentMap<K, V>): readonly (readonly [K, V])[] {
  const entries: (readonly [K, V])[] = []
  visit(map.root, ({ key, value }) => entries.push([key, value]))
  return entries
}

/** Every value, in no promised order. A list: where a hundred thousand inputs wait, a generator's steps are felt. */
export function mapValues<K extends string | number, V>(map: PersistentMap<K, V>): readonly V[] {
  const values: V[] = []
  visit(map.root, ({ value }) => values.push(value))
  return values
}

function visit<K, V>(node: Node<K, V> | undefined, see: (leaf: Leaf<K, V>) => void): void {
  if (node === undefined) return
  if (node.type === 'leaf') see(node)
  else for (const child of node.type === 'branch' ? node.children : node.leaves) visit(child, see)
}

function insert<K, V>(node: Node<K, V>, leaf: Leaf<K, V>, shift: number, grown: { by: number }): Node<K, V> {
  if (node.type === 'branch') {
    const bit = 1 << ((leaf.hash >>> shift) & MASK)
    const at = popcount(node.bitmap & (bit - 1))
    if ((node.bitmap & bit) === 0) {
      grown.by = 1
      return { type: 'branch', bitmap: node.bitmap | bit, children: node.children.toSpliced(at, 0, leaf) }
    }
    const child = insert(node.children[at] as Node<K, V>, leaf, shift + BITS, grown)
    return { type: 'branch', bitmap: node.bitmap, children: replaced(node.children, at, child) }
  }
  if (node.type === 'leaf' && node.key === leaf.key) return leaf
  if (node.type === 'collision' && node.hash === leaf.hash) {
    const others = node.leaves.filter(one => one.key !== leaf.key)
    if (others.length === node.leaves.length) grown.by = 1
    return { type: 'collision', hash: node.hash, leaves: [...others, leaf] }
  }
  grown.by = 1
  return join(node, leaf, shift)
}

function join<K, V>(one: Leaf<K, V> | Collision<K, V>, leaf: Leaf<K, V>, shift: number): Node<K, V> {
  if (one.hash === leaf.hash && one.type === 'leaf') return { type: 'collision', hash: leaf.hash, leaves: [one, leaf] }
  const first = (one.hash >>> shift) & MASK
  const second = (leaf.hash >>> shift) & MASK
  if (first === second) return { type: 'branch', bitmap: 1 << first, children: [join(one, leaf, shift + BITS)] }
  const bitmap = (1 << first) | (1 << second)
  return { type: 'branch', bitmap, children: first < second ? [one, leaf] : [leaf, one] }
}

function remove<K, V>(node: Node<K, V>, hash: number, key: K, shift: number): Node<K, V> | undefined {
  if (node.type === 'leaf') return node.key === key ? undefined : node
  if (node.type === 'collision') {
    const rest = node.leaves.filter(leaf => leaf.key !== key)
    if (rest.length === node.leaves.length) return node
    return rest.length === 1 ? rest[0] : { type: 'collision', hash: node.hash, leaves: rest }
  }
  const bit = 1 << ((hash >>> shift) & MASK)
  if ((node.bitmap & bit) === 0) return node
  const at = popcount(node.bitmap & (bit - 1))
  const old = node.children[at] as Node<K, V>
  const child = remove(old, hash, key, shift + BITS)
  if (child === old) return node
  if (child !== undefined) {
    // A lone leaf moves up, so equal contents have equal shapes whatever their history was.
    if (node.children.length === 1 && child.type !== 'branch') return child
    return { type: 'branch', bitmap: node.bitmap, children: replaced(node.children, at, child) }
  }
  if (node.children.length === 1) return undefined
  const children = node.children.toSpliced(at, 1)
  const only = children.length === 1 ? children[0] : undefined
  return only !== undefined && only.type !== 'branch' ? only : { type: 'branch', bitmap: node.bitmap & ~bit, children }
}

function replaced<T>(list: readonly T[], at: number, item: T): T[] {
  const copy = list.slice()
  copy[at] = item
  return copy
}

function popcount(bits: number): number {
  let count = bits - ((bits >>> 1) & 0x55555555)
  count = (count & 0x33333333) + ((count >>> 2) & 0x33333333)
  return (((count + (count >>> 4)) & 0x0f0f0f0f) * 0x01010101) >>> 24
}

/** The string hashed last: a step asks for the same few ids over and over. */
let hashedKey = ''
let hashedAs = 0x811c9dc5

/** FNV-1a over strings, two characters at a time; integers are their own hash, so consecutive ones share nodes. */
function hashOf(key: string | number): number {
  if (typeof key === 'number') return key >>> 0
  if (key === hashedKey) return hashedAs
  let hash = 0x811c9dc5
  const even = key.length & ~1
  for (let index = 0; index < even; index += 2) {
    hash = Math.imul(hash ^ (key.charCodeAt(index) | (key.charCodeAt(index + 1) << 16)), 0x01000193)
    hash ^= hash >>> 15
  }
  if (even < key.length) hash = Math.imul(hash ^ key.charCodeAt(even), 0x01000193)
  hashedKey = key
  hashedAs = hash >>> 0
  return hashedAs
}
