/**
 * `postigo check --fix`: what is certainly a slip is written as it was meant, comments and order stay. What would change
 * which domains or clients are ours, or shut somebody out, is proposed and never written.
 */
import {
  classOf,
  type Config,
  configFindings,
  type Edit,
  editMainCf,
  indentContinuations,
  parseConfig,
  removeSettings,
  splitNameValue,
} from '../../io/config/mod.ts'
import { mendedLists } from '../../mail/policy/mod.ts'
import { allParams } from '../registry.ts'

/** Who is served, and who is trusted: the postmaster's to say. */
const OURS: ReadonlySet<string> = new Set([
  'mydestination',
  'mynetworks',
  'mynetworks_style',
  'relay_domains',
  'virtual_alias_domains',
  'virtual_mailbox_domains',
  'inet_interfaces',
  'proxy_interfaces',
  'permit_mx_backup_networks',
  'relayhost',
  'myhostname',
  'mydomain',
  'myorigin',
])

/** One mend may bring another to light (a name spelt right has a value that is wrong). */
const ROUNDS = 5

/** @param read makes a configuration of a text, for the directory at hand */
export function mendMainCf(text: string, read: (text: string) => Config): string {
  let mended = indentContinuations(text)
  for (let round = 0; round < ROUNDS; round++) {
    const next = mendOnce(mended, read(mended))
    if (next === mended) return mended
    mended = next
  }
  return mended
}

/** A reader for `mendMainCf`. */
export function readerOf(directory: string, masterCf: string | undefined): (text: string) => Config {
  const options = { directory, ...(masterCf !== undefined && { masterCf }) }
  return (text) => parseConfig(text, allParams(), options)
}

function mendOnce(text: string, config: Config): string {
  const withoutDoubles = removeSettings(text, doubledLines(config))
  if (withoutDoubles !== text) return withoutDoubles
  const edits = new Map<string, Edit>([...slips(config), ...lists(config)])
  return edits.size === 0 ? text : editMainCf(text, edits).text
}

/** Settings of a name that is set again further down: only the last one ever counted. */
function doubledLines(config: Config): ReadonlySet<number> {
  return new Set(config.settings.filter((s) => config.origin(s.name)?.line !== s.line).map((s) => s.line))
}

function lists(config: Config): [string, Edit][] {
  return mendedLists(config).map(({ parameter, setting }) => [
    parameter,
    setting === undefined ? { kind: 'remove' } : { kind: 'set', text: setting },
  ])
}

/** Misspelt and old names, and values with a comment behind: the proposal that `check` prints, where it is one setting. */
function slips(config: Config): [string, Edit][] {
  const registry = allParams()
  return configFindings(config, registry).flatMap(({ name, proposal, file }): [string, Edit][] => {
    const parsed = proposal === undefined || proposal.includes('\n') ? undefined : splitNameValue(proposal)
    if (parsed === undefined || typeof parsed === 'string' || file !== config.file) return []
    if (config.raw(name) === undefined || OURS.has(parsed.name)) return []
    const kind = classOf(name, registry).kind
    // A right name that is set already has its own value.
    const isRename = (kind === 'unknown' || kind === 'old') && config.raw(parsed.name) === undefined
    return isRename || parsed.name === name ? [[name, { kind: 'set', text: proposal ?? '' }]] : []
  })
}

/** Lines that went and lines that came, as `diff` shows them: `-`, `+`, with the number in the old or the new text. */
export function changedLines(before: string, after: string): string[] {
  const [old, fresh] = [before.split('\n'), after.split('\n')]
  const common = longestCommon(old, fresh)
  const out: string[] = []
  let [i, j] = [0, 0]
  for (const [oldAt, newAt] of [...common, [old.length, fresh.length] as const]) {
    for (; i < oldAt; i++) out.push(`- ${i + 1}: ${old[i]}`)
    for (; j < newAt; j++) out.push(`+ ${j + 1}: ${fresh[j]}`)
    ;[i, j] = [oldAt + 1, newAt + 1]
  }
  return out
}

/** Pairs of places of a longest common subsequence. Configurations are some hundred lines: the table is small. */
function longestCommon(a: readonly string[], b: readonly string[]): (readonly [number, number])[] {
  const width = b.length + 1
  const length = new Uint32Array((a.length + 1) * width)
  const at = (i: number, j: number): number => length[i * width + j] ?? 0
  for (let i = a.length - 1; i >= 0; i--)
    for (let j = b.length - 1; j >= 0; j--)
      length[i * width + j] = a[i] === b[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1))
  const pairs: (readonly [number, number])[] = []
  for (let i = 0, j = 0; i < a.length && j < b.length;) {
    if (a[i] === b[j]) pairs.push([i++, j++])
    else if (at(i + 1, j) >= at(i, j + 1)) i++
    else j++
  }
  return pairs
}
