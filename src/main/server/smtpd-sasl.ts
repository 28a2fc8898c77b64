/** Who checks passwords for a listener of smtpd: the accounts here, or Dovecot (smtpd_sasl_type). */
import { resolve } from 'node:path'
import { publish } from '#src/base/mod.ts'
import { selectMechanisms, SaslUnavailable, usableMechanisms } from '../../formats/sasl/mod.ts'
import type { Config } from '../../io/config/mod.ts'
import { availableMechanisms, createSaslBackend, DovecotAuth } from '../../mail/accounts/mod.ts'
import type { PolicyWarning } from '../../mail/policy/mod.ts'
import { type SmtpdDeps, smtpdParams } from '../../services/smtpd/mod.ts'
import { mainParams } from './params.ts'
import type { Rooms } from './rooms.ts'

type Sasl = Pick<SmtpdDeps, 'startExchange' | 'backend' | 'mechanisms' | 'noMechanism' | 'realm' | 'unfiltered'>

/** The application whose conf file of Cyrus SASL counts: for IMAP and POP3 also where SMTP asks Dovecot. */
export function saslApplication(config: Config): string {
  const { smtpd_sasl_type, smtpd_sasl_path } = config.bind(mainParams)
  return smtpd_sasl_type === 'cyrus' ? smtpd_sasl_path : 'smtpd'
}

export function smtpdSasl(rooms: Rooms, config: Config): Sasl {
  const { accounts, sasl: conf, loginSources } = rooms.current
  const cf = config.bind(smtpdParams)
  const sources = { conf, ...loginSources }
  const backend = createSaslBackend(accounts, { service: cf.smtpd_sasl_service, scope: 'smtp', ...sources })
  const options = (tls: boolean): readonly string[] =>
    tls ? cf.smtpd_sasl_tls_security_options : cf.smtpd_sasl_security_options
  if (config.bind(mainParams).smtpd_sasl_type === 'dovecot') return { backend, ...fromDovecot(config, options) }
  const available = availableMechanisms(accounts, sources)
  const select = (tls: boolean): readonly string[] =>
    selectMechanisms({ available, mechList: conf.mechList, securityOptions: options(tls) })
  const [plain, overTls] = [select(false), select(true)]
  const realm = config.bind(mainParams).smtpd_sasl_local_domain
  const mechanisms: Sasl['mechanisms'] = (channel) => usableMechanisms(channel.secured ? overTls : plain, channel)
  // Postfix's default hides EXTERNAL, which it cannot do; here it is there only where main.cf says whom certificates mean.
  const unfiltered = config.raw('smtpd_sasl_mechanism_filter') === undefined ? ['EXTERNAL'] : []
  return { backend, startExchange: rooms.startExchange, mechanisms, realm, unfiltered }
}

function fromDovecot(config: Config, options: (tls: boolean) => readonly string[]): Omit<Sasl, 'backend'> {
  const { smtpd_sasl_path, queue_directory } = config.bind(mainParams)
  const isInet = smtpd_sasl_path.startsWith('inet:')
  const server = new DovecotAuth(
    isInet ? smtpd_sasl_path : resolve(queue_directory, smtpd_sasl_path.replace(/^unix:/, '')),
  )
  return {
    noMechanism: 'Invalid authentication mechanism',
    startExchange: (mechanism, _, exchange) => server.start(mechanism, exchange),
    async mechanisms({ secured }) {
      try {
        return await server.mechanisms(options(secured))
      } catch (error) {
        if (!(error instanceof SaslUnavailable)) throw error
        publish<PolicyWarning>({
          event: 'policy.warning',
          text: `SASL: Connect to ${smtpd_sasl_path} failed: ${error.message}`,
        })
        return []
      }
    },
  }
}
