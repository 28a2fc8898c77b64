/** `cidr:`: networks in order, with `!` and `if`/`endif`; cidr_table(5). */
import type { Clock } from '../../base/mod.ts'
import { trimBlanks } from '../config/mod.ts'
import { contains, parseAddress, parseNetwork, type Network } from './addresses.ts'
import { inlineText } from './braces.ts'
import type { Table } from './contract.ts'
import { Ranges, type Ranged } from './ranges.ts'
import { readTableFile, tableLines, type SourceWarning } from './source.ts'
import { publishWarnings } from './text-hash.ts'
import { Watched } from './watched.ts'

/** A part of the table: networks without conditions in one, everything else by itself. */
type Node =
  | { readonly kind: 'ranges'; readonly ranges: Ranges }
  | { readonly kind: 'not'; readonly network: Network; readonly result: string }
  | { readonly kind: 'if'; readonly negated: boolean; readonly network: Network; readonly nodes: readonly Node[] }

/** `file` is where `name` leads, seen from the tables' directory. */
export function cidrTable(name: string, file: string, clock: Clock): Table {
  const full = `cidr:${name}`
  const inline = inlineText('cidr', name)
  const load = (): readonly Node[] => {
    const { nodes, warnings } = parseCidr(inline ?? readTableFile(file, full))
    publishWarnings(
      full,
      warnings.map((w) => `cidr map ${name}, line ${w.line}: ${w.text}`),
    )
    return nodes
  }
  const watched = new Watched(inline === undefined ? [file] : [], load, clock)
  return { name: full, type: 'cidr', fixed: false, get: (key) => find(watched.get(), key) }
}

function find(nodes: readonly Node[], key: string): string | undefined {
  for (const node of nodes) {
    const result = node.kind === 'ranges' ? node.ranges.get(key) : findConditional(node, key)
    if (result !== undefined) return result
  }
  return undefined
}

/** A negated network matches only addresses of its own family. */
function findConditional(node: Exclude<Node, { kind: 'ranges' }>, key: string): string | undefined {
  const address = parseAddress(key)
  if (address === undefined || address.bits !== node.network.bits) return undefined
  const isInside = contains(node.network, address)
  if (node.kind === 'not') return isInside ? undefined : node.result
  return isInside === node.negated ? undefined : find(node.nodes, key)
}

interface Block {
  readonly nodes: Node[]
  /** Networks read since the last conditional part. */
  plain: Ranged[]
  readonly condition: { readonly negated: boolean; readonly network: Network } | undefined
  readonly line: number
}

/** Reads a table's text. Bad rules are skipped with a warning, as Postfix does. */
export function parseCidr(octets: Buffer): { nodes: readonly Node[]; warnings: SourceWarning[] } {
  const { lines, warnings: bad } = tableLines(octets)
  const warnings = [...bad]
  const root: Block = { nodes: [], plain: [], condition: undefined, line: 0 }
  const blocks = [root]
  for (const { text, line } of lines) {
    const block = blocks.at(-1) ?? root
    const fault = readRule(text, line, block, blocks)
    if (fault !== undefined) warnings.push({ line, text: fault })
  }
  for (let block = blocks.pop(); block !== undefined && block !== root; block = blocks.pop()) {
    warnings.push({ line: block.line, text: 'IF has no matching ENDIF' })
    closeBlock(block, blocks.at(-1) ?? root)
  }
  flush(root)
  return { nodes: root.nodes, warnings }
}

/** Takes one rule into its block; answers what is wrong with it. */
function readRule(text: string, line: number, block: Block, blocks: Block[]): string | undefined {
  const word = /^(if|endif)(?=[\s!]|$)/i.exec(text)?.[0].toLowerCase()
  if (word === 'endif') {
    if (trimBlanks(text.slice(5)) !== '') return 'garbage after ENDIF: skipping this rule'
    if (blocks.length === 1) return 'ENDIF without IF: skipping this rule'
    blocks.pop()
    closeBlock(block, blocks.at(-1) ?? block)
    return undefined
  }
  const { negated, rest } = takeNegation(word === 'if' ? text.slice(2) : text)
  const pattern = word === 'if' ? trimBlanks(rest) : (/^\S+/.exec(rest)?.[0] ?? '')
  const network = parseNetwork(pattern)
  if (typeof network === 'string') return `${network}: skipping this rule`
  if (word === 'if') {
    flush(block)
    blocks.push({ nodes: [], plain: [], condition: { negated, network }, line })
    return undefined
  }
  const result = trimBlanks(rest.slice(pattern.length))
  if (result === '') return 'no lookup result: skipping this rule'
  if (negated) {
    flush(block)
    block.nodes.push({ kind: 'not', network, result })
  } else block.plain.push({ network, result })
  return undefined
}

function takeNegation(text: string): { negated: boolean; rest: string } {
  let rest = trimBlanks(text)
  let negated = false
  while (rest.startsWith('!')) {
    negated = !negated
    rest = trimBlanks(rest.slice(1))
  }
  return { negated, rest }
}

function flush(block: Block): void {
  if (block.plain.length > 0) block.nodes.push({ kind: 'ranges', ranges: new Ranges(block.plain) })
  block.plain = []
}

function closeBlock(block: Block, parent: Block): void {
  flush(block)
  if (block.condition !== undefined) parent.nodes.push({ kind: 'if', ...block.condition, nodes: block.nodes })
}
