/**
 * The one entrance: `postigo COMMAND …`, or by the name it was called under (`postmap`, `saslpasswd2` …).
 * Commands are loaded when asked for, so that each starts quickly.
 */
import { enableCompileCache } from 'node:module'
import { join } from 'node:path'
import type { OpenStore } from './accounts-port.ts'
import { type Command, EX, processIo } from './io.ts'

// Beside the code, where only who may change that may write: in a directory of everybody's another user could put code.
enableCompileCache(join(import.meta.dirname, '..', '..', '..', 'node_modules', '.cache', 'compile'))

const accountsPort = async (): Promise<OpenStore> => (await import('./open-accounts.ts')).openAccountsOf

interface Entry {
  readonly load: () => Promise<Command>
  readonly summary: string
  /** The words after the command, where the command does not print a usage of its own. */
  readonly words?: string
}

const commands: Readonly<Record<string, Entry>> = {
  start: {
    load: async () => (await import('./start.ts')).start,
    summary: 'start the server on a configuration directory (-c DIR)',
  },
  stop: {
    load: async () => (await import('./lifecycle.ts')).stop,
    summary: 'stop it; what is in progress is finished first',
    words: '[-c DIR]',
  },
  restart: {
    load: async () => (await import('./lifecycle.ts')).restart,
    summary: 'stop, then start',
    words: '[-c DIR] [--port-offset N]',
  },
  reload: {
    load: async () => (await import('./lifecycle.ts')).reload,
    summary: 'take up a changed configuration; connections stay',
    words: '[-c DIR]',
  },
  status: {
    load: async () => (await import('./lifecycle.ts')).status,
    summary: 'services, connections, queue, mailboxes, memory (--json)',
    words: '[-c DIR] [--json]',
  },
  logrotate: {
    load: async () => (await import('./logrotate.ts')).logrotate,
    summary: 'put maillog_file aside and begin a new one, as `postfix logrotate` does',
    words: '[-c DIR]',
  },
  check: {
    load: async () => (await import('./check.ts')).check,
    summary: 'say what is wrong with a configuration, and what to write (--fix)',
  },
  simulate: {
    load: async () => (await import('./simulate.ts')).simulateCommand,
    summary: 'what would become of a session and its mail, and why; nothing is sent',
  },
  why: {
    load: async () => (await import('./why.ts')).why,
    summary: 'why mail was refused, or where it went: by queue id, address or client',
  },
  trial: {
    load: async () => (await import('./trial.ts')).trial,
    summary: 'a whole server in ./trial with one account, to try',
  },
  init: {
    load: async () => (await import('./init.ts')).init,
    summary: 'write a main.cf and a master.cf with strong values where there are none',
  },
  account: {
    load: async () => (await import('./account.ts')).accountCommand(await accountsPort()),
    summary: 'accounts: passwords, application passwords, second factor, quotas, log-ins',
  },
  bans: {
    load: async () => (await import('./bans.ts')).bansCommand((await import('./open-accounts.ts')).openAccountsOf),
    summary: 'networks that may not log in for a while: list, add, remove',
  },
  domain: {
    load: async () => (await import('./domain.ts')).domainCommand(await accountsPort()),
    summary: 'add, list, remove domains',
  },
  mailbox: {
    load: async () => (await import('./mailbox.ts')).mailbox,
    summary: 'import and export mboxes and Maildirs; undelete; shared mailboxes, and who may do what with one',
  },
  takeover: {
    load: async () => (await import('./takeover.ts')).takeover,
    summary: "take Postfix's place on this machine: sendmail and friends, systemd unit (--dry-run)",
  },
  giveback: {
    load: async () => (await import('./takeover.ts')).giveback,
    summary: 'undo that, and give the queue back to Postfix',
  },
  service: {
    load: async () => (await import('./service.ts')).service,
    summary: 'on|off imap, imaps, pop3, pop3s',
    words: 'on|off|list [imap|imaps|pop3|pop3s] [-c DIR]',
  },
  certificate: {
    load: async () => (await import('./certificate.ts')).certificate,
    summary: 'what certificates are shown and until when; get one by ACME now (renew)',
  },
  'tls-report': {
    load: async () => (await import('./tls-report.ts')).tlsReport,
    summary: 'how TLS to other servers went, by day and domain',
  },
  'search-index': {
    load: async () => (await import('./search-index.ts')).searchIndex,
    summary: 'how much of the mail is indexed for SEARCH; make the index anew',
  },
  verify: {
    load: async () => (await import('./verify.ts')).verify,
    summary: 'read all mail there is and say what is damaged, beside a running server too',
  },
  repair: {
    load: async () => (await import('./repair.ts')).repair,
    summary: 'put a damaged database together anew, of what is left, the last snapshot and the message log (--dry-run)',
  },
  backup: {
    load: async () => (await import('./backup.ts')).backup,
    summary: 'a backup of everything while mail flows: only what is new is copied; --verify, --list',
  },
  restore: {
    load: async () => (await import('./restore.ts')).restore,
    summary: 'what a backup has comes back: everything (--all), or mail of an account, a mailbox, one message',
  },
  postconf: { load: async () => (await import('./postconf.ts')).postconf, summary: "Postfix's postconf(1)" },
  postmap: {
    load: async () => (await import('./postmap.ts')).postmap,
    summary: "Postfix's postmap(1): index and ask lookup tables",
  },
  postalias: { load: async () => (await import('./postalias.ts')).postalias, summary: "Postfix's postalias(1)" },
  newaliases: {
    load: async () => (await import('./postalias.ts')).newaliases,
    summary: 'index the alias tables of main.cf',
    words: '[-c DIR]',
  },
  queue: {
    load: async () => (await import('./queue.ts')).queue,
    summary: 'how much waits, how old, for whom, and why (--json)',
    words: '[-c DIR] [--json] [--limit N] | import | export …',
  },
  postqueue: {
    load: async () => (await import('./postqueue.ts')).postqueue,
    summary: "Postfix's postqueue(1): list the queue, send waiting mail",
  },
  mailq: { load: async () => (await import('./postqueue.ts')).mailq, summary: 'list the queue' },
  postsuper: {
    load: async () => (await import('./postsuper.ts')).postsuper,
    summary: "Postfix's postsuper(1): delete, hold, release, requeue, expire",
  },
  postcat: {
    load: async () => (await import('./postcat.ts')).postcat,
    summary: "Postfix's postcat(1): a message of the queue",
  },
  deliver: {
    load: async () => (await import('./deliver.ts')).deliver,
    summary: 'put a message from standard input into a mailbox, for scripts (LDA)',
    words: '[-c DIR] [-d ACCOUNT] [-m MAILBOX] [-f SENDER] < MESSAGE',
  },
  sendmail: {
    load: async () => (await import('./sendmail.ts')).sendmail,
    summary: "Postfix's sendmail(1): mail of this machine's programs",
  },
  saslpasswd2: {
    load: async () => (await import('./saslpasswd2.ts')).saslpasswd2Command(await accountsPort()),
    summary: "Cyrus SASL's saslpasswd2(8): set a password",
  },
  sasldblistusers2: {
    load: async () => (await import('./sasldblistusers2.ts')).sasldblistusers2Command(await accountsPort()),
    summary: 'list the accounts that can authenticate',
  },
  postfix: {
    load: async () => (await import('./lifecycle.ts')).postfix,
    summary: "start, stop, reload, status, check, logrotate with Postfix's words",
  },
}

