/** `postigo check`: what is wrong with a configuration, with file and line. */
import { parseArgs } from 'node:util'
import { ConfigError } from '../../io/config/mod.ts'
import { AccountError, readSaslConf, saslSearchPath } from '../../mail/accounts/mod.ts'
import { listenersOf } from '../server/listeners.ts'
import { mainParams } from '../server/params.ts'
import { readConfig } from '../server/rooms.ts'
import { allFindings } from '../server/findings.ts'
import { type Command, configDirectory, EX } from './io.ts'

export const check: Command = async (argv, io) => {
  const { values } = parseArgs({
    args: [...argv],
    options: { config: { type: 'string', short: 'c' }, json: { type: 'boolean' } },
  })
  const directory = configDirectory(values.config, io)
  try {
    const config = readConfig({ directory })
    listenersOf(config, config.bind(mainParams).mailbox_services)
    const sasl = readSaslConf(config.value('smtpd_sasl_path') ?? 'smtpd', saslSearchPath(directory))
    const findings = [...(await allFindings(config)), ...sasl.findings]
    if (values.json === true) io.out(`${JSON.stringify(findings, undefined, 2)}\n`)
    else {
      for (const { severity, file, line, text, proposal } of findings) {
        io.out(
          `${file}${line > 0 ? `, line ${line}` : ''}: ${severity}: ${text}\n${proposal === undefined ? '' : `    write: ${proposal}\n`}`,
        )
      }
      if (findings.length === 0) io.out('nothing to complain about\n')
    }
    return findings.some((finding) => finding.severity === 'error') ? EX.config : EX.ok
  } catch (error) {
    if (!(error instanceof ConfigError) && !(error instanceof AccountError) && !(error instanceof Error)) throw error
    io.err(`postigo check: ${error.message}\n`)
    return EX.config
  }
}
