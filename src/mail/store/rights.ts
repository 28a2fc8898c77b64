/**
 * Who may do what with a mailbox: access control lists. RFC 4314. Rows of `mailbox_right`, found by mailbox, and by grantee for
 * what is shared with somebody. The owner of a mailbox has all rights unless a row of their own says less, and always `l`
 * and `a`: nobody locks himself out.
 */
import { ALL_RIGHTS, joinRights, type Rights, type RightsChange, withoutRights } from '../../formats/imap/mod.ts'
import type { Reader, SqlValue, Tx } from '../../io/db/mod.ts'
import type { AccountId } from '../accounts/mod.ts'
import { announce, type StoreContext } from './context.ts'
import type { Grant, Grantee, MailboxId, Refusal, SharedMailbox } from './contract.ts'
import { mailboxById, mailboxByName, type MailboxRow } from './mailbox-rows.ts'
import { canonicalName } from './names.ts'
import { mailboxObjectId } from './object-ids.ts'

/** The account whose mailboxes are nobody's: shared ones. Accounts of users begin with 1. */
export const SHARED_ACCOUNT: AccountId = 0

/** Grantees that are no account. Whoever is here has logged in, so both mean everybody. */
export const ANYONE: Grantee = -1
export const AUTHENTICATED: Grantee = -2

const OWNER_RIGHTS: Rights = 'la'

const OF_MAILBOX = 'SELECT grantee, negative, rights FROM mailbox_right WHERE mailbox = ?'
const HAS_LIST = 'SELECT 1 FROM mailbox_right WHERE mailbox = ? LIMIT 1'
const LOOK = `SELECT id, EXISTS (SELECT 1 FROM mailbox_right WHERE mailbox = mailbox.id)
  FROM mailbox WHERE account = ? AND name = ?`
const FOR_ONE = `${OF_MAILBOX} AND grantee IN (?, ${ANYONE}, ${AUTHENTICATED})`

/** What `who` may do with a mailbox. Owners ask often, and most of their mailboxes have no list. */
export function rightsOn(reader: Reader, { id, account }: Pick<MailboxRow, 'id' | 'account'>, who: AccountId): Rights {
  const hasNone = who === account && reader.sql(HAS_LIST).get(id) === undefined
  return hasNone ? ALL_RIGHTS : listedRights(reader, { id, account }, who)
}

function listedRights(reader: Reader, { id, account }: Pick<MailboxRow, 'id' | 'account'>, who: AccountId): Rights {
  return effective(reader.sql(FOR_ONE).all(id, who).map(grantOf), account, who)
}

/** The same by name; undefined: no such mailbox. */
export function rightsByName(reader: Reader, account: AccountId, name: string, who: AccountId): Rights | undefined {
  const row = reader.sql(LOOK).get(account, name)
  if (row === undefined) return undefined
  return who === account && row[1] === 0 ? ALL_RIGHTS : listedRights(reader, { id: Number(row[0]), account }, who)
}

/** The same of one that was there; undefined: it was deleted, and its list with it. */
export function rightsById(
  reader: Reader,
  { mailbox, account }: { readonly mailbox: MailboxId; readonly account: AccountId },
  who: AccountId,
): Rights | undefined {
  const rights = rightsOn(reader, { id: mailbox, account }, who)
  return rights.includes('r') || mailboxById(reader, mailbox)?.name !== undefined ? rights : undefined
}

function effective(grants: readonly Grant[], owner: AccountId, who: AccountId): Rights {
  const isOwner = who === owner
  const [first] = grants
  if (grants.length === 1 && first?.negative === false && !isOwner) return first.rights // as most are
  const has = (negative: boolean): readonly Grant[] => grants.filter((grant) => grant.negative === negative)
  const own = !isOwner || has(false).some(({ grantee }) => grantee === who) ? '' : ALL_RIGHTS
  const granted = joinRights(own, ...has(false).map(({ rights }) => rights))
  const left = withoutRights(granted, joinRights(...has(true).map(({ rights }) => rights)))
  return isOwner ? joinRights(left, OWNER_RIGHTS) : left
}

/** Rights that a grantee has in any case. */
export function requiredRights(owner: AccountId, grantee: Grantee): Rights {
  return grantee === owner ? OWNER_RIGHTS : ''
}

/** The whole list, the owner first. */
export function grantsOf(reader: Reader, { id, account }: MailboxRow): Grant[] {
  const grants = reader.sql(`${OF_MAILBOX} ORDER BY negative, grantee`).all(id).map(grantOf)
  const isOwners = ({ grantee, negative }: Grant): boolean => grantee === account && !negative
  if (account === SHARED_ACCOUNT) return grants
  const rights = joinRights(grants.find(isOwners)?.rights ?? ALL_RIGHTS, OWNER_RIGHTS)
  return [{ grantee: account, negative: false, rights }, ...grants.filter((grant) => !isOwners(grant))]
}

function grantOf(row: SqlValue[]): Grant {
  return { grantee: Number(row[0]), negative: row[1] !== 0, rights: String(row[2]) }
}

/** @param change undefined: the entry goes, and with it what the owner took from himself */
export function changeGrant(
  ctx: StoreContext,
  account: AccountId,
  name: string,
  whom: Pick<Grant, 'grantee' | 'negative'>,
  change: RightsChange | undefined,
): Promise<undefined | Refusal> {
  return ctx.db.write((tx) => {
    const row = mailboxByName(tx, account, canonicalName(name))
    if (row === undefined) return { refused: 'NONEXISTENT', text: 'No such mailbox' } as const
    const rights = change && changed(tx, row, whom, change)
    const isOwners = whom.grantee === account && !whom.negative
    if (rights === undefined || (rights === '' && !isOwners)) removeGrant(tx, row.id, whom)
    else {
      const refused = tooMany(ctx, tx, row.id, whom)
      if (refused !== undefined) return refused
      putGrant(tx, row.id, { ...whom, rights })
    }
    announce(ctx, tx, account)
    // Who is told of what others share looks at it.
    if (whom.grantee > 0 && whom.grantee !== account) announce(ctx, tx, whom.grantee)
    return undefined
  })
}

