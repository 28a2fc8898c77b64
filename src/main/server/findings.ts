/** What can be told about a configuration before anything runs. */
import { type Config, configFindings, type Finding } from '../../io/config/mod.ts'
import { createTables, tableFindings } from '../../io/tables/mod.ts'
import { transportFault } from '../../mail/delivery/mod.ts'
import { contentFindings } from '../../mail/intake/mod.ts'
import { policyFindings } from '../../mail/policy/mod.ts'
import { acmeFindings } from '../certificates/findings.ts'
import { SMTP_SERVERS } from './listeners.ts'
import { allParams } from '../registry.ts'
import { clientFindings } from './client-findings.ts'
import { clientTlsFindings } from './client-tls-findings.ts'
import { loginFindings } from './login-findings.ts'
import { tlsFindings } from './tls-findings.ts'

/** All rooms' findings, in the order of the files; where policy speaks of a name too, it knows more of it. */
export async function allFindings(config: Config): Promise<Finding[]> {
  const directory = config.value('queue_directory') ?? '/'
  const tables = createTables({
    directory,
    types: { accounts: () => ({ fixed: true, get: () => undefined }) }, // the configuration is looked at, not who there is
    parameter: (name) => config.value(name),
  })
  const policy = await policyFindings({ config, tables })
  tables.close()
  const told = new Set(policy.map((finding) => finding.name))
  const own = configFindings(config, allParams()).filter((f) => f.proposal === undefined || !told.has(f.name))
  const all = [
    ...policy,
    ...own,
    ...tableFindings(config, directory),
    ...tlsFindings(config),
    ...acmeFindings(config),
    ...clientFindings(config),
    ...loginFindings(config),
    ...clientTlsFindings(config),
    ...masterFindings(config),
    ...contentFindings(config, directory),
  ]
  const seen = new Set<string>()
  return all
    .filter((f) => {
      const key = `${f.file}:${f.line}:${f.text}`
      return !seen.has(key) && seen.add(key)
    })
    .toSorted((a, b) => (a.file === b.file ? a.line - b.line : a.file < b.file ? -1 : 1))
}

/** Postfix's own programs that no service of ours needs: what they do is done in the server. */
const OWN_PROGRAMS = new Set(
  (
    'anvil bounce cleanup discard dnsblog error flush lmtp local nqmgr oqmgr pickup pipe postlogd proxymap qmgr scache ' +
    'showq smtp smtpd tlsmgr tlsproxy trivial-rewrite verify virtual'
  ).split(' '),
)

/** Services of master.cf that are not started, or by something else. */
function masterFindings(config: Config): Finding[] {
  return config.master.flatMap((service): Finding[] => {
    const { name, type, command, origin } = service
    const fault = type === 'unix' ? transportFault(service) : undefined
    if (fault === undefined && (type === 'inet' ? SMTP_SERVERS.includes(command) : OWN_PROGRAMS.has(command))) return []
    const text =
      fault === undefined
        ? `${name}/${type} is not started: there is no ${command} here`
        : `${name}: ${fault}: mail for it waits in the queue`
    return [{ severity: 'warning', ...origin, name: `${name}/${type}`, text }]
  })
}
