/** Owners of mailboxes who read and take away whatever comes: half of them by POP3, half by IMAP. */
import type { Books } from './books.ts'
import { Gone, Lines, persist, sleep } from './lines.ts'

export interface Reading {
  readonly ports: { readonly imap: number; readonly pop3: number }
  readonly user: string
  readonly password: string
  readonly isOver: () => boolean
}

/** A mailbox is looked at so often. */
const EVERY_MS = 1000
/** Messages that are read at once. */
const AT_ONCE = 2000

const numberIn = (text: string): number | undefined => {
  const [, n] = /^Subject: soak (\d+)\./m.exec(text) ?? []
  return n === undefined ? undefined : Number(n)
}

/** What was taken away for certain, or perhaps. */
async function settle(books: Books, numbers: readonly number[], ends: () => Promise<boolean>): Promise<void> {
  try {
    if (await ends()) for (const n of numbers) books.arrived(n)
  } catch (error) {
    if (error instanceof Gone) for (const n of numbers) books.perhaps(n)
    throw error
  }
}

export async function readByPop3(books: Books, { ports, user, password, isOver }: Reading): Promise<void> {
  await persist(isOver, async () => {
    const lines = await Lines.open(ports.pop3)
    try {
      await lines.line()
      const ask = async (command: string): Promise<string> => {
        lines.say(`${command}\r\n`)
        return lines.line()
      }
      await ask(`USER ${user}`)
      if (!(await ask(`PASS ${password}`)).startsWith('+OK')) throw new Gone('not now')
      const count = Math.min(AT_ONCE, Number((await ask('STAT')).split(' ')[1]))
      const numbers: number[] = []
      for (let i = 1; i <= count; i++) {
        await ask(`RETR ${i}`)
        const n = numberIn(await lines.through('\r\n.\r\n'))
        if (n !== undefined) numbers.push(n)
      }
      lines.say(Array.from({ length: count }, (_, i) => `DELE ${i + 1}\r\n`).join(''))
      for (let i = 1; i <= count; i++) await lines.line()
      await settle(books, numbers, async () => (await ask('QUIT')).startsWith('+OK'))
    } finally {
      lines.close()
    }
    await sleep(EVERY_MS)
  })
}

export async function readByImap(books: Books, { ports, user, password, isOver }: Reading): Promise<void> {
  await persist(isOver, async () => {
    const lines = await Lines.open(ports.imap)
    try {
      await lines.line()
      const ask = imap(lines)
      if (!(await ask(`LOGIN ${user} ${password}`)).ok) throw new Gone('not now')
      while (!isOver()) {
        const { text } = await ask('SELECT INBOX')
        const count = Math.min(AT_ONCE, Number(/\* (\d+) EXISTS/.exec(text)?.[1] ?? 0))
        if (count > 0) {
          const read = await ask(`FETCH 1:${count} (UID BODY.PEEK[HEADER.FIELDS (SUBJECT)] BODY.PEEK[TEXT])`)
          const numbers = read.text.split('\r\n* ').flatMap((part) => numberIn(part) ?? [])
          // On a full disk nothing is marked, and EXPUNGE then has nothing to do.
          const isMarked = (await ask(`STORE 1:${count} +FLAGS.SILENT (\\Deleted \\Seen)`)).ok
          if (isMarked) await settle(books, numbers, async () => (await ask('EXPUNGE')).ok)
        }
        await sleep(EVERY_MS)
      }
    } finally {
      lines.close()
    }
  })
}

/** Commands with tags of their own; answers all up to the tagged line. */
export function imap(lines: Lines): (command: string) => Promise<{ readonly ok: boolean; readonly text: string }> {
  let tags = 0
  return async (command) => {
    const tag = `t${++tags}`
    lines.say(`${tag} ${command}\r\n`)
    const parts: string[] = []
    for (;;) {
      const line = await lines.line()
      if (line.startsWith(`${tag} `)) return { ok: line.startsWith(`${tag} OK`), text: parts.join('\r\n') }
      if (line.startsWith('* BYE')) throw new Gone(line)
      parts.push(line)
    }
  }
}
