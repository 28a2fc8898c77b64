/** What folders there are below a path, and what mailboxes they become. */
import { lstatSync, readdirSync, statSync, type Stats } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { decodeMailbox } from '../../formats/imap/mod.ts'
import { textOf } from './read-maildir.ts'

export interface Folder {
  readonly kind: 'mbox' | 'maildir'
  readonly path: string
  readonly mailbox: string
}

export interface Found {
  readonly folders: readonly Folder[]
  /** Names of mailboxes; undefined where the other server kept no list. */
  readonly subscribed: readonly string[] | undefined
}

/** Names that an mbox with new mail has. */
const INBOX_NAMES = /^(?:inbox|mbox)$/i
/** What programs leave beside mboxes and Maildirs: lock files, indexes, lists. */
const NO_FOLDER =
  /^\.|\.(?:lock|msf|cache|index|log|sbd)$|^dovecot|^courier|^(?:subscriptions|maildirsize|maildirfolder)$/
const DEPTH_LIMIT = 32

/** To be called with the rights of the path's owner. Throws where there is nothing. */
export function findFolders(path: string, problem: (text: string) => void): Found {
  const stat = statSync(path)
  if (isMaildir(path)) return { folders: maildirs(path, problem), subscribed: maildirSubscriptions(path, problem) }
  if (stat.isDirectory()) {
    const folders = below(path, '', problem, 0)
    return { folders, subscribed: mboxSubscriptions(path, problem) }
  }
  if (!stat.isFile()) throw new Error('it is neither a file nor a directory')
  return { folders: [{ kind: 'mbox', path, mailbox: 'INBOX' }], subscribed: undefined }
}

function isMaildir(path: string): boolean {
  return ['cur', 'new'].every((sub) => statOf(join(path, sub))?.isDirectory() === true)
}

function statOf(path: string): Stats | undefined {
  try {
    return lstatSync(path)
  } catch {
    return undefined
  }
}

/** Maildir++ (`.Sent.2024`), and Dovecot's LAYOUT=fs (`Sent/2024`). */
function maildirs(root: string, problem: (text: string) => void): Folder[] {
  const folders: Folder[] = [{ kind: 'maildir', path: root, mailbox: 'INBOX' }]
  for (const name of readdirSync(root).toSorted()) {
    const path = join(root, name)
    if (!name.startsWith('.') || !isMaildir(path)) continue
    const mailbox = named(name.slice(1).split('.'), path, problem)
    if (mailbox !== undefined) folders.push({ kind: 'maildir', path, mailbox })
  }
  const inner = readdirSync(root).filter((name) => !['cur', 'new', 'tmp'].includes(name) && !NO_FOLDER.test(name))
  for (const name of inner)
    if (statOf(join(root, name))?.isDirectory() === true) folders.push(...below(join(root, name), name, problem, 1))
  return folders
}

/** mboxes and Maildirs of a directory, at any depth. */
function below(path: string, prefix: string, problem: (text: string) => void, depth: number): Folder[] {
  if (depth > DEPTH_LIMIT) return []
  const folders: Folder[] = []
  if (isMaildir(path)) {
    const mailbox = named(prefix.split('/'), path, problem)
    if (mailbox !== undefined) folders.push({ kind: 'maildir', path, mailbox })
  }
  for (const name of readdirSync(path).toSorted()) {
    if (NO_FOLDER.test(name) || ['cur', 'new', 'tmp'].includes(name)) continue
    const inner = join(path, name)
    const stat = statOf(inner)
    const full = prefix === '' ? name : `${prefix}/${name}`
    if (stat?.isDirectory() === true) folders.push(...below(inner, full, problem, depth + 1))
    else if (stat?.isFile() === true) {
      const mailbox = INBOX_NAMES.test(full) ? 'INBOX' : named(full.split('/'), inner, problem)
      if (mailbox !== undefined) folders.push({ kind: 'mbox', path: inner, mailbox })
    } else problem(`${inner}: it is neither a file nor a directory; left`)
  }
  return folders
}

/** Names on disk are in modified UTF-7, or in UTF-8; a `/` within a level cannot be. */
function named(levels: readonly string[], path: string, problem: (text: string) => void): string | undefined {
  try {
    return levels.map((level) => decodeMailbox(level).replaceAll('/', '_')).join('/')
  } catch {
    problem(`${path}: its name is not a mailbox name; left`)
    return undefined
  }
}

/** Dovecot's `subscriptions` (with `V\t2` the levels are parted by tabs), Courier's `courierimapsubscribed`. */
function maildirSubscriptions(root: string, problem: (text: string) => void): readonly string[] | undefined {
  const own = textOf(join(root, 'subscriptions'))
  const courier = textOf(join(root, 'courierimapsubscribed'))
  const lines = (own ?? courier)?.split('\n').filter((line) => line !== '')
  if (lines === undefined) return undefined
  const isNew = lines[0]?.startsWith('V\t2') === true
  return (isNew ? lines.slice(1) : lines).flatMap((line) => {
    const levels = isNew ? line.split('\t') : line.split(/[./]/)
    const from = !isNew && levels.length > 1 && levels[0] === 'INBOX' ? 1 : 0
    return named(levels.slice(from), `${root}: subscription ${line}`, problem) ?? []
  })
}

/** UW-IMAP's `.mailboxlist` lies in the home, with names from there on; Dovecot's `.subscriptions` among the folders. */
function mboxSubscriptions(path: string, problem: (text: string) => void): readonly string[] | undefined {
  const inHome = textOf(join(dirname(path), '.mailboxlist'))
  const text = textOf(join(path, '.mailboxlist')) ?? textOf(join(path, '.subscriptions')) ?? inHome
  const prefix = `${basename(path)}/`
  return text
    ?.split('\n')
    .map((line) => line.replace(/\r$/, ''))
    .filter((line) => line !== '' && !line.includes('\t'))
    .flatMap((line) => {
      const name = line.replace(/^~?\//, '')
      const own = name.startsWith(prefix) ? name.slice(prefix.length) : name
      return named(own.split('/'), `subscription ${line}`, problem) ?? []
    })
}
