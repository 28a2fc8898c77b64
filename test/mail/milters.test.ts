/** Milters before the whole server: what they change is what arrives, and what fails costs no mail. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { test, type TestContext } from 'node:test'
import { connect as tlsConnect } from 'node:tls'
import { makeRegistry, parseConfig } from '#src/io/config/mod.ts'
import { sendmail } from '#src/main/cli/sendmail.ts'
import type { FilteredMessage } from '#src/mail/intake/mod.ts'
import { milterParams, Milters } from '#src/mail/policy/mod.ts'
import { certificateMaker } from '../support/authority.ts'
import { collectGarbage } from '../support/garbage.ts'
import { messagesIn, until } from '../support/mailbox.ts'
import { indexed, type MilterMood, type MilterSays, startMilter, type TestMilter } from '../support/milter.ts'
import { startServer, type TestServer, type TestServerOptions } from '../support/server.ts'
import { transcript } from '../support/transcript.ts'

const EVERY = { queueIds: 'ALL', queues: ['hold', 'active', 'deferred', 'incoming'] } as const
const HEADER: MilterSays = [['h', 'X-Seen\0yes\0'], ['c']]

async function milterFor(t: TestContext, mood: MilterMood = {}): Promise<TestMilter> {
  const milter = await startMilter(mood)
  t.after(() => milter.stop())
  return milter
}

interface Pair {
  readonly milter: TestMilter
  readonly server: TestServer
}

async function pair(t: TestContext, mood: MilterMood, mainCf = '', more: TestServerOptions = {}): Promise<Pair> {
  const milter = await milterFor(t, mood)
  const server = await startServer(t, {
    accounts: ['ana', 'eva'],
    mainCf: `smtpd_milters = inet:127.0.0.1:${milter.port}\n${mainCf}`,
    ...more,
  })
  return { milter, server }
}

/** @param end the reply to the end of the message */
function session(server: TestServer, end = '250 2.0.0 Ok: queued as …', recipients = ['ana']): Promise<void> {
  return transcript(
    server.port('smtp'),
    `
    S: 220 …
    C: HELO client.test
    S: 250 mail.example.test
    C: MAIL FROM:<s@else.test>
    S: 250 2.1.0 Ok
${recipients.map((one) => `    C: RCPT TO:<${one}@mail.example.test>\n    S: 250 2.1.5 Ok\n`).join('')}    C: DATA
    S: 354 …
    C: Subject: hi
    C:
    C: hello
    C: .
    S: ${end}
    ${end.startsWith('421') ? 'S: <nothing more>' : 'C: QUIT\n    S: 221 2.0.0 Bye'}
  `,
  )
}

/** `sendmail` with these words, answered once the message was left. */
async function submitLocally(server: TestServer, words: readonly string[], text: string): Promise<void> {
  const io = {
    stdin: Readable.from([Buffer.from(text)]),
    out: () => {},
    err: () => {},
    env: { MAIL_CONFIG: server.dir },
    cwd: '/',
    tty: false,
  }
  assert.equal(await sendmail(words, io), 0)
}

test('what a milter makes of a message is what stands in the mailbox', async (t) => {
  const edits: MilterSays = [
    ['h', 'X-Added\0one\n\ttwo\0'],
    ['m', indexed(1, 'Subject', 'changed')],
    ['i', indexed(0, 'X-Top', 'top')],
    ['e', '<other@sender.test>\0'],
    ['+', '<eva@mail.example.test>\0'],
    ['e', '<"x\\\ny"@sender.test>\0'],
    ['+', '<"eva\\\nx"@mail.example.test>\0'],
    ['b', 'another\nbody'],
    ['c'],
  ]
  const { server, milter } = await pair(t, { answer: (event) => (event === 'E' ? edits : [['c']]) })
  await session(server)
  const [message = ''] = await messagesIn(server, 'ana')
  assert.match(
    message,
    /^Return-Path: <other@sender\.test>\r\n(?:[\w-]+: .*\r\n)*X-Top: top\r\nReceived: from client\.test (?:.*\r\n[ \t])*.*\r\nSubject: changed\r\n(?:.*\r\n)*X-Added: one\r\n\ttwo\r\n\r\nanother\r\nbody\r\n$/,
  )
  assert.equal((await messagesIn(server, 'eva')).length, 1)
  await server.logged(/ignoring address with control characters from Milter: "<"eva\\\?x"@mail\.example\.test>"\n/)
  assert.equal(milter.sessions[0]?.bodies.join(''), 'hello\r\n')
})

