/** An account that sends more than it may: the rest is held, people are told, and a command lets it go. */
import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import { accountCommand } from '#src/main/cli/account.ts'
import { openAccountsOf } from '#src/main/cli/open-accounts.ts'
import { startServer } from '../support/server.ts'
import { transcript } from '../support/transcript.ts'

const plain = Buffer.from('\0ana\0secret').toString('base64')

/** The dialogue of messages to one recipient each. */
function messages(...each: readonly (readonly [to: string, reply: string])[]): string {
  const one = ([to, reply]: readonly [string, string]): string => `
    C: MAIL FROM:<ana@mail.example.test>
    S: 250 2.1.0 Ok
    C: RCPT TO:<${to}@mail.example.test>
    S: 250 2.1.5 Ok
    C: DATA
    S: 354 …
    C: Subject: to ${to}
    C:
    C: .
    S: ${reply}`
  return `
    S: 220 …
    C: HELO client.example
    S: 250 …
    C: AUTH PLAIN ${plain}
    S: 235 2.7.0 Authentication successful${each.map(one).join('')}
  `
}

test('what is over the limit is held, told and let go', async (t) => {
  const mainCf =
    'account_hourly_message_limit = 2\naccount_sending_limit_exceptions = root\nerror_notice_recipient = boss\nnotify_classes =\n'
  const server = await startServer(t, { accounts: ['ana', 'eva', 'boss'], mainCf })
  /** As the server that runs now has it. */
  const mailOf = (name: string): number => {
    const { current, db } = server.server.rooms
    const id = current.accounts.find(name)?.id ?? 0
    return Number(db.read.sql('SELECT total(messages) FROM mailbox WHERE account = ?').get(id)?.[0])
  }
  const until = async (name: string, count: number): Promise<void> => {
    for (let n = 0; n < 200 && mailOf(name) < count; n++) await new Promise((wake) => setTimeout(wake, 25))
    assert.equal(mailOf(name), count, name)
  }
  const taken = '250 2.0.0 Ok: queued as …'
  await transcript(server.port('submission'), messages(['eva', taken], ['eva', taken], ['eva', taken], ['eva', taken]))
  await until('eva', 2)
  await until('boss', 1)
  await until('ana', 1)
  assert.equal(server.server.rooms.desk.counts().held, 2)
  await server.logged(/warning: [^:]+: held: account ana sends more than 2 messages in an hour/)
  let out = ''
  const run = (line: string): Promise<number> =>
    accountCommand(openAccountsOf)(line.split(' '), {
      stdin: Readable.from([]),
      out: (text) => void (out += String(text)),
      err: (text) => void (out += text),
      env: { MAIL_CONFIG: server.dir },
      cwd: server.dir,
      tty: false,
    })
  await server.restart()
  assert.equal(await run('sending ana'), 0)
  assert.match(out, /^hour: 2 messages, 0 new recipients\nday: 2 messages, 0 new recipients\nheld: \S+ \S+\n$/)
  assert.equal(await run('release ana'), 0, out)
  await until('eva', 4)
  out = ''
  assert.equal(await run('sending ana'), 0)
  assert.equal(out, 'hour: 0 messages, 0 new recipients\nday: 0 messages, 0 new recipients\n')
})
