/**
 * THREAD=REFERENCES: by who answers whom. RFC 5256 §3; the numbers are its steps. Nothing here calls itself: threads may
 * be as deep as a mailbox is long.
 */
import type { Thread } from './contract.ts'

export interface Letter {
  readonly seq: number
  readonly sentMs: number
  /** Base subject, casemapped. */
  readonly subject: string
  readonly reply: boolean
  readonly id: string | undefined
  /** Message-IDs of its ancestors, the nearest last. */
  readonly references: readonly string[]
}

/** A message, or a dummy for one that is not there. */
class Node implements Thread {
  readonly letter: Letter | undefined
  parent: Node | undefined
  links = new Set<Node>()

  constructor(letter?: Letter) {
    this.letter = letter
  }
  get seq(): number {
    return this.letter?.seq ?? 0
  }
  get children(): readonly Node[] {
    return [...this.links]
  }
  /** A dummy stands for its first child. */
  get first(): Letter | undefined {
    return this.letter ?? this.children[0]?.letter
  }
  add(child: Node): void {
    child.parent?.links.delete(child)
    child.parent = this
    this.links.add(child)
  }
}

export function threadByReferences(letters: readonly Letter[]): readonly Thread[] {
  const nodes = linked(letters)
  const roots = pruned(nodes.filter((node) => node.parent === undefined)) // (2), (3)
  for (const root of roots) if (root.letter === undefined) sortChildren(root) // (4)
  roots.sort(byDate)
  const merged = mergedBySubject(roots) // (5)
  for (const node of downwards(merged).reverse()) sortChildren(node) // (6)
  return merged.sort(byDate)
}

/**
 * REFS of draft-ietf-morg-inthread: by references alone, whatever the subjects; the thread with the newest message last, as
 * Dovecot orders them.
 */
export function threadByRefs(letters: readonly Letter[]): readonly Thread[] {
  const roots = pruned(linked(letters).filter((node) => node.parent === undefined))
  for (const node of downwards(roots).reverse()) sortChildren(node)
  const newest = new Map(roots.map((root) => [root, newestOf(root)]))
  return roots.sort((a, b) => compareLetters(newest.get(a), newest.get(b)))
}

function newestOf(root: Node): Letter | undefined {
  return downwards([root])
    .map(({ letter }) => letter)
    .reduce(
      (newest, letter) => (letter !== undefined && compareLetters(newest, letter) < 0 ? letter : newest),
      root.first,
    )
}

/** (1) Links by references; all nodes, dummies too. */
function linked(letters: readonly Letter[]): Node[] {
  const byId = new Map<string, Node>()
  const nodes = letters.map((letter) => {
    const node = new Node(letter)
    // A second message with the same ID has one of its own.
    if (letter.id !== undefined && !byId.has(letter.id)) byId.set(letter.id, node)
    return node
  })
  const dummies: Node[] = []
  const withId = (id: string): Node => {
    let node = byId.get(id)
    if (node === undefined) {
      node = new Node()
      byId.set(id, node)
      dummies.push(node)
    }
    return node
  }
  for (const node of nodes) {
    let before: Node | undefined
    for (const id of node.letter?.references ?? []) {
      const one = withId(id)
      if (before !== undefined && one.parent === undefined) link(before, one)
      before = one
    }
    node.parent?.links.delete(node)
    node.parent = undefined
    if (before !== undefined) link(before, node)
  }
  return [...nodes, ...dummies]
}

/** Not where it would make a loop. */
function link(parent: Node, child: Node): void {
  if (parent === child) return
  // One without children is nobody's ancestor: the usual case, and the way up may be long.
  if (child.links.size > 0) for (let up = parent.parent; up !== undefined; up = up.parent) if (up === child) return
  parent.add(child)
}

/** All below `roots`, each before its children. */
function downwards(roots: readonly Node[]): Node[] {
  const order = [...roots]
  for (let i = 0; i < order.length; i++) for (const child of order[i]!.links) order.push(child)
  return order
}

/** (3) Without dummies, save at the top those with several children. */
function pruned(roots: readonly Node[]): Node[] {
  for (const node of downwards(roots).reverse()) {
    if (!node.children.some((child) => child.letter === undefined)) continue
    const children = node.children.flatMap((child) => (child.letter === undefined ? child.children : [child]))
    node.links = new Set()
    for (const child of children) node.add(child)
  }
  return roots.flatMap((root) => {
    if (root.letter !== undefined || root.links.size > 1) return [root]
    for (const child of root.links) child.parent = undefined
    return root.children
  })
}

const compareLetters = (a: Letter | undefined, b: Letter | undefined): number =>
  (a?.sentMs ?? 0) - (b?.sentMs ?? 0) || (a?.seq ?? 0) - (b?.seq ?? 0)
const byDate = (a: Node, b: Node): number => compareLetters(a.first, b.first)

function sortChildren(node: Node): void {
  if (node.links.size > 1) node.links = new Set(node.children.toSorted(byDate))
}

/** (5) Threads of one subject become one. */
function mergedBySubject(roots: readonly Node[]): Node[] {
  const table = subjectTable(roots) // (A), (B)
  const top = new Set(roots)
  for (const node of roots) {
    const subject = node.first?.subject ?? ''
    const other = table.get(subject)
    if (other === undefined || other === node || !top.has(node)) continue
    top.delete(node)
    if (other.letter === undefined && node.letter === undefined) for (const child of node.children) other.add(child)
    else if (other.letter === undefined || (isReply(node) && !isReply(other))) other.add(node)
    else {
      const dummy = new Node()
      top.delete(other)
      top.add(dummy)
      dummy.add(other)
      dummy.add(node)
      table.set(subject, dummy)
    }
  }
  return [...top]
}

const isReply = (node: Node): boolean => node.letter?.reply === true

/** For each subject the root that others are to hang from: a dummy before messages, an original before replies. */
function subjectTable(roots: readonly Node[]): Map<string, Node> {
  const table = new Map<string, Node>()
  for (const node of roots) {
    const subject = node.first?.subject ?? ''
    if (subject === '') continue
    const other = table.get(subject)
    if (
      other === undefined ||
      (other.letter !== undefined && (node.letter === undefined || (isReply(other) && !isReply(node))))
    )
      table.set(subject, node)
  }
  return table
}
