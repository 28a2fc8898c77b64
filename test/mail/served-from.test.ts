/** What `start` and `check` say of where mail is served from, and where it really goes: the rows of docs/local-delivery.md. */
import assert from 'node:assert/strict'
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { servedFrom } from '#src/main/server/served-from.ts'
import { messagesIn, submit, until } from '../support/mailbox.ts'
import { startServer } from '../support/server.ts'
import { startSink } from '../support/sink.ts'
import { makeSystemUser, type SystemUser, withoutRoot } from '../support/system-user.ts'

interface Row {
  readonly name: string
  readonly mainCf: (user: SystemUser, dir: string, sink: string) => string
  /** Of the class that the mail is for. */
  readonly says: RegExp
  /** `user` of mydestination where it is not said. */
  readonly to?: string
  /** undefined: in the store. */
  readonly found?: (user: SystemUser, dir: string) => boolean
  readonly bySink?: true
}

const filesIn = (path: string): number => (existsSync(path) ? readdirSync(path).length : 0)
const LOCAL = /^mail\.example\.test, localhost: /
const VIRTUAL = 'virtual_mailbox_domains = v.example\nvirtual_mailbox_maps = inline:{ {x@v.example = box/} }\n'

const ROWS: readonly Row[] = [
  { name: 'nothing set', mainCf: () => '', says: /the store$/ },
  {
    name: 'home_mailbox',
    mainCf: () => 'home_mailbox = Maildir/\n',
    says: /~\/Maildir\/ of users \(home_mailbox\), not shown by IMAP and POP3; /,
    found: ({ home }) => filesIn(join(home, 'Maildir/new')) === 1,
  },
  {
    name: 'mail_spool_directory',
    mainCf: (_, dir) => `mail_spool_directory = ${dir}\n`,
    says: /\(mail_spool_directory\), not shown/,
    found: ({ name }, dir) => existsSync(join(dir, name)) && statSync(join(dir, name)).size > 0,
  },
  {
    name: 'mailbox_command',
    mainCf: () => 'mailbox_command = cat > "$HOME/commanded"\n',
    says: /users' commands \(mailbox_command\)/,
    found: ({ home }) => existsSync(join(home, 'commanded')) && statSync(join(home, 'commanded')).size > 0,
  },
  {
    name: 'mailbox_transport',
    mainCf: (_, dir, sink) => `mailbox_transport = ${sink}\n`,
    says: /lmtp:unix:.* \(mailbox_transport\); not shown/,
    bySink: true,
  },
  {
    name: 'virtual_transport',
    mainCf: (_, dir, sink) => `${VIRTUAL}virtual_transport = ${sink}\n`,
    says: /^v\.example: lmtp:unix:.* \(virtual_transport\); not shown/,
    to: 'x@v.example',
    bySink: true,
  },
  {
    name: 'virtual_mailbox_base',
    mainCf: ({ uid }, dir) =>
      `${VIRTUAL}virtual_mailbox_base = ${dir}\nvirtual_uid_maps = static:${uid}\nvirtual_gid_maps = static:${uid}\n`,
    says: /^v\.example: accounts: the store; other addresses: files below .* \(virtual_mailbox_maps\), not shown/,
    to: 'x@v.example',
    found: (_, dir) => filesIn(join(dir, 'box/new')) === 1,
  },
]

for (const row of ROWS)
  test(`it is said where mail goes: ${row.name}`, { skip: withoutRoot ?? false }, async (t) => {
    const user = makeSystemUser(t)
    const dir = mkdtempSync(join(tmpdir(), 'postigo-boxes-'))
    t.after(() => rmSync(dir, { recursive: true, force: true }))
    chownSync(dir, user.uid, user.uid)
    chmodSync(dir, 0o755)
    mkdirSync(join(dir, 'sink'))
    const sink = await startSink(t, { path: join(dir, 'sink/lmtp') })
    const mainCf = row.mainCf(user, dir, `lmtp:unix:${join(dir, 'sink/lmtp')}`)
    const server = await startServer(t, { mainCf: `lmtp_tls_security_level =\n${mainCf}` })
    const said = servedFrom(server.server.rooms.current.config)
    assert.ok(
      said.some((line) => (row.to !== undefined || LOCAL.test(line)) && row.says.test(line)),
      said.join('\n'),
    )
    const to = row.to ?? `${user.name}@mail.example.test`
    assert.equal(await submit(server, 'a@b.example', [to], 'Subject: x\n\nx\n'), 250)
    const { found } = row
    if (row.bySink === true) await until('the sink has it', () => sink.contents.length === 1)
    else if (found !== undefined) await until('the file is there', () => found(user, dir))
    const isInStore = row.bySink !== true && found === undefined
    assert.equal((await messagesIn(server, user.name)).length, isInStore ? 1 : 0)
  })
