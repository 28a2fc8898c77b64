/** Who else than the accounts knows who somebody is: as main.cf says. */
import type { Clock } from '#src/base/mod.ts'
import type { Config } from '../../io/config/mod.ts'
import { sendHttp } from '../../io/net/mod.ts'
import type { Tables } from '../../io/tables/mod.ts'
import {
  accountsParams,
  ClientCertificates,
  Directories,
  PasswordMaps,
  type SaslBackendOptions,
  TokenChecker,
  tokenSettings,
} from '../../mail/accounts/mod.ts'

export type LoginSources = Pick<SaslBackendOptions, 'maps' | 'directories' | 'certificates' | 'tokens'>

export interface LoginSourcesDeps {
  readonly tables: Pick<Tables, 'maps'>
  readonly clock: Clock
}

/** What is set wrongly is left out, and is not offered: `check` and the log tell of it (login-findings.ts). */
export function loginSources(config: Config, { tables, clock }: LoginSourcesDeps): LoginSources {
  const cf = config.bind(accountsParams)
  const { password_maps: names, login_clientcerts: listed, login_clientcert_addresses: byAddress } = cf
  const certificates = listed.length === 0 ? undefined : tables.maps(listed.join(' '))
  const tokens = tokenSettings(cf)
  return {
    ...(names.length > 0 && { maps: new PasswordMaps(tables.maps(names.join(' ')), cf.password_default_scheme) }),
    ...(cf.ldap_passwords.length > 0 && { directories: new Directories(cf.ldap_passwords) }),
    ...((certificates !== undefined || byAddress) && { certificates: new ClientCertificates(certificates, byAddress) }),
    ...(tokens !== undefined &&
      !('fault' in tokens) && { tokens: new TokenChecker(tokens, { send: sendHttp, clock }) }),
  }
}
