/** The servers that the mailbox benchmarks drive: Postigo, and Debian's Dovecot where it is installed. */
import { MAIN_CF } from '../main-cf.ts'
import { startOurs } from '../ours.ts'
import { type DovecotFormat, startDovecot } from './dovecot.ts'

export interface MailServer {
  readonly name: string
  /** All of its processes are below this one. */
  readonly pid: number
  readonly ports: { readonly imap: number; readonly imaps: number; readonly pop3: number }
  /** Logs in to the first account's mailboxes for filling them: nothing of that is measured, and need not be durable. */
  readonly filler: string
  /** As if nobody had looked at the mailboxes for long: what the server keeps to be quick is dropped. */
  forget(): Promise<void>
  stop(): Promise<void>
}

/** Both know these accounts. */
export const USERS = ['bench1', 'bench2'] as const
export const PASSWORD = 'secret'

const OWN_MAIN_CF = `${MAIN_CF}message_size_limit = 209715200
mailbox_services = imap, imaps, pop3
`

export async function startPostigo(): Promise<MailServer> {
  const ours = await startOurs(OWN_MAIN_CF)
  const { imap = 0, imaps = 0, pop3 = 0 } = ours.ports
  return {
    name: 'postigo',
    pid: ours.pid,
    filler: USERS[0],
    ports: { imap, imaps, pop3 },
    async forget() {
      const { problem } = await ours.ask<{ problem?: string }>('forget')
      if (problem !== undefined) throw new Error(problem)
    },
    stop: () => ours.stop(),
  }
}

/** How Dovecot stores mail in this run: `--dovecot=sdbox` (the default), `maildir`, `mdbox`. */
function formatWanted(): DovecotFormat {
  const wanted = process.argv.find((arg) => arg.startsWith('--dovecot='))?.slice('--dovecot='.length) ?? 'sdbox'
  if (wanted === 'sdbox' || wanted === 'maildir' || wanted === 'mdbox') return wanted
  throw new Error(`--dovecot=${wanted}: sdbox, maildir or mdbox`)
}

/** Dovecot; says so where it is not installed. */
export async function startOtherServer(): Promise<MailServer | undefined> {
  const dovecot = await startDovecot(formatWanted())
  if (dovecot === undefined)
    console.log(
      'Dovecot is not measured: it is not installed, or this is not root (apt-get install dovecot-imapd dovecot-pop3d)',
    )
  return dovecot
}

/** All there are. */
export async function startServers(): Promise<MailServer[]> {
  const dovecot = await startOtherServer()
  try {
    const postigo = await startPostigo()
    return dovecot === undefined ? [postigo] : [postigo, dovecot]
  } catch (error) {
    await dovecot?.stop()
    throw error
  }
}
