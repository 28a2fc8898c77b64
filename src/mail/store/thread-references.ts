/**
 * THREAD=REFERENCES: by who answers whom. RFC 5256 §3; the numbers are its steps. Nothing here calls itself: threads may
 * be as deep as a mailbox is long. Each step yields now and then, so that others have their turn.
 */
import type { Thread } from './contract.ts'
import { Forest, NOBODY } from './forest.ts'
import { KeyTable, type Letters } from './letters.ts'

/** Nodes looked at between two pauses. */
const STRIDE = 4096

export type Threading = Generator<void, readonly Thread[]>

export function* threadByReferences(letters: Letters): Threading {
  const forest = yield* linked(letters)
  const roots = yield* pruned(forest) // (2), (3)
  for (const root of roots) if (forest.isDummy(root)) forest.sortChildren(root) // (4)
  roots.sort(forest.byDate)
  yield
  const merged = mergedBySubject(forest, roots) // (5)
  yield
  yield* sortAllChildren(forest, merged) // (6)
  return shown(forest, merged.sort(forest.byDate))
}

/**
 * REFS of draft-ietf-morg-inthread: by references alone, whatever the subjects; the thread with the newest message last, as
 * Dovecot orders them.
 */
export function* threadByRefs(letters: Letters): Threading {
  const forest = yield* linked(letters)
  const roots = yield* pruned(forest)
  yield* sortAllChildren(forest, roots)
  const newest = new Int32Array(forest.size)
  for (const root of roots) newest[root] = newestOf(forest, root)
  return shown(
    forest,
    roots.sort((a, b) => forest.compareLetters(newest[a]!, newest[b]!)),
  )
}

function newestOf(forest: Forest, root: number): number {
  let newest = forest.letterOf(root)
  const left = [root]
  for (let node = left.pop(); node !== undefined; node = left.pop()) {
    if (!forest.isDummy(node) && forest.compareLetters(newest, node) < 0) newest = node
    left.push(...forest.children(node))
  }
  return newest
}

/** (1) Links by references; all nodes, dummies too. */
function* linked(letters: Letters): Generator<void, Forest> {
  const { id, from, references } = letters
  const count = id.length
  const forest = new Forest(letters, 2 * count + references.length) // a dummy a reference, and one a root that is merged
  const byId = new KeyTable(count + references.length)
  // A second message with the same ID has one of its own.
  for (let i = 0; i < count; i++) if (id[i] !== 0 && byId.get(id[i]!) === NOBODY) byId.set(id[i]!, i)
  yield
  for (let i = 0; i < count; i++) {
    let before = NOBODY
    for (let k = from[i]!; k < from[i + 1]!; k++) {
      const key = references[k]!
      let one = byId.get(key)
      if (one === NOBODY) byId.set(key, (one = forest.addDummy()))
      if (before !== NOBODY && forest.parent[one] === NOBODY) link(forest, before, one)
      before = one
    }
    forest.detach(i)
    if (before !== NOBODY) link(forest, before, i)
    if (i % STRIDE === STRIDE - 1) yield
  }
  return forest
}

/** Not where it would make a loop. */
function link(forest: Forest, parent: number, child: number): void {
  if (parent === child) return
  // One without children is nobody's ancestor: the usual case, and the way up may be long.
  if (forest.hasChildren(child))
    for (let up = forest.parent[parent]!; up !== NOBODY; up = forest.parent[up]!) if (up === child) return
  forest.add(parent, child)
}

/** (3) Without dummies, save at the top those with several children. Answers the roots. */
function* pruned(forest: Forest): Generator<void, number[]> {
  const tops: number[] = []
  for (let node = 0; node < forest.size; node++) if (forest.parent[node] === NOBODY) tops.push(node)
  const order = forest.downwards(tops)
  yield
  for (let i = order.length - 1; i >= 0; i--) {
    const node = order[i]!
    const children = forest.children(node)
    if (children.some((child) => forest.isDummy(child)))
      for (const child of children)
        for (const one of forest.isDummy(child) ? forest.children(child) : [child]) forest.add(node, one)
    for (const child of children) if (forest.isDummy(child)) forest.detach(child)
    if (i % STRIDE === 0) yield
  }
  const roots: number[] = []
  for (const top of tops)
    if (!forest.isDummy(top) || forest.hasSeveral(top)) roots.push(top)
    else
      for (const child of forest.children(top)) {
        forest.detach(child)
        roots.push(child)
      }
  return roots
}

function* sortAllChildren(forest: Forest, roots: readonly number[]): Generator<void, void> {
  const order = forest.downwards(roots)
  for (let i = order.length - 1; i >= 0; i--) {
    forest.sortChildren(order[i]!)
    if (i % STRIDE === 0) yield
  }
}

/** (5) Threads of one subject become one. */
function mergedBySubject(forest: Forest, roots: readonly number[]): number[] {
  const table = subjectTable(forest, roots) // (A), (B)
  const isGone = new Uint8Array(forest.size + roots.length)
  const added: number[] = []
  for (const node of roots) {
    const subject = forest.subjectOf(node)
    const other = subject === 0 ? NOBODY : table.get(subject)
    if (other === NOBODY || other === node || isGone[node] === 1) continue
    isGone[node] = 1
    if (forest.isDummy(other) && forest.isDummy(node))
      for (const child of forest.children(node)) forest.add(other, child)
    else if (forest.isDummy(other) || (forest.isReply(node) && !forest.isReply(other))) forest.add(other, node)
    else {
      const dummy = forest.addDummy()
      isGone[other] = 1
      added.push(dummy)
      forest.add(dummy, other)
      forest.add(dummy, node)
      table.set(subject, dummy)
    }
  }
  return [...roots, ...added].filter((node) => isGone[node] === 0)
}

/** For each subject the root that others are to hang from: a dummy before messages, an original before replies. */
function subjectTable(forest: Forest, roots: readonly number[]): KeyTable {
  const table = new KeyTable(roots.length)
  for (const node of roots) {
    const subject = forest.subjectOf(node)
    if (subject === 0) continue
    const other = table.get(subject)
    if (
      other === NOBODY ||
      (!forest.isDummy(other) && (forest.isDummy(node) || (forest.isReply(other) && !forest.isReply(node))))
    )
      table.set(subject, node)
  }
  return table
}

const shown = (forest: Forest, nodes: readonly number[]): readonly Thread[] =>
  nodes.map((node) => new ThreadNode(forest, node))

/** Made as it is looked at: threads of a whole mailbox are printed once. */
class ThreadNode implements Thread {
  readonly #forest: Forest
  readonly #node: number
  #children: readonly Thread[] | undefined

  constructor(forest: Forest, node: number) {
    this.#forest = forest
    this.#node = node
  }
  get seq(): number {
    return this.#forest.isDummy(this.#node) ? 0 : this.#forest.letters.seq[this.#node]!
  }
  get children(): readonly Thread[] {
    return (this.#children ??= shown(this.#forest, this.#forest.children(this.#node)))
  }
}
