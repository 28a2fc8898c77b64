/** The program itself in a process of its own, as a user starts it. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { BIN } from './checkout.ts'
import { run, type Ran } from './client.ts'
import { freeOffset } from './ports.ts'

/** A server alone on loopback addresses, all of it below its configuration directory. */
export const MAIN_CF = `
compatibility_level = 3.6
myhostname = mail.example.test
mydestination = $myhostname
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
data_directory = $config_directory/data
queue_directory = $config_directory
maillog_file = $config_directory/mail.log
alias_maps =
alias_database =
mailbox_services = imap
`

/** Of smtp, lmtp, submission, submissions, imap and pop3. */
const PORTS = [24, 25, 110, 143, 465, 587]

/** What a test's context is good for here. */
export interface After {
  after(work: () => unknown): void
}

export interface Installation {
  readonly dir: string
  readonly offset: number
  /** What its main.cf says. */
  readonly mainCf: string
  /** `postigo WORDS -c DIR`. */
  readonly postigo: (words: readonly string[], input?: string) => Promise<Ran>
  /** A file of the directory, which the server may read. */
  readonly write: (name: string, text: string) => void
  /** A server in the foreground; resolves when it is ready. */
  readonly foreground: () => Promise<ChildProcess>
}

export async function install(t: After, mainCf = ''): Promise<Installation> {
  const dir = mkdtempSync(join(tmpdir(), 'postigo-process-'))
  chmodSync(dir, 0o755) // as root the server runs as mail_owner
  writeFileSync(join(dir, 'main.cf'), MAIN_CF + mainCf)
  const offset = await freeOffset(PORTS)
  const running = new Set<ChildProcess>()
  const postigo = (words: readonly string[], input = ''): Promise<Ran> => run(BIN, [...words, '-c', dir], { input })
  t.after(async () => {
    await postigo(['stop'])
    for (const child of running) if (child.exitCode === null) child.kill('SIGKILL')
    rmSync(dir, { recursive: true, force: true })
  })
  return {
    dir,
    offset,
    mainCf: MAIN_CF + mainCf,
    postigo,
    write: (name, text) => writeFileSync(join(dir, name), text),
    async foreground() {
      const child = spawn(BIN, ['start', '--foreground', '--port-offset', String(offset), '-c', dir], {
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      running.add(child)
      let said = ''
      for await (const chunk of child.stdout) if ((said += String(chunk)).includes('ready\n')) return child
      throw new Error(`the server ended before it was ready: ${said}`)
    },
  }
}

/** Ends a process at once, and waits until it is gone. */
export async function kill(child: ChildProcess): Promise<void> {
  const gone = once(child, 'exit')
  child.kill('SIGKILL')
  await gone
}
