/** Debian's Postfix on a directory of the test's own, on one free port; stopped and gone when the test ends. */
import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { userByName } from '#src/main/launcher/system.ts'
import { BIN } from './checkout.ts'
import { until } from './mailbox.ts'
import { freePort } from './ports.ts'

const MASTER = '/usr/share/postfix/master.cf.dist'

/** Why there is none; undefined: there is. */
export const withoutPostfix =
  process.getuid?.() === 0 && existsSync(MASTER)
    ? undefined
    : 'Postfix is not installed (npm run setup:test), or this is not root'

export interface OwnPostfix {
  /** Of main.cf and master.cf. */
  readonly etc: string
  readonly spool: string
  start(): Promise<void>
  stop(): Promise<void>
  sendmail(words: readonly string[], message: string): void
  /** Standard output of a command of Postfix's. */
  run(command: string, words: readonly string[]): string
}

export async function ownPostfix(t: TestContext, mainCf = ''): Promise<OwnPostfix> {
  const dir = mkdtempSync(join(tmpdir(), 'postigo-postfix-'))
  const [etc = '', spool = '', data = ''] = ['etc', 'spool', 'data'].map((name) => join(dir, name))
  for (const path of [etc, spool, data]) mkdirSync(path)
  for (const path of [dir, etc, spool]) chmodSync(path, 0o755)
  const owner = await userByName('postfix')
  if (owner !== undefined) chownSync(data, owner.uid, owner.gid)
  writeFileSync(
    join(etc, 'main.cf'),
    `compatibility_level = 3.6\nqueue_directory = ${spool}\ndata_directory = ${data}\nmyhostname = mail.example.test\n` +
      'mydestination = $myhostname\ninet_interfaces = 127.0.0.1\ninet_protocols = ipv4\nalias_maps =\nalias_database =\n' +
      `maillog_file = ${dir}/maillog\nmaillog_file_prefixes = ${tmpdir()}\nmailbox_services =\n${mainCf}`,
  )
  // Nothing in a chroot, and one port.
  const master = readFileSync(MASTER, 'latin1')
    .replace(/^smtp +inet.*$/m, `127.0.0.1:${await freePort()} inet n - n - - smtpd`)
    .replaceAll(/^(\w+ +unix +[-yn] +[-yn] +)[-y]( )/gm, '$1n$2')
  writeFileSync(join(etc, 'master.cf'), master)
  const run = (command: string, words: readonly string[], input = ''): string => {
    const ran = spawnSync(command, words, { input, encoding: 'latin1' })
    if (ran.status !== 0) throw new Error(`${command} ${words.join(' ')}: ${ran.stderr}`)
    return ran.stdout
  }
  const isRunning = (): boolean => {
    const pid = statSync(join(spool, 'pid/master.pid'), { throwIfNoEntry: false })
    return pid !== undefined && spawnSync('postfix', ['-c', etc, 'status']).status === 0
  }
  const stop = async (): Promise<void> => {
    if (isRunning()) spawnSync('postfix', ['-c', etc, 'stop'])
    await until('Postfix has stopped', () => !isRunning())
  }
  t.after(async () => {
    spawnSync(BIN, ['stop', '-c', etc]) // who has taken its place, while the directory is there
    await stop()
    rmSync(dir, { recursive: true, force: true })
  })
  return {
    etc,
    spool,
    async start() {
      spawnSync('postfix', ['-c', etc, 'start'])
      await until('Postfix runs', isRunning)
    },
    stop,
    sendmail: (words, message) => void run('sendmail', ['-C', etc, ...words], message),
    run: (command, words) => run(command, ['-c', etc, ...words]),
  }
}
