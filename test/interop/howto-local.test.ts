/**
 * The how-to's rows about aliases and procmail, as typed: useradd, newaliases, a recipe, saslpasswd2, and the mail read by
 * IMAP and POP3 with curl.
 */
import assert from 'node:assert/strict'
import { chownSync, existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import type { CliIo, Command } from '#src/main/cli/io.ts'
import { openAccountsOf } from '#src/main/cli/open-accounts.ts'
import { newaliases } from '#src/main/cli/postalias.ts'
import { saslpasswd2Command } from '#src/main/cli/saslpasswd2.ts'
import { run } from '../support/client.ts'
import { submit, until } from '../support/mailbox.ts'
import { startServer, type TestServer } from '../support/server.ts'
import { makeSystemUser, withoutRoot } from '../support/system-user.ts'

const SKIP = { skip: withoutRoot ?? (existsSync('/usr/bin/procmail') ? false : 'needs procmail') }

async function type(dir: string, command: Command, argv: readonly string[], input = ''): Promise<void> {
  let said = ''
  const io: CliIo = {
    stdin: Readable.from([input]),
    out: () => {},
    err: (text) => (said += text),
    env: { MAIL_CONFIG: dir },
    cwd: dir,
    tty: false,
  }
  assert.equal(await command(argv, io), 0, said)
}

async function curl(server: TestServer, service: 'imap' | 'pop3', path: string, user: string): Promise<string> {
  const ran = await run('curl', ['-s', `${service}://127.0.0.1:${server.port(service)}/${path}`, '-u', `${user}:clave`])
  assert.equal(ran.code, 0, ran.err)
  return ran.out
}

test('root is a user without a shell, whose recipes sort the mail that IMAP and POP3 show', SKIP, async (t) => {
  const user = makeSystemUser(t) // useradd -s /bin/false
  const server = await startServer(t, {
    mainCf: `
alias_maps = hash:$config_directory/aliases
alias_database = hash:$config_directory/aliases
mailbox_command = /usr/bin/procmail
`,
    files: { aliases: `root: ${user.name}\nventas: root, ${user.name}\n` },
  })
  await type(server.dir, newaliases, [])
  mkdirSync(join(user.home, 'mail'))
  writeFileSync(
    join(user.home, '.procmailrc'),
    'MAILDIR=$HOME/mail\n:0:\n* ^Subject:.*lista\nlistas\n:0\n* ^Subject:.*archivo\narchivo/\n',
  )
  for (const path of ['mail', '.procmailrc']) chownSync(join(user.home, path), user.uid, user.uid)
  for (const [to, subject] of [
    ['root', 'una lista'],
    ['root@localhost', 'un archivo'],
    ['ventas', 'otra cosa'],
  ] as const) {
    const address = to.includes('@') ? to : `${to}@mail.example.test`
    assert.equal(await submit(server, 's@else.test', [address], `Subject: ${subject}\n\nhola\n`), 250)
  }
  await until(
    'all are told',
    () => (server.log().match(/status=sent \(delivered to command: \/usr\/bin\/procmail\)/g) ?? []).length === 3,
  )
  await type(server.dir, saslpasswd2Command(openAccountsOf), ['-c', '-p', user.name], 'clave\n')
  assert.match(
    await curl(server, 'imap', 'listas;MAILINDEX=1;SECTION=HEADER.FIELDS%20(SUBJECT)', user.name),
    /una lista/,
  )
  assert.match(
    await curl(server, 'imap', 'archivo;MAILINDEX=1;SECTION=HEADER.FIELDS%20(SUBJECT)', user.name),
    /un archivo/,
  )
  assert.match(
    await curl(server, 'imap', 'INBOX;MAILINDEX=1;SECTION=HEADER.FIELDS%20(SUBJECT)', user.name),
    /otra cosa/,
  )
  assert.match(await curl(server, 'imap', '', user.name), /"?archivo"?[^]*"?listas"?/)
  const inbox = await curl(server, 'pop3', '1', user.name)
  assert.match(inbox, /X-Original-To: ventas@mail.example.test\r\nDelivered-To: ventas@mail.example.test\r\n/)
  assert.equal((await curl(server, 'pop3', '', user.name)).trim().split('\n').length, 1)
})
