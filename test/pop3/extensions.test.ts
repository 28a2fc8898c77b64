/** What POP3 offers beyond RFC 1939's necessary commands: APOP, UTF8 and LANG, a lock, a delay between log-ins. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { connect } from 'node:net'
import { test, type TestContext } from 'node:test'
import { startServer, type TestServer } from '../support/server.ts'
import { transcript } from '../support/transcript.ts'

const LOGIN = 'S: +OK …\nC: USER ana\nS: +OK\nC: PASS secret\nS: +OK Logged in.'

/** Says the lines one after the other, and answers all that was said, as octets in latin1. */
async function say(port: number, lines: (greeting: string) => readonly string[]): Promise<string> {
  const socket = connect(port, '127.0.0.1').setEncoding('latin1')
  let said = ''
  socket.on('data', (text: string) => {
    if (said === '') for (const line of lines(text)) socket.write(`${line}\r\n`, 'utf8')
    said += text
  })
  await new Promise((resolve) => socket.once('close', resolve))
  return said
}

async function append(server: TestServer, message: string): Promise<void> {
  const { accounts, store } = server.server.rooms.current
  const octets = Buffer.from(message)
  const made = await store.append(accounts.byLogin('ana')?.id ?? 0, 'INBOX', [octets], {
    sizeOctets: octets.length,
    flags: [],
  })
  assert.ok('uid' in made)
}

const REVERSIBLE = 'password_verifiers = scram-sha-256, apop\n'

test('APOP is offered by a timestamp where passwords are kept for it, and proves one', async (t) => {
  const server = await startServer(t, { accounts: ['ana'], mainCf: REVERSIBLE })
  const port = server.port('pop3')
  const digest = (greeting: string, password: string): string => {
    const [timestamp = ''] = /<[^<>\s]+@mail\.example\.test>/.exec(greeting) ?? []
    assert.ok(timestamp !== '', greeting)
    return createHash('md5')
      .update(timestamp + password)
      .digest('hex')
  }
  const right = await say(port, (greeting) => [`APOP ana ${digest(greeting, 'secret')}`, 'STAT', 'QUIT'])
  assert.match(right, /\+OK Logged in\.\r\n\+OK 0 0\r\n\+OK/)
  const wrong = await say(port, (greeting) => [
    `APOP ana ${digest(greeting, 'wrong')}`,
    `APOP nobody ${digest(greeting, 'secret')}`,
    'APOP ana',
    `APOP ana ${'x'.repeat(32)}`,
    'QUIT',
  ])
  assert.match(wrong, /(?:-ERR \[AUTH\] .*\r\n){2}(?:-ERR APOP needs .*\r\n){2}\+OK/)
  const [first, second] = await Promise.all([say(port, () => ['QUIT']), say(port, () => ['QUIT'])])
  assert.notEqual(first, second)
})

test('APOP is not offered where one account has no password kept for it', async (t) => {
  const server = await startServer(t, { accounts: ['ana'] })
  await transcript(
    server.port('pop3'),
    `
    S: +OK Postigo ready.
    C: APOP ana ${'0'.repeat(32)}
    S: -ERR APOP is not offered.
  `,
  )
})

test('a locked maildrop is refused to others until its session ends, however that ends', async (t) => {
  const server = await startServer(t, { accounts: ['ana', 'eva'], mainCf: 'pop3d_lock_maildrop = yes\n' })
  const port = server.port('pop3')
  await transcript(
    port,
    `
    1S: +OK …
    1C: USER ana
    1S: +OK
    1C: PASS secret
    1S: +OK Logged in.
    2S: +OK …
    2C: USER ana
    2S: +OK
    2C: PASS secret
    2S: -ERR [IN-USE] …
    2C: USER eva
    2S: +OK
    2C: PASS secret
    2S: +OK Logged in.
    1C: QUIT
    1S: +OK Bye.
    3S: +OK …
    3C: USER ana
    3S: +OK
    3C: PASS secret
    3S: +OK Logged in.
  `,
  )
  // The third session was cut off: its lock is free once the server has noticed.
  const entered = async (): Promise<boolean> =>
    (await say(port, () => ['USER ana', 'PASS secret', 'QUIT'])).includes('+OK Logged in.')
  const end = Date.now() + 5000
  while (!(await entered())) assert.ok(Date.now() < end, 'the lock stays')
})

test('a second log-in within the delay is refused; the delay is told', async (t) => {
  const server = await startServer(t, { accounts: ['ana', 'eva'], mainCf: 'pop3d_login_delay = 300s\n' })
  const port = server.port('pop3')
  assert.match(await say(port, () => ['CAPA', 'USER ana', 'PASS secret', 'QUIT']), /\r\nLOGIN-DELAY 300\r\n/)
  await transcript(
    port,
    `
    S: +OK …
    C: USER ana
    S: +OK
    C: PASS secret
    S: -ERR [LOGIN-DELAY] …
    C: USER eva
    S: +OK
    C: PASS secret
    S: +OK Logged in.
  `,
  )
})

test('UTF8 and LANG are told, taken and refused as RFC 6856 says', async (t) => {
  const server = await startServer(t, { accounts: ['ana'] })
  await transcript(
    server.port('pop3'),
    `
    S: +OK …
    C: LANG
    S: +OK Languages:
    S: en English
    S: .
    C: LANG *
    S: +OK en …
    C: LANG EN
    S: +OK en …
    C: LANG tlh
    S: -ERR …
    C: UTF8 now
    S: -ERR …
    C: UTF8
    S: +OK …
    C: STLS
    S: -ERR …
    C: USER ana
    S: +OK
    C: PASS secret
    S: +OK Logged in.
    C: LANG en
    S: +OK en …
    C: UTF8
    S: -ERR …
  `,
  )
})

