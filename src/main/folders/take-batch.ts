/** What the server wrote for an export: read whole, and gone. */
import { closeSync, readFileSync, unlinkSync } from 'node:fs'
import { join } from 'node:path'
import { openFile } from '../backup/copy.ts'
import type { ExportedMessage } from '../server/export-control.ts'
import { type Rights, withRights } from './rights.ts'

export interface BatchedMessage {
  readonly head: ExportedMessage
  readonly text: Buffer
}

/** With the rights of who owns the data: whatever it says, root neither reads nor removes another file. @param file as the answer names it */
export function takeBatch(dir: string, file: string, owner: Rights): BatchedMessage[] {
  const octets = withRights(owner, () => {
    const path = join(dir, file)
    const fd = openFile(path)
    try {
      return readFileSync(fd)
    } finally {
      closeSync(fd)
      unlinkSync(path)
    }
  })
  const end = octets.indexOf('\n')
  const { messages } = JSON.parse(octets.toString('utf8', 0, end)) as { messages: ExportedMessage[] } // export-control.ts wrote it
  let at = end + 1
  return messages.map((head) => {
    const text = octets.toString('latin1', at, (at += head.length)).replaceAll('\r\n', '\n')
    return { head, text: Buffer.from(text, 'latin1') }
  })
}