test('a message that a milter quarantines waits on hold', async (t) => {
  const { server } = await pair(t, { answer: (event) => (event === 'E' ? [['q', 'odd\0'], ['c']] : [['c']]) })
  await session(server)
  assert.equal(server.server.rooms.desk.select({ ...EVERY, queues: ['hold'] }).length, 1)
  await server.logged(
    /cleanup\[\d+\]: \w+: milter-hold: END-OF-MESSAGE from localhost\[127\.0\.0\.1\]: milter triggers HOLD action; from=<s@else\.test> to=<ana@mail\.example\.test> proto=SMTP helo=<client\.test>\n/,
  )
})

test('milter_default_action is what happens where a milter is away, dies or is silent', async (t) => {
  const table: readonly (readonly [string, string, number | 'held'])[] = [
    ['accept', '250 2.0.0 Ok: queued as …', 1],
    ['reject', '550 5.5.0 Service unavailable', 0],
    ['tempfail', '451 4.7.1 Service unavailable - try again later', 0],
    ['quarantine', '250 2.0.0 Ok: queued as …', 'held'],
    ['shutdown', '421 4.7.0 Server closing connection', 0],
    ['nonsense', '451 4.3.5 Server configuration problem - try again later', 0],
  ]
  for (const [action, reply, arrived] of table) {
    const { server } = await pair(
      t,
      { answer: (event) => (event === 'E' ? 'die' : [['c']]) },
      `milter_default_action = ${action}\n`,
    )
    await session(server, reply)
    assert.equal((await messagesIn(server, 'ana')).length, arrived === 'held' ? 0 : arrived, action)
    assert.equal(server.server.rooms.desk.select(EVERY).length, arrived === 'held' ? 1 : 0, action)
    await server.logged(
      /cleanup\[\d+\]: warning: milter inet:127\.0\.0\.1:\d+: can't read SMFIC_BODYEOB reply packet header: /,
    )
  }
})

