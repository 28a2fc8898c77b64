/** Mail that would go round for ever or multiply, and reports that would hit who sent nothing. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { messagesIn, submit, until } from '../support/mailbox.ts'
import { startServer } from '../support/server.ts'
import { startSink } from '../support/sink.ts'
import { codes, converse } from './converse.ts'

const RECEIVED = 'Received: from a (b [192.0.2.1]) by c; Tue, 24 Nov 2026 10:00:00 +0000\r\n'

test('loops end: by hops, by Delivered-To, in aliases and in virtual aliases', async (t) => {
  const fan = Array.from(
    { length: 30 },
    (_, i) =>
      `fan${i}@v.test fan${i + 1}@v.test fan${i + 1}x@v.test\nfan${i}x@v.test fan${i + 1}@v.test fan${i + 1}x@v.test\n`,
  )
  const server = await startServer(t, {
    accounts: ['ana'],
    mainCf: `hopcount_limit = 20\nvirtual_alias_domains = v.test\nvirtual_alias_maps = texthash:$config_directory/virtual
alias_maps = texthash:$config_directory/aliases\nlocal_recipient_maps = $alias_maps accounts:\n`,
    files: {
      virtual: `a@v.test b@v.test\nb@v.test a@v.test\nself@v.test self@v.test, ana@mail.example.test\ngrow@v.test grow@v.test grow@v.test\n${fan.join('')}`,
      aliases: 'one two\ntwo three, one\nthree one\nmine mine, ana\n',
    },
  })
  const port = server.port('smtp')
  const sent = (to: string, header = ''): Promise<string> =>
    converse(port, [
      'EHLO c.test\r\n',
      'MAIL FROM:<>\r\n',
      `RCPT TO:<${to}>\r\n`,
      'DATA\r\n',
      `${header}Subject: ${to}\r\n\r\nx\r\n.\r\n`,
      'QUIT\r\n',
    ])
  assert.match(await sent('ana@mail.example.test', RECEIVED.repeat(19)), /\n554 5\.4\.0 Error: too many hops\r\n/)
  assert.match(await sent('ana@mail.example.test', RECEIVED.repeat(18)), /\n250 2\.0\.0 Ok/)
  assert.equal((await messagesIn(server, 'ana')).length, 1)
  // It came back to the mailbox that it was in.
  await sent('ana@mail.example.test', 'Delivered-To: ana@mail.example.test\r\n')
  for (const to of ['a@v.test', 'grow@v.test', 'fan0@v.test', 'one@mail.example.test']) {
    const before = performance.now()
    const said = await sent(to)
    assert.ok(performance.now() - before < 30_000, `${to}: ${said}`)
  }
  for (const to of ['self@v.test', 'mine@mail.example.test']) await sent(to)
  await until('who names itself among others gets it once', async () => (await messagesIn(server, 'ana')).length >= 3)
  await until('nothing waits', () => server.server.rooms.desk.page().messages.length === 0)
  const subjects = (await messagesIn(server, 'ana')).map((text) => /^Subject: (.*)\r$/m.exec(text)?.[1])
  assert.equal(subjects.filter((one) => one === 'self@v.test').length, 1)
  assert.equal(subjects.filter((one) => one === 'mine@mail.example.test').length, 1)
})

test('nobody gets a report about mail that he did not send, and no report about a report', async (t) => {
  const sink = await startSink(t, { answer: (command) => (command.includes('<refused@') ? '550 5.1.1 no' : undefined) })
  const server = await startServer(t, {
    accounts: ['ana', 'full'],
    mainCf: `relayhost = [127.0.0.1]:${sink.port}\nmailbox_size_limit = 0\n`,
  })
  const port = server.port('smtp')
  // Who does not exist is refused while the client is there to hear it.
  for (const to of ['no.one', 'no.one+x', 'ana.x', '"no one"'])
    assert.match(
      codes(
        await converse(port, [
          'EHLO c.test\r\n',
          'MAIL FROM:<forged@victim.test>\r\n',
          `RCPT TO:<${to}@mail.example.test>\r\n`,
          'QUIT\r\n',
        ]),
      ),
      /550 221$/,
    )
  for (const [sender, notify] of [
    ['', []],
    ['double-bounce@mail.example.test', []],
  ] as const) {
    assert.equal(await submit(server, sender, ['refused@far.test'], 'Subject: x\n\nx\n', { notify: [...notify] }), 250)
    await server.logged(/to=<refused@far\.test>.*status=bounced/)
  }
  // A report that cannot be delivered: its own sender is nobody.
  assert.equal(await submit(server, 'refused@far.test', ['refused@far.test'], 'Subject: y\n\nx\n'), 250)
  await server.logged(/from=<>.*[^]*to=<refused@far\.test>.*status=bounced/)
  await until('nothing waits', () => server.server.rooms.desk.page().messages.length === 0)
  const to = sink.heard.flat().filter((line) => line.startsWith('RCPT'))
  assert.deepEqual(
    to.filter((line) => !line.includes('refused@far.test')),
    [],
  )
  assert.deepEqual(sink.contents, [])
})
