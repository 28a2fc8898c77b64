/** What main.cf and master.cf name that the server may ask for: certificates and keys, groups of commands. */
import { spoolGroup } from '../../mail/delivery/local/spool.ts'
import { type Config, loadConfig, makeRegistry, splitList } from '../../io/config/mod.ts'
import { mainParams } from '../server/params.ts'

/** `smtpd_tls_key_file`, `smtp_tls_CAfile`, `smtpd_tls_chain_files` … */
const FILE_PARAMETER = /^(smtpd|smtp|lmtp)_tls_(\w*_)?(file|CAfile|files)$/

/** The configuration, as far as the launcher knows it: it loads no room that it does not need. */
export function launcherConfig(directory: string): Config {
  return loadConfig(directory, makeRegistry(mainParams))
}

/** Absolute paths of TLS files, as the configuration is now. */
export function configuredFiles(directory: string): ReadonlySet<string> {
  return tlsFiles(launcherConfig(directory))
}

export function tlsFiles(config: Config): ReadonlySet<string> {
  const set = config.settings.map(({ name }) => name).filter((name) => FILE_PARAMETER.test(name))
  const values = set.map((name) => config.value(name) ?? '')
  const overrides = config.master.flatMap((service) => {
    const own = config.with(service.overrides)
    return [...service.overrides.keys()]
      .filter((name) => FILE_PARAMETER.test(name))
      .map((name) => own.value(name) ?? '')
  })
  return new Set([...values, ...overrides].flatMap((value) => splitList(value)).filter((word) => word.startsWith('/')))
}

/** Names behind the colon of `user=name:group` in pipe(8) entries. */
export function configuredGroups(directory: string): readonly string[] {
  const words = launcherConfig(directory).master.flatMap((service) => service.args)
  return words.flatMap((word) => /^user=[^:]+:(.+)$/.exec(word)?.[1] ?? [])
}

/** The group that may write the mail spool, where main.cf has mail kept there: lock files are made with its rights. */
export function spoolGroupOf(directory: string): number | undefined {
  const config = launcherConfig(directory)
  const set = config.value('mail_spool_directory')
  const copies = config.value('mail_spool_copy') === 'yes'
  const isUsed = (config.raw('mail_spool_directory') ?? '') !== '' || copies
  return isUsed ? spoolGroup(set === undefined || set === '' ? '/var/mail' : set) : undefined
}
