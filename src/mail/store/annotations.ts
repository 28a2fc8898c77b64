/**
 * Annotations: what clients note of a mailbox, or of the server. RFC 5464. Rows of `annotation`; mailbox 0 is the server.
 * A removed one stays as a row without a value, so that other sessions are told; the oldest of these go.
 */
import type { Reader, Tx } from '../../io/db/mod.ts'
import type { AccountId } from '../accounts/mod.ts'
import { nextModSeq } from './account-state.ts'
import { announce, type StoreContext } from './context.ts'
import type { Annotation, AnnotationChange, AnnotationNews, AnnotationsSet, MailboxId, Refusal } from './contract.ts'
import { emptyTally, mailboxByName, tallyChange } from './mailbox-rows.ts'
import { canonicalName } from './names.ts'
import { SHARED_SEEN_ENTRY } from './private-seen.ts'
import { provision } from './provision.ts'
import { setSpecialUse, type UseChange } from './special-use.ts'

/** Annotations of the server belong to no mailbox. */
const SERVER: MailboxId = 0

/** Removed ones of a mailbox that are remembered. */
const REMOVED_KEPT = 100

const PRIVATE = '/private'
const SPECIAL_USE = '/private/specialuse'

/** undefined: no such mailbox. `''` is the server. */
function placeOf(reader: Reader, account: AccountId, name: string): MailboxId | undefined {
  return name === '' ? SERVER : mailboxByName(reader, account, canonicalName(name))?.id
}

const isPrivate = (entry: string): boolean => entry.toLowerCase().startsWith(`${PRIVATE}/`)

/** Whose an entry is that `who` names; 0: everybody's. */
const ownerOf = (who: AccountId, entry: string): number => (isPrivate(entry) ? who : 0)

/** @param who whose private ones */
export function annotationsOf(
  reader: Reader,
  account: AccountId,
  name: string,
  who: AccountId,
): Annotation[] | undefined {
  const mailbox = placeOf(reader, account, name)
  if (mailbox === undefined) return undefined
  return reader
    .sql(
      `SELECT entry, value FROM annotation
       WHERE account = ? AND mailbox = ? AND owner IN (0, ?) AND value IS NOT NULL ORDER BY entry`,
    )
    .all(account, mailbox, who)
    .map(([entry, value]) => ({ entry: String(entry), value: Buffer.from(value as Uint8Array) })) // not NULL, a BLOB
}

/** The value of one entry, in any letter case; undefined where there is none. */
export function annotationValue(reader: Reader, account: AccountId, name: string, entry: string): Buffer | undefined {
  const mailbox = placeOf(reader, account, name)
  if (mailbox === undefined) return undefined
  const row = reader
    .sql(
      `SELECT value FROM annotation
       WHERE account = ? AND mailbox = ? AND owner = ? AND entry = ? AND value IS NOT NULL`,
    )
    .get(account, mailbox, ownerOf(account, entry), entry)
  return row && Buffer.from(row[0] as Uint8Array) // not NULL, a BLOB
}

