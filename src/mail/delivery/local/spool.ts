/** The mail spool of a machine: a file or Maildir for each user. */
import { statSync } from 'node:fs'

/** `/var/mail/user`; ending in `/` where the spool has Maildirs. */
export function spoolFile(spool: string, user: string): string {
  return spool.endsWith('/') ? `${spool}${user}/` : `${spool}/${user}`
}

/** A spool that its group may write, as Debian's: mail is the user's, lock files are made with the group's rights. */
export function spoolGroup(spool: string): number | undefined {
  const found = statSync(spool, { throwIfNoEntry: false })
  return found !== undefined && (found.mode & 0o002) === 0 && (found.mode & 0o020) !== 0 ? found.gid : undefined
}
