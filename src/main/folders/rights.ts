/** Root touches what a user could have made only with that user's rights: a link there leads nowhere that the user may not go. */
import { lstatSync } from 'node:fs'

export interface Rights {
  readonly uid: number
  readonly gid: number
}

/** Those of who owns a path, or the link that it is. Throws where there is nothing. */
export function ownerOf(path: string): Rights {
  const { uid, gid } = lstatSync(path)
  return { uid, gid }
}

/** Does `work` as somebody. It must not wait: the whole process changes for so long. */
export function withRights<T>({ uid, gid }: Rights, work: () => T): T {
  if (process.getuid?.() !== 0 || uid === 0) return work()
  const groups = process.getgroups?.() ?? []
  const own = process.getegid?.() ?? 0
  process.setgroups?.([gid])
  process.setegid?.(gid)
  process.seteuid?.(uid)
  try {
    return work()
  } finally {
    process.seteuid?.(0)
    process.setegid?.(own)
    process.setgroups?.(groups)
  }
}