const aliases: Readonly<Record<string, string>> = { saslpasswd: 'saslpasswd2', sasldblistusers: 'sasldblistusers2' }

function usage(): string {
  const width = Math.max(...Object.keys(commands).map((name) => name.length))
  const lines = Object.entries(commands).map(([name, entry]) => `  ${name.padEnd(width)}  ${entry.summary}`)
  return `usage: postigo COMMAND [options]\n\n${lines.join('\n')}\n\nEach command has --help. Without -c DIR the directory is $MAIL_CONFIG, else /etc/postfix.\n`
}

async function main(argv: readonly string[]): Promise<number> {
  const calledAs = process.env['POSTIGO_CALLED_AS'] ?? 'postigo'
  const words = calledAs === 'postigo' ? argv : [calledAs, ...argv]
  const [name = '', ...rest] = words
  if (name === '' || name === 'help' || name === '--help' || name === '-h') {
    processIo.out(usage())
    return name === '' ? EX.usage : EX.ok
  }
  if (name === '--version' || name === 'version') {
    const { version } = await import('../version.ts')
    processIo.out(`postigo ${version}\n`)
    return EX.ok
  }
  const entry = commands[aliases[name] ?? name]
  if (entry === undefined) {
    processIo.err(`postigo: unknown command: ${name}\n\n${usage()}`)
    return EX.usage
  }
  if (entry.words !== undefined && (rest[0] === '--help' || rest[0] === '-h')) {
    processIo.out(`usage: postigo ${name} ${entry.words}\n\n${entry.summary}\n`)
    return EX.ok
  }
  const command = await entry.load()
  return command(rest, processIo)
}

// `postigo … | head` closes the pipe early: that is no failure of ours.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(EX.ok)
  throw error
})

try {
  process.exitCode = await main(process.argv.slice(2))
} catch (error) {
  processIo.err(`postigo: ${error instanceof Error ? error.message : String(error)}\n`)
  if (process.env['POSTIGO_DEBUG'] !== undefined && error instanceof Error) processIo.err(`${error.stack}\n`)
  const usage = error instanceof Error && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS')
  process.exitCode = usage ? EX.usage : EX.software
}
