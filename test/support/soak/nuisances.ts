/** Clients that are in the way: they dribble, read slowly, or wait in IDLE. */
import { imap } from './readers.ts'
import { Gone, Lines, persist, sleep } from './lines.ts'

export interface Nuisance {
  readonly ports: { readonly smtp: number; readonly imap: number }
  readonly user: string
  readonly password: string
  readonly isOver: () => boolean
}

const DRIBBLE_MS = 200
const SLOW_READ_MS = 300

/** A command an octet at a time, and never a whole message. */
export async function dribble({ ports, isOver }: Nuisance): Promise<void> {
  await persist(isOver, async () => {
    const lines = await Lines.open(ports.smtp)
    try {
      await lines.line()
      for (const octet of 'EHLO slow.test\r\nMAIL FROM:<slow@else.test>\r\nRCPT TO:<big@mail.example.test>\r\nDATA\r\nSubject: never whole\r\n') {
        if (isOver()) return
        lines.say(octet)
        await sleep(DRIBBLE_MS)
      }
    } finally {
      lines.close()
    }
  })
}

/** Asks for a whole mailbox, and hardly takes it. */
export async function readSlowly({ ports, user, password, isOver }: Nuisance): Promise<void> {
  await persist(isOver, async () => {
    const lines = await Lines.open(ports.imap)
    try {
      await lines.line()
      const ask = imap(lines)
      if (!(await ask(`LOGIN ${user} ${password}`)).ok) throw new Gone('not now')
      await ask('EXAMINE INBOX')
      let isDone = false
      const reading = ask('FETCH 1:* (UID BODY.PEEK[])').finally(() => (isDone = true))
      reading.catch(() => {})
      while (!isDone && !isOver()) {
        lines.pause(true)
        await sleep(SLOW_READ_MS)
        lines.pause(false)
        await sleep(1)
      }
      if (isDone) await reading
    } finally {
      lines.close()
    }
  })
}

const IDLE_MS = 20_000

export async function idle({ ports, user, password, isOver }: Nuisance): Promise<void> {
  await persist(isOver, async () => {
    const lines = await Lines.open(ports.imap)
    try {
      await lines.line()
      const ask = imap(lines)
      if (!(await ask(`LOGIN ${user} ${password}`)).ok) throw new Gone('not now')
      await ask('EXAMINE INBOX')
      while (!isOver()) {
        lines.say('i IDLE\r\n')
        for (const end = Date.now() + IDLE_MS; Date.now() < end && !isOver();) await sleep(500)
        lines.say('DONE\r\n')
        while (!(await lines.line()).startsWith('i '));
      }
    } finally {
      lines.close()
    }
  })
}
