/**
 * The mechanism INTERNAL: a token is an HMAC of the URL under the mailbox's key. RFC 4467 §2.4.1, §6.
 * The key itself is made of what the database holds and of the credential key beside it, so that neither alone is enough.
 */
import { createHmac, timingSafeEqual } from 'node:crypto'
import type { Clock } from '#src/base/mod.ts'
import { type AuthUrl, parseAuthUrl, type UrlAccess } from '../../formats/imap/mod.ts'
import type { AccountId, Accounts } from '../../mail/accounts/mod.ts'
import type { Store } from '../../mail/store/mod.ts'
import { pieceOf, type UrlPiece } from './message-url.ts'
import type { Session } from './session.ts'

export const INTERNAL = 'INTERNAL'

/** RFC 4467 §8: URLMECH is said to those alone whom nobody overhears. */
export const saysUrlMech = ({ connection }: Session): boolean => connection.tls !== undefined

/** In front of each token: how it was made (§2.4.1). */
const ALGORITHM = '01'

export function tokenOf(accounts: Pick<Accounts, 'urlKey'>, account: AccountId, key: Buffer, rump: string): string {
  return ALGORITHM + createHmac('sha256', accounts.urlKey(account, key)).update(rump).digest('hex')
}

/** The octets that a URL gives this session, whatever mailbox it has selected; undefined where it gives none. */
export function redeem(session: Session, text: string): Promise<UrlPiece | undefined> {
  return redeemUrl(session.deps, text, (access) => mayUse(session, access))
}

/** Where URLs are looked up. */
export interface UrlSource {
  readonly store: Store
  readonly accounts: Pick<Accounts, 'find' | 'urlKey'>
  readonly clock: Clock
}

/** For the submission server of the same host: what URLs give to whoever has logged in there (RFC 4468 §3.3). */
export function submissionUrls(source: UrlSource): (url: string, username: string) => Promise<UrlPiece | undefined> {
  const { accounts } = source
  return (url, username) =>
    redeemUrl(source, url, (access) => {
      const me = accounts.find(username)?.id
      return me !== undefined && (!('user' in access) || accounts.find(access.user)?.id === me)
    })
}

async function redeemUrl(
  source: UrlSource,
  text: string,
  mayUseIt: (access: UrlAccess) => boolean,
): Promise<UrlPiece | undefined> {
  const { accounts, clock, store } = source
  const url = parseAuthUrl(text)
  const owner = url === undefined ? undefined : accounts.find(url.user)
  if (url === undefined || owner === undefined || owner.disabled) return undefined
  const isProven = isGenuine(source, owner.id, url)
  const isInTime = url.expireMs === undefined || clock.now() < url.expireMs
  if (!isProven || !isInTime || !mayUseIt(url.access)) return undefined
  return pieceOf(store, owner.id, url.message, owner.id)
}

/** §6: in a time that does not depend on where it is wrong. */
function isGenuine({ accounts, store }: UrlSource, account: AccountId, { message, proof, rump }: AuthUrl): boolean {
  const key = store.urlKey(account, message.mailbox)
  const token = Buffer.from(tokenOf(accounts, account, key ?? Buffer.alloc(0), rump))
  const given = Buffer.from(proof?.token ?? '')
  const isSame = given.length === token.length && timingSafeEqual(given, token)
  return isSame && key !== undefined && proof?.mechanism === INTERNAL
}

function mayUse({ deps, owner }: Session, access: UrlAccess): boolean {
  const isMe = (name: string): boolean => deps.accounts.find(name)?.id === owner
  switch (access.access) {
    case 'user':
      return isMe(access.user)
    case 'submit':
      // On behalf of somebody: who that is, the submission server has found out.
      return deps.cf.imapd_submit_users.some(isMe)
    case 'authuser':
    case 'anonymous':
      return true
    default:
      return access satisfies never
  }
}