function changed(
  tx: Tx,
  { id, account }: MailboxRow,
  { grantee, negative }: Pick<Grant, 'grantee' | 'negative'>,
  { operation, rights }: RightsChange,
): Rights {
  const before = tx
    .sql(`${OF_MAILBOX} AND grantee = ? AND negative = ?`)
    .all(id, grantee, negative ? 1 : 0)
    .map(grantOf)[0]?.rights
  const had = before ?? (grantee === account && !negative ? ALL_RIGHTS : '')
  if (operation === 'add') return joinRights(had, rights)
  return operation === 'remove' ? withoutRights(had, rights) : rights
}

function tooMany(
  { settings }: StoreContext,
  tx: Tx,
  mailbox: MailboxId,
  { grantee, negative }: Pick<Grant, 'grantee' | 'negative'>,
): Refusal | undefined {
  const others = tx
    .sql('SELECT count(*) FROM mailbox_right WHERE mailbox = ? AND NOT (grantee = ? AND negative = ?)')
    .get(mailbox, grantee, negative ? 1 : 0)
  const limit = settings.mailbox_rights_limit
  return Number(others?.[0]) < limit
    ? undefined
    : { refused: 'LIMIT', text: `The list of a mailbox has at most ${limit} identifiers` }
}

function putGrant(tx: Tx, mailbox: MailboxId, { grantee, negative, rights }: Grant): void {
  tx.sql(
    `INSERT INTO mailbox_right (mailbox, grantee, negative, rights) VALUES (?, ?, ?, ?)
     ON CONFLICT DO UPDATE SET rights = excluded.rights`,
  ).run(mailbox, grantee, negative ? 1 : 0, rights)
}

function removeGrant(tx: Tx, mailbox: MailboxId, { grantee, negative }: Pick<Grant, 'grantee' | 'negative'>): void {
  tx.sql('DELETE FROM mailbox_right WHERE mailbox = ? AND grantee = ? AND negative = ?').run(
    mailbox,
    grantee,
    negative ? 1 : 0,
  )
}

/** RFC 4314 §4: a new mailbox begins with the list of the one above it. */
export function inheritRights(tx: Tx, from: MailboxId, to: MailboxId): void {
  tx.sql(
    `INSERT INTO mailbox_right (mailbox, grantee, negative, rights)
       SELECT ?, grantee, negative, rights FROM mailbox_right WHERE mailbox = ? ON CONFLICT DO NOTHING`,
  ).run(to, from)
}

/** Of a mailbox that is deleted. */
export function removeRights(tx: Tx, mailbox: MailboxId): void {
  tx.sql('DELETE FROM mailbox_right WHERE mailbox = ?').run(mailbox)
}

/** What an account was granted, wherever that was. */
export function removeGrantsTo(tx: Tx, account: AccountId): void {
  tx.sql('DELETE FROM mailbox_right WHERE grantee = ?').run(account)
}

const GRANTED = `SELECT m.id, m.account, m.name, m.selectable, m.uid_validity, max(m.highest_mod_seq, coalesce(
    (SELECT max(max_mod_seq) FROM mailbox_seen s WHERE s.mailbox = m.id AND s.account = ?1), 0)), r.grantee, r.negative, r.rights
  FROM mailbox_right r JOIN mailbox m ON m.id = r.mailbox
  WHERE r.grantee IN (?1, ${ANYONE}, ${AUTHENTICATED}) AND m.name IS NOT NULL`
const SHARED_WITH = `${GRANTED} AND m.account <> ?1 ORDER BY m.account, m.name`
const OWN_LISTED = `${GRANTED} AND m.account = ?1`

/** Mailboxes of others on which an account has some right. Looks at what was granted to it alone. */
export function sharedWith(reader: Reader, who: AccountId): SharedMailbox[] {
  return grantedTo(reader, SHARED_WITH, who).filter(({ rights }) => rights !== '')
}

/** What an account may do with its own mailboxes, where their lists say something of it; all with the others. */
export function ownRights(reader: Reader, who: AccountId): ReadonlyMap<MailboxId, Rights> {
  return new Map(grantedTo(reader, OWN_LISTED, who).map(({ id, rights }) => [id, rights]))
}

function grantedTo(reader: Reader, sql: string, who: AccountId): SharedMailbox[] {
  const found = new Map<MailboxId, { shared: SharedMailbox; grants: Grant[] }>()
  for (const row of reader.sql(sql).all(who)) {
    const id = Number(row[0])
    const known = found.get(id)
    const grant = grantOf(row.slice(6))
    if (known !== undefined) known.grants.push(grant)
    else found.set(id, { shared: sharedOf(row), grants: [grant] })
  }
  return [...found.values()].map(({ shared, grants }) => ({
    ...shared,
    rights: effective(grants, shared.account, who),
  }))
}

function sharedOf(row: SqlValue[]): SharedMailbox {
  const [id = 0, account = 0] = row.slice(0, 2).map(Number)
  const objectId = mailboxObjectId(id, Number(row[4]))
  return { id, account, objectId, name: String(row[2]), selectable: row[3] !== 0, rights: '', modSeq: Number(row[5]) }
}
