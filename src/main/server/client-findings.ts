/** What can be told about the SMTP and LMTP clients before anything runs. */
import type { Config, Finding } from '../../io/config/mod.ts'

export function clientFindings(config: Config): Finding[] {
  return ['smtp', 'lmtp'].flatMap((client): Finding[] => {
    const name = `${client}_sasl_type`
    const type = config.value(name) ?? 'cyrus'
    if (type === 'cyrus') return []
    const logsIn = config.value(`${client}_sasl_auth_enable`) === 'yes'
    const text = `there is no client for SASL of type ${type}${logsIn ? ': mail for other servers waits in the queue' : ''}`
    const at = config.origin(name) ?? { file: config.file, line: 0 }
    return [{ severity: logsIn ? 'error' : 'warning', ...at, name, text, proposal: `${name} = cyrus` }]
  })
}