/** All of them or none. */
export async function setAnnotations(
  ctx: StoreContext,
  account: AccountId,
  name: string,
  changes: readonly AnnotationChange[],
  who: AccountId,
): Promise<AnnotationsSet | Refusal> {
  const { annotation_size_limit: sizeLimit } = ctx.settings
  if (changes.some(({ value }) => value !== undefined && value.length > sizeLimit))
    return { refused: `METADATA MAXSIZE ${sizeLimit}`, text: 'The value is too large' }
  return ctx.db.write((tx) => {
    provision(ctx, tx, account)
    const mailbox = placeOf(tx, account, name)
    if (mailbox === undefined) return { refused: 'NONEXISTENT', text: 'No such mailbox' } as const
    const use = changes.findLast(isSpecialUse)
    if (use !== undefined && who !== account)
      return { refused: 'CANNOT', text: 'A special use is given by the owner of a mailbox' } as const
    const theirs = who === account ? [] : changes.filter(({ entry }) => isPrivate(entry))
    const own = changes.filter((change) => !theirs.includes(change))
    const refused =
      tooMany(ctx, tx, account, mailbox, own) ?? tooManyOf(ctx, tx, { account, mailbox, owner: who }, theirs)
    if (refused !== undefined) return refused
    const modSeq = nextModSeq(tx, account)
    const used = use && mailbox !== SERVER ? moveUse(tx, account, mailbox, use, modSeq) : undefined
    if (used !== undefined && 'refused' in used) return used
    for (const change of changes)
      if (mailbox === SERVER || !isSpecialUse(change))
        write(tx, { account, mailbox, owner: ownerOf(who, change.entry) }, change, modSeq)
    if (changes.some(({ entry }) => entry.toLowerCase() === SHARED_SEEN_ENTRY))
      tallyChange(tx, mailbox, 'changed', emptyTally(), modSeq) // to all who read the mailbox: seenTurnedAt
    forgetRemoved(tx, account, mailbox)
    announce(ctx, tx, account)
    return { modSeq, usedBefore: used?.from?.name }
  })
}

const isSpecialUse = ({ entry }: AnnotationChange): boolean => entry.toLowerCase() === SPECIAL_USE

/** The use is a column of the mailbox; rows without a value are there for the news alone. */
function moveUse(
  tx: Tx,
  account: AccountId,
  mailbox: MailboxId,
  { value }: AnnotationChange,
  modSeq: number,
): UseChange | Refusal {
  const change = setSpecialUse(tx, account, mailbox, value)
  if ('refused' in change) return change
  for (const id of change.from === undefined ? [mailbox] : [mailbox, change.from.id])
    tx.sql(
      `INSERT INTO annotation (account, mailbox, owner, entry, value, mod_seq) VALUES (?, ?, ?, ?, NULL, ?)
       ON CONFLICT DO UPDATE SET mod_seq = excluded.mod_seq`,
    ).run(account, id, account, SPECIAL_USE, modSeq)
  return change
}

function tooMany(
  ctx: StoreContext,
  tx: Tx,
  account: AccountId,
  mailbox: MailboxId,
  changes: readonly AnnotationChange[],
): Refusal | undefined {
  const rows = tx
    .sql('SELECT mailbox, entry FROM annotation WHERE account = ? AND owner IN (0, ?) AND value IS NOT NULL')
    .all(account, account)
    .map(([where, entry]) => [Number(where), String(entry).toLowerCase()] as const)
  const here = new Set(rows.filter(([where]) => where === mailbox).map(([, entry]) => entry))
  const elsewhere = rows.length - here.size
  const before = here.size
  apply(
    here,
    changes.filter((change) => mailbox === SERVER || !isSpecialUse(change)),
  )
  // What makes them fewer is never refused, also where the limit was lowered.
  if (here.size <= before) return undefined
  const { mailbox_annotation_limit: most, account_annotation_limit: mostInAll } = ctx.settings
  if (here.size <= most && here.size + elsewhere <= mostInAll) return undefined
  return TOO_MANY
}

const TOO_MANY: Refusal = { refused: 'METADATA TOOMANY', text: 'Too many annotations' }

/** What readers of a mailbox note for themselves takes nothing from its owner. */
function tooManyOf(
  ctx: StoreContext,
  tx: Tx,
  { account, mailbox, owner }: Place,
  changes: readonly AnnotationChange[],
): Refusal | undefined {
  const rows = tx
    .sql('SELECT entry FROM annotation WHERE account = ? AND mailbox = ? AND owner = ? AND value IS NOT NULL')
    .all(account, mailbox, owner)
  const here = new Set(rows.map(([entry]) => String(entry).toLowerCase()))
  apply(here, changes)
  return here.size > rows.length && here.size > ctx.settings.mailbox_annotation_limit ? TOO_MANY : undefined
}

