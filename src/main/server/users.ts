/** Who of the system's users may do what. */
import type { Config } from '../../io/config/mod.ts'
import type { Tables } from '../../io/tables/mod.ts'
import { userById } from '../../mail/delivery/mod.ts'

/** authorized_submit_users and its like: a list of user names. Postfix calls a user without name `unknown`. */
export async function isAuthorized(
  { config, tables }: { readonly config: Config; readonly tables: Pick<Tables, 'matchDomain'> },
  parameter: 'authorized_submit_users' | 'authorized_mailq_users' | 'authorized_flush_users',
  uid: number,
): Promise<boolean> {
  const text = config.value(parameter) ?? 'static:anyone'
  const list = tables.matchDomain(text, { parentDomains: false, parameter })
  return (await list((await userById(uid))?.name ?? 'unknown')) !== undefined
}
