/** What can be told about a configuration before anything runs. */
import { join } from 'node:path'
import { type Config, type Finding, postfixParameter } from '../../io/config/mod.ts'
import { createTables } from '../../io/tables/mod.ts'
import { policyFindings } from '../../mail/policy/mod.ts'
import { allParams } from '../registry.ts'

/** The name with the fewest letters to change, when that is few enough to be a slip. */
function nearest(name: string, names: Iterable<string>): string | undefined {
  let best: string | undefined
  let least = 3
  for (const other of names) {
    if (Math.abs(other.length - name.length) >= least) continue
    const distance = editDistance(name, other)
    if (distance < least) [best, least] = [other, distance]
  }
  return best
}

/** Optimal string alignment: a swap of neighbours is one slip. */
function editDistance(a: string, b: string): number {
  let before: number[] = []
  let row = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1]
      next[j] = Math.min((next[j - 1] ?? 0) + 1, (row[j] ?? 0) + 1, (row[j - 1] ?? 0) + (same ? 0 : 1))
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        next[j] = Math.min(next[j] ?? 0, (before[j - 2] ?? 0) + 1)
    }
    before = row
    row = next
  }
  return row[b.length] ?? 0
}

/** Unknown and unsupported names, wrong types, weak settings. */
export function findingsOf(config: Config): Finding[] {
  const registry = allParams()
  const file = join(config.directory, 'main.cf')
  const findings: Finding[] = []
  const names = new Set(config.settings.map((setting) => setting.name))
  const text = config.settings.map((setting) => setting.value).join(' ')
  for (const name of names) {
    const line = config.origin(name)?.line ?? 0
    if (registry.has(name) || new RegExp(`\\$[{(]?${name}\\b`).test(text)) continue
    if (postfixParameter(name) !== undefined) {
      findings.push({ severity: 'note', file, line, name, text: `${name} is Postfix's, and has no effect here yet` })
      continue
    }
    const right = nearest(name, registry.keys())
    findings.push({
      severity: 'warning',
      file,
      line,
      name,
      text: `${name} is no parameter: it has no effect`,
      ...(right !== undefined && { proposal: `${right} = ${config.raw(name) ?? ''}` }),
    })
  }
  for (const [name, spec] of registry) {
    try {
      config.bind({ [name]: spec })
    } catch (error) {
      findings.push({
        severity: 'error',
        file,
        line: config.origin(name)?.line ?? 0,
        name,
        text: error instanceof Error ? error.message : String(error),
      })
    }
  }
  if (config.value('smtpd_sasl_auth_enable') === 'yes' && config.value('smtpd_tls_auth_only') !== 'yes') {
    findings.push({
      severity: 'warning',
      file,
      line: config.origin('smtpd_sasl_auth_enable')?.line ?? 0,
      name: 'smtpd_tls_auth_only',
      text: 'passwords are taken without TLS, and can be read on the way',
      proposal: 'smtpd_tls_auth_only = yes',
    })
  }
  return findings
}

/** Ours and policy's, in the order of the file; where both speak of a name, policy knows more. */
export async function allFindings(config: Config): Promise<Finding[]> {
  const tables = createTables({
    directory: config.value('queue_directory') ?? '/',
    parameter: (name) => config.value(name),
  })
  const policy = await policyFindings({ config, tables })
  const told = new Set(policy.map((finding) => finding.name))
  const own = findingsOf(config).filter((finding) => !told.has(finding.name))
  return [...policy, ...own].toSorted((a, b) => (a.file === b.file ? a.line - b.line : a.file < b.file ? -1 : 1))
}
