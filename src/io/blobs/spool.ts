/** Names of spool files: drafts too large for memory, before they are segments. */
import { join } from 'node:path'

export function spoolPath(dir: string, id: Buffer): string {
  return join(dir, `spool-${id.toString('hex')}`)
}

/** Left behind by a process that was killed: never acknowledged, so it goes. */
export function isSpool(name: string): boolean {
  return /^spool-[0-9a-f]{32}$/.test(name)
}