test('milter_command_timeout and milter_content_timeout end the wait for a silent milter', async (t) => {
  const silentAt = (letter: string): MilterMood => ({ answer: (event) => (event === letter ? 'silent' : [['c']]) })
  const limits = 'milter_command_timeout = 1s\nmilter_content_timeout = 1s\nmilter_default_action = accept\n'
  for (const letter of ['M', 'B']) {
    const { server } = await pair(t, silentAt(letter), limits)
    await session(server)
    await server.logged(/can't read SMFIC_(?:MAIL|BODY) reply packet header: Connection timed out\n/)
  }
})

test('milters listen at sockets, at IPv6, and with settings of their own', async (t) => {
  const unix = await milterFor(t, {
    path: join('/tmp', `postigo-milter-${process.pid}.sock`),
    answer: (e) => (e === 'E' ? HEADER : [['c']]),
  })
  assert.equal(unix.port, 0)
  const v6 = await milterFor(t, {
    host: '::1',
    answer: (event) => (event === 'E' ? [['h', 'X-Six\0yes\0'], ['c']] : [['c']]),
  })
  const server = await startServer(t, {
    accounts: ['ana'],
    mainCf: `smtpd_milters = unix:/tmp/postigo-milter-${process.pid}.sock, inet:[::1]:${v6.port}, { inet:127.0.0.1:1, connect_timeout=1s, default_action=accept }\n`,
  })
  await session(server)
  const [message = ''] = await messagesIn(server, 'ana')
  assert.match(message, /\r\nX-Seen: yes\r\nX-Six: yes\r\n\r\n/)
  await server.logged(/smtpd\[\d+\]: warning: connect to Milter service inet:127\.0\.0\.1:1: Connection refused\n/)
})

test('non_smtpd_milters see mail of sendmail as a client’s of this host, and no_milters of pickup turns that off', async (t) => {
  const milter = await milterFor(t, { answer: (event) => (event === 'E' ? HEADER : [['c']]) })
  const mainCf = `non_smtpd_milters = inet:127.0.0.1:${milter.port}\nmilter_end_of_data_macros = {mail_addr} {rcpt_addr}\n`
  const server = await startServer(t, { accounts: ['ana'], mainCf })
  await submitLocally(server, ['-f', 'root@else.test', 'ana', 'ana+x'], 'Subject: local\n\nhello\n')
  await until('it arrived', async () => (await messagesIn(server, 'ana')).length > 0)
  assert.match((await messagesIn(server, 'ana')).join(''), /\r\nX-Seen: yes\r\n/)
  const packets = milter.sessions[0]?.packets.filter((packet) => !packet.startsWith('D')) ?? []
  assert.deepEqual(
    packets.map((packet) => packet.replace(/\|<\d.*|\|.*\(UTC\)/, '')),
    [
      'O 6 1ff 1fffff',
      'C localhost 4 0 127.0.0.1',
      'H localhost',
      'M root@else.test',
      'R ana@mail.example.test',
      'R ana+x@mail.example.test',
      'T',
      'L Subject|local',
      'L Message-Id',
      'L Date',
      packets.find((packet) => packet.startsWith('L From')),
      'N',
      'B 7 octets',
      'E',
      'Q',
    ],
  )
  assert.ok(milter.sessions[0]?.packets.includes('D E {mail_addr}=root@else.test {rcpt_addr}=ana+x@mail.example.test'))

  const off = await startServer(t, {
    accounts: ['ana'],
    mainCf,
    files: {
      'master.cf': 'smtp inet n - n - - smtpd\npickup unix n - n 60 1 pickup -o receive_override_options=no_milters\n',
    },
  })
  await submitLocally(off, ['ana'], 'Subject: local\n\nhello\n')
  await until('it arrived', async () => (await messagesIn(off, 'ana')).length > 0)
  assert.equal(milter.sessions.length, 1)
})

test('mail of sendmail that a milter refuses comes back, or waits; a refused recipient is a wrong configuration', async (t) => {
  let says: Readonly<Record<string, MilterSays>> = { M: [['r']] }
  const milter = await milterFor(t, { answer: (event) => says[event] ?? [['c']] })
  const server = await startServer(t, {
    accounts: ['ana'],
    mainCf: `non_smtpd_milters = inet:127.0.0.1:${milter.port}\n`,
  })
  const send = (): Promise<void> =>
    submitLocally(server, ['-f', 'ana', 'eva@nowhere.test'], 'Subject: local\n\nhello\n')
  await send()
  await until('a report', async () => (await messagesIn(server, 'ana')).length > 0)
  assert.match((await messagesIn(server, 'ana')).join(''), /Command rejected/)
  await server.logged(
    /cleanup\[\d+\]: \w+: milter-reject: MAIL from localhost\[127\.0\.0\.1\]: 5\.7\.1 Command rejected; from=<ana@mail\.example\.test>/,
  )
  says = { R: [['r']] }
  await send()
  await server.logged(/warning: \w+: milter configuration error: can't reject recipient in non-smtpd\(8\) submission\n/)
  await server.logged(/warning: \w+: message not accepted, try again later\n/)
})

test('internal_mail_filter_classes lets milters and header checks see reports too', async (t) => {
  const milter = await milterFor(t, { answer: (event) => (event === 'E' ? HEADER : [['c']]) })
  const mainCf = `non_smtpd_milters = inet:127.0.0.1:${milter.port}\nheader_checks = regexp:{ { /^Subject: Undelivered/ REPLACE Subject: checked } }\n`
  for (const classes of ['', 'bounce']) {
    const server = await startServer(t, {
      accounts: ['ana'],
      mainCf: `${mainCf}internal_mail_filter_classes = ${classes}\n`,
    })
    await submitLocally(server, ['-f', 'ana', 'no.such@mail.example.test'], 'Subject: local\n\nhello\n')
    await until('a report', async () => (await messagesIn(server, 'ana')).length > 0)
    const [head = ''] = (await messagesIn(server, 'ana')).join('').split('\r\n\r\n')
    assert.match(head, classes === '' ? /\r\nSubject: Undelivered/ : /\r\nSubject: checked\r\n(?:.*\r\n)*X-Seen: yes/)
    assert.equal(/X-Seen/.test(head), classes !== '')
  }
})

test('smtpd_milter_maps takes the place of smtpd_milters by client address', async (t) => {
  const { server, milter } = await pair(t, {}, 'smtpd_milter_maps = inline:{ { 127.0.0.1=DISABLE } }\n')
  await session(server)
  assert.equal(milter.sessions.length, 0)
})

test('milter_header_checks look at what milters make', async (t) => {
  const { server } = await pair(
    t,
    { answer: (event) => (event === 'E' ? HEADER : [['c']]) },
    'milter_header_checks = regexp:{ { /^X-Seen: yes/ REJECT seen } }\n',
  )
  await session(server, '550 5.7.1 seen')
  await server.logged(
    /cleanup\[\d+\]: \w+: milter-header-reject: header X-Seen: yes from localhost\[127\.0\.0\.1\]; from=<s@else\.test> to=<ana@mail\.example\.test> proto=SMTP helo=<client\.test>: 5\.7\.1 seen\n/,
  )
})

test('macros, the protocol’s version and the lists of macros are those of main.cf', async (t) => {
  const { server, milter } = await pair(
    t,
    {},
    `milter_protocol = 3
milter_macro_daemon_name = me
milter_macro_v = seven
milter_macro_defaults = {client_mood = good}
milter_connect_macros = {daemon_name} v {client_mood} {daemon_port}
milter_helo_macros = j
milter_mail_macros = {mail_addr}
milter_rcpt_macros = {rcpt_addr} {rcpt_mailer}
milter_unknown_command_macros = _
milter_end_of_header_macros = {client_name}
`,
  )
  await session(server)
  const [told] = milter.sessions
  const macros = told?.packets.filter((packet) => packet.startsWith('D')) ?? []
  assert.equal(told?.packets[0], 'O 3 1ff 17f')
  assert.deepEqual(macros.slice(0, 5), [
    `D C {daemon_name}=me v=seven {client_mood}=good {daemon_port}=${server.port('smtp')}`,
    'D H j=mail.example.test',
    'D M {mail_addr}=s@else.test',
    'D R {rcpt_addr}=ana@mail.example.test {rcpt_mailer}=local',
    'D L {client_name}=localhost',
  ])
  assert.ok(!told?.packets.includes('T'), 'DATA is of version 4')
})

test('a milter whose request the disk has no room for is not listened to any further', async (t) => {
  const milter = await milterFor(t, {
    answer(event, nth) {
      if (event !== 'E') return [['c']]
      return nth === 0 ? [['b', 'another body'], ['c']] : [['r']]
    },
  })
  const message: FilteredMessage = {
    queueId: 'Q1',
    sender: 's@else.test',
    recipients: ['ana@mail.example.test'],
    fields: [],
    bodyOctets: 0,
    readBody: () => Buffer.alloc(0),
    addField: async () => undefined,
    insertField: async () => undefined,
    changeField: async () => undefined,
    changeSender() {},
    addRecipient() {},
    deleteRecipient() {},
    replaceBody: () => Promise.reject(new Error('No space left on device')),
    endBody: async () => undefined,
  }
  const cf = parseConfig('mail_name = x\nmyhostname = here.test\n', makeRegistry(milterParams)).bind(milterParams)
  for (const [action, after] of [
    ['tempfail', 451],
    ['accept', undefined],
  ] as const) {
    const milters = new Milters(`{ inet:127.0.0.1:${milter.port}, default_action=${action} }`, {
      cf,
      queueDirectory: '/',
      macros: () => undefined,
    })
    t.after(() => milters.disconnect())
    await milters.connect({ name: 'client.test', address: '192.0.2.1', port: 1 })
    assert.equal(await milters.mail(['<s@else.test>']), undefined)
    await assert.rejects(milters.inspect(message), /No space left/)
    milters.abort()
    // Its CONTINUE for the message before is no answer to this.
    const verdict = await milters.mail(['<s@else.test>'])
    assert.equal(verdict?.action === 'reject' ? verdict.reply.code : undefined, after)
    assert.equal(await milters.inspect(message), undefined)
  }
  assert.deepEqual(
    milter.sessions.map(({ packets }) => packets.filter((packet) => packet === 'E').length),
    [1, 1],
  )
})

test('a milter is told of the client’s certificate where it was verified', async (t) => {
  const { make } = certificateMaker(t)
  const authority = make('Test Authority')
  const known = make('client of ours', { by: authority, names: ['name.test'] })
  const unknown = make('somebody', { names: ['name.test'] })
  const { server, milter } = await pair(
    t,
    {},
    'smtpd_tls_ask_ccert = yes\nsmtpd_tls_CAfile = $config_directory/ca.pem\nmilter_helo_macros = {cert_subject} {cert_issuer}\n',
    {
      files: {
        'ca.pem': authority.cert,
        'master.cf': 'submissions inet n - n - - smtpd\n -o smtpd_tls_wrappermode=yes\n',
      },
    },
  )
  for (const certified of [known, unknown]) {
    const port = server.port('submissions')
    const socket = tlsConnect({ host: '127.0.0.1', port, rejectUnauthorized: false, ...certified })
    socket.write('EHLO client.test\r\n')
    for await (const chunk of socket) if (String(chunk).includes('250 ')) break
  }
  assert.deepEqual(
    milter.sessions.map(({ packets }) => packets.find((packet) => packet.startsWith('D H'))),
    ['D H {cert_subject}=client of ours {cert_issuer}=Test Authority', 'D H'],
  )
})

test('a message of 100 MB passes a milter without standing in memory', { timeout: 60_000 }, async (t) => {
  const size = 100 * 1024 * 1024
  let shown = 0
  const milter = await milterFor(t, {
    answer(event, _, __, detail) {
      if (event === 'B') shown += Number(detail.split(' ')[0])
      return event === 'E' ? HEADER : [['c']]
    },
    forgetsBodies: true,
  })
  const server = await startServer(t, {
    accounts: ['ana'],
    mainCf: `smtpd_milters = inet:127.0.0.1:${milter.port}\nmessage_size_limit = ${2 * size}\nmailbox_size_limit = 0\n`,
  })
  let most = 0
  const watch = setInterval(() => {
    collectGarbage() // what nobody refers to any more stands in memory by chance
    most = Math.max(most, process.memoryUsage().arrayBuffers)
  }, 250)
  t.after(() => clearInterval(watch))
  const socket = connect(server.port('smtp'), '127.0.0.1')
  const says = (async function* () {
    socket.setEncoding('latin1')
    for await (const chunk of socket) yield String(chunk)
  })()
  const reply = async (): Promise<string> => String((await says.next()).value)
  await reply()
  for (const command of ['HELO c.test', 'MAIL FROM:<s@else.test>', 'RCPT TO:<ana@mail.example.test>', 'DATA']) {
    socket.write(`${command}\r\n`)
    assert.match(await reply(), /^[23]/)
  }
  const piece = Buffer.from(`${'x'.repeat(62)}\r\n`.repeat(16_384))
  socket.write('Subject: large\r\n\r\n')
  for (let at = 0; at < size; at += piece.length) if (!socket.write(piece)) await once(socket, 'drain')
  socket.write('.\r\n')
  assert.match(await reply(), /^250 2\.0\.0 Ok/)
  socket.destroy()
  assert.equal(shown, size)
  assert.ok(most < size, `${Math.round(most / 1024 / 1024)} MiB`)
})