const UTF8_MAIL = [
  'From: Ana Ñandú <ana@x.test>, "Eva, ñ" <ñ@ñandú.test>',
  'To: josé@x.test, Team: a@b.test, ü <c@d.test>;',
  `Subject: ${'ñandú '.repeat(20)}`,
  'MIME-Version: 1.0',
  'Content-Type: multipart/mixed; boundary=b',
  '',
  '--b',
  'Content-Type: text/plain; charset=utf-8',
  'Content-Disposition: attachment; filename="ñ.txt"',
  '',
  'ñandú',
  '--b--',
  '',
].join('\r\n')

test('without UTF8 header fields come in ASCII, and the body as it is', async (t: TestContext) => {
  const server = await startServer(t, { accounts: ['ana'] })
  await append(server, UTF8_MAIL)
  await append(server, 'Subject: plain\r\n\r\nñ\r\n')
  const port = server.port('pop3')
  const login = ['USER ana', 'PASS secret']
  const between = (said: string): string => /octets\r\n([^]*?)\r\n\.\r\n/.exec(said)?.[1] ?? ''
  const whole = await say(port, () => ['UTF8', ...login, 'RETR 1', 'QUIT'])
  assert.equal(Buffer.from(between(whole), 'latin1').toString(), UTF8_MAIL.trimEnd())
  const said = await say(port, () => [...login, 'RETR 1', 'TOP 1 0', 'RETR 2', 'LIST 1', 'QUIT'])
  const shown = between(said)
  const [head = '', body = ''] = shown.split('\r\n\r\n')
  assert.match(head, /^[\r\n\t -~]*$/)
  assert.match(
    head,
    /^From: =\?utf-8\?B\?\S+\?= <ana@x\.test>,\r\n =\?utf-8\?B\?\S+\?= <internationalized-address@mail\.invalid>\r\n/,
  )
  assert.match(
    head,
    /\r\nTo: \S+ <internationalized-address@mail\.invalid>,\r\n Team: a@b\.test,\r\n =\?utf-8\?B\?w7w=\?= <c@d\.test>;\r\n/,
  )
  assert.ok(head.split('\r\n').every((line) => line.length <= 90))
  assert.match(body, /filename="=\?utf-8\?B\?\S+\?="$/)
  assert.ok(Buffer.from(shown, 'latin1').toString().endsWith('\r\nñandú\r\n--b--'))
  const [, octets] = /\+OK (\d+) octets/.exec(said) ?? []
  assert.equal(Number(octets), shown.length + 2)
  assert.ok(said.includes(`+OK 1 ${octets}\r\n`), 'as RETR sends it')
  const listed = await say(port, () => [...login, 'LIST', 'QUIT'])
  assert.ok(listed.includes(`\r\n1 ${octets}\r\n2 22\r\n`), listed)
  const utf8 = await say(port, () => ['UTF8', ...login, 'LIST', 'LIST 1', 'QUIT'])
  assert.ok(utf8.includes(`\r\n1 ${Buffer.byteLength(UTF8_MAIL)}\r\n2 22\r\n`))
  assert.ok(said.includes(`+OK\r\n${head}\r\n\r\n.\r\n`))
  assert.ok(said.includes('octets\r\nSubject: plain\r\n\r\n\xc3\xb1\r\n.\r\n'))
})

test('a hundred thousand messages are listed and identified at once', async (t) => {
  const server = await startServer(t, { accounts: ['ana'] })
  const { accounts, store } = server.server.rooms.current
  const account = accounts.byLogin('ana')?.id ?? 0
  await append(server, 'Subject: one\r\n\r\n')
  const selected = await store.select(account, 'INBOX', { readOnly: false })
  assert.ok('copy' in selected)
  for (let n = 1; n < 100_000;) {
    await selected.refresh({ expunges: true })
    const seqs = Array.from({ length: Math.min(n, 100_000 - n) }, (_, i) => i + 1)
    assert.ok('uids' in (await selected.copy(seqs, 'INBOX')))
    n += seqs.length
  }
  selected.close()
  const said = await say(server.port('pop3'), () => ['USER ana', 'PASS secret', 'STAT', 'LIST', 'UIDL', 'QUIT'])
  assert.match(said, /\r\n\+OK 100000 1600000\r\n/)
  assert.equal(said.match(/^\d+ 16\r$/gm)?.length, 100_000)
  assert.equal(said.match(/^\d+ [0-9a-f]{32}\r$/gm)?.length, 100_000)
})

test('log-in, then a session with every word of the extensions', async (t) => {
  const server = await startServer(t, { accounts: ['ana'], mainCf: 'pop3d_error_limit = 1000\n' })
  await transcript(
    server.port('pop3'),
    `${LOGIN}\nC: CAPA\nS: +OK\nS: TOP\nS: UIDL\nS: RESP-CODES\nS: AUTH-RESP-CODE\nS: PIPELINING\nS: EXPIRE NEVER\nS: UTF8 USER\nS: LANG\nS: USER\nS: SASL …\nS: IMPLEMENTATION Postigo\nS: .`,
  )
})