function apply(entries: Set<string>, changes: readonly AnnotationChange[]): void {
  for (const { entry, value } of changes)
    if (value === undefined) entries.delete(entry.toLowerCase())
    else entries.add(entry.toLowerCase())
}

interface Place {
  readonly account: AccountId
  readonly mailbox: MailboxId
  readonly owner: number
}

function write(tx: Tx, place: Place, { entry, value }: AnnotationChange, modSeq: number): void {
  const { account, mailbox, owner } = place
  if (value === undefined)
    tx.sql(
      'UPDATE annotation SET value = NULL, mod_seq = ? WHERE account = ? AND mailbox = ? AND owner = ? AND entry = ? AND value IS NOT NULL',
    ).run(modSeq, account, mailbox, owner, entry)
  else
    tx.sql(
      `INSERT INTO annotation (account, mailbox, owner, entry, value, mod_seq) VALUES (?, ?, ?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET value = excluded.value, mod_seq = excluded.mod_seq`,
    ).run(account, mailbox, owner, entry, value, modSeq)
}

/** The entry of shared \Seen stays, for MODSEQs never go back: seenTurnedAt. */
function forgetRemoved(tx: Tx, account: AccountId, mailbox: MailboxId): void {
  tx.sql(
    `DELETE FROM annotation WHERE account = ?1 AND mailbox = ?2 AND value IS NULL AND entry <> ?4 AND mod_seq <=
       (SELECT mod_seq FROM annotation WHERE account = ?1 AND mailbox = ?2 AND value IS NULL
        ORDER BY mod_seq DESC LIMIT 1 OFFSET ?3)`,
  ).run(account, mailbox, REMOVED_KEPT, SHARED_SEEN_ENTRY)
}

/** MODSEQ of the newest change to an account's annotations. */
export function annotationModSeq(reader: Reader, account: AccountId): number {
  return Number(reader.sql('SELECT max(mod_seq) FROM annotation WHERE account = ?').get(account)?.[0] ?? 0)
}

/** What was set or removed after a MODSEQ, oldest first. */
export function annotationsSince(reader: Reader, account: AccountId, modSeq: number): AnnotationNews[] {
  return reader
    .sql(
      `SELECT a.mod_seq, a.mailbox, m.name, a.entry FROM annotation a LEFT JOIN mailbox m ON m.id = a.mailbox
       WHERE a.account = ? AND a.mod_seq > ? AND a.owner IN (0, ?) ORDER BY a.mod_seq, a.mailbox, a.entry`,
    )
    .all(account, modSeq, account)
    .flatMap(([at, mailbox, name, entry]) =>
      mailbox === SERVER || name !== null
        ? [{ modSeq: Number(at), mailbox: mailbox === SERVER ? '' : String(name), entry: String(entry) }]
        : [],
    )
}

/** Of a mailbox that is deleted: one that gets its name later has none of them. */
export function removeAnnotations(tx: Tx, account: AccountId, mailbox: MailboxId): void {
  tx.sql('DELETE FROM annotation WHERE account = ? AND mailbox = ?').run(account, mailbox)
}

/** Those of the server too, and what the account noted of mailboxes of others. */
export function removeAllAnnotations(tx: Tx, account: AccountId): void {
  tx.sql('DELETE FROM annotation WHERE account = ? OR owner = ?').run(account, account)
}

/** RFC 5464 §4.1: INBOX that is renamed keeps its annotations, and the new mailbox has them too. */
export function copyAnnotations(tx: Tx, account: AccountId, from: MailboxId, to: MailboxId): void {
  tx.sql(
    `INSERT INTO annotation (account, mailbox, owner, entry, value, mod_seq)
       SELECT account, ?, owner, entry, value, mod_seq FROM annotation
       WHERE account = ? AND mailbox = ? AND owner IN (0, ?) AND value IS NOT NULL ON CONFLICT DO NOTHING`,
  ).run(to, account, from, account)
}
