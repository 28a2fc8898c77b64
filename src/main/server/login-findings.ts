/** What is set wrongly about log-ins by certificate and token: they are not offered then. */
import type { Config, Finding } from '../../io/config/mod.ts'
import { accountsParams, tokenSettings } from '../../mail/accounts/mod.ts'
import { LdapPasswords, TableError } from '../../io/tables/mod.ts'
import { tlsParams } from './tls-params.ts'

export function loginFindings(config: Config): Finding[] {
  const cf = config.bind(accountsParams)
  const at = (name: string): Pick<Finding, 'file' | 'line' | 'name'> => ({
    ...(config.origin(name) ?? config.origin('oauth_issuer') ?? { file: config.file, line: 0 }),
    name,
  })
  const findings: Finding[] = []
  const tokens = tokenSettings(cf)
  if (tokens !== undefined && 'fault' in tokens) {
    const { name, text } = tokens.fault
    findings.push({ severity: 'error', ...at(name), text: `${name} ${text}; no token logs in` })
  }
  const name = cf.login_clientcerts.length > 0 ? 'login_clientcerts' : 'login_clientcert_addresses'
  const isUsed = cf.login_clientcerts.length > 0 || cf.login_clientcert_addresses
  const asks = config.bind(tlsParams).smtpd_tls_ask_ccert
  if (isUsed && !asks && !config.master.some(({ overrides }) => overrides.has('smtpd_tls_ask_ccert'))) {
    const text = 'no client is asked for its certificate'
    findings.push({ severity: 'warning', ...at(name), text, proposal: 'smtpd_tls_ask_ccert = yes' })
  }
  return [...findings, ...directoryFindings(cf.ldap_passwords, at('ldap_passwords'))]
}

type Place = Pick<Finding, 'file' | 'line' | 'name'>

function directoryFindings(files: readonly string[], at: Place): Finding[] {
  return files.flatMap((file): Finding[] => {
    try {
      const { clearHosts } = new LdapPasswords(file)
      const text = `passwords go to ${clearHosts.join(' ')} in clear (${file}: start_tls = yes, or ldaps:)`
      return clearHosts.length === 0 ? [] : [{ severity: 'warning', ...at, text }]
    } catch (error) {
      if (!(error instanceof TableError)) throw error
      return [{ severity: 'error', ...at, text: `ldap_passwords: ${error.message}; its users cannot log in` }]
    }
  })
}
