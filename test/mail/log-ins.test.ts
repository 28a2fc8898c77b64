/** Guessing over SMTP, IMAP and POP3 alike, what each says to who is banned, and sessions whose password is no more. */
import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { test } from 'node:test'
import { startServer, type TestServer } from '../support/server.ts'
import { transcript } from '../support/transcript.ts'

const plain = (name: string, password: string): string => Buffer.from(`\0${name}\0${password}`).toString('base64')

const SETTINGS = 'login_ban_exceptions =\nlogin_failure_limit = 5\nlogin_failure_delay = 0\n'

async function ana(server: TestServer): Promise<number> {
  await server.server.rooms.logins.ledger.flush()
  return server.server.rooms.current.accounts.find('ana')?.id ?? 0
}

test('five wrong passwords over any service ban the address from all', async (t) => {
  const server = await startServer(t, { accounts: ['ana'], mainCf: SETTINGS })
  const wrong = (n: number): string => plain('ana', `wrong ${n}`)
  await transcript(
    server.port('submission'),
    `
    S: 220 …
    C: HELO client.example
    S: 250 …
    C: AUTH PLAIN ${wrong(1)}
    S: 535 5.7.8 Error: authentication failed: authentication failure
    C: AUTH PLAIN ${wrong(1)}
    S: 535 5.7.8 …
    C: AUTH PLAIN ${wrong(2)}
    S: 535 5.7.8 …
  `,
  )
  await transcript(
    server.port('imap'),
    `
    S: * OK …
    C: a LOGIN ana "wrong 3"
    S: a NO [AUTHENTICATIONFAILED] …
    C: b AUTHENTICATE PLAIN ${wrong(4)}
    S: b NO [AUTHENTICATIONFAILED] …
  `,
  )
  await transcript(
    server.port('pop3'),
    `
    S: +OK …
    C: USER ana
    S: +OK
    C: PASS wrong 5
    S: -ERR [SYS/TEMP] Too many failed log-ins from your network: try again later.
  `,
  )
  const away = 'oo many failed log-ins from your network…'
  await transcript(server.port('submission'), `\n    S: 421 4.7.0 mail.example.test Error: t${away}\n  `)
  await transcript(server.port('imap'), `\n    S: * BYE [UNAVAILABLE] T${away}\n  `)
  await transcript(server.port('pop3'), `\n    S: -ERR [SYS/TEMP] T${away}\n  `)
  await server.logged(/logins\[\d+\]: banned 127\.0\.0\.1 for 900 s: 5 wrong log-ins, the last to pop3\n/)
  // As the filters of fail2ban want them.
  await server.logged(/warning: \S+\[127\.0\.0\.1\]: SASL PLAIN authentication failed: authentication failure/)
  await server.restart()
  await transcript(server.port('imap'), `\n    S: * BYE [UNAVAILABLE] T${away}\n  `)
  await server.server.rooms.logins.bans.remove('127.0.0.1')
  await transcript(server.port('imap'), '\n    S: * OK …\n    C: a LOGIN ana secret\n    S: a OK …\n')
  const told = server.server.rooms.logins.ledger.list(await ana(server))
  const seen = told.map(({ succeeded, service, mechanism, count }) => `${service} ${mechanism} ${succeeded} ${count}`)
  assert.deepEqual(seen.toSorted(), [
    'imap LOGIN false 1',
    'imap LOGIN true 1',
    'imap PLAIN false 1',
    'pop3 PASS false 1',
    'smtp PLAIN false 3',
  ])
})

/** Says each line once something has come, and answers what was said after the last, once the other side closes. */
function saidAtTheEnd(port: number, lines: readonly string[], loggedIn: RegExp): Promise<{ ended: Promise<string> }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ ended: Promise<string> }>()
  const socket = connect(port, '127.0.0.1')
  const end = Promise.withResolvers<string>()
  const waiting = [...lines]
  let last = ''
  socket.on('error', reject)
  socket.on('data', (chunk: Buffer) => {
    last = chunk.toString()
    const next = waiting.shift()
    if (next !== undefined) socket.write(`${next}\r\n`)
    else if (loggedIn.test(last)) resolve({ ended: end.promise })
  })
  socket.on('end', () => {
    end.resolve(last)
    socket.destroy()
  })
  return promise
}

test('a session ends within a second of its application password', async (t) => {
  const server = await startServer(t, { accounts: ['ana'] })
  const { accounts } = server.server.rooms.current
  const account = accounts.find('ana')
  assert.ok(account)
  const password = await accounts.appPasswords.add(account, {
    name: 'phone',
    scopes: ['smtp', 'imap', 'pop3'],
    expiresMs: undefined,
  })
  const secret = plain('ana', password)
  const own = await saidAtTheEnd(server.port('imap'), [`a LOGIN ana secret`], /a OK/)
  const sessions = await Promise.all([
    saidAtTheEnd(server.port('imap'), [`a AUTHENTICATE PLAIN ${secret}`, 'b SELECT INBOX', 'c IDLE'], /\+ idling|\+ /),
    saidAtTheEnd(server.port('pop3'), [`AUTH PLAIN ${secret}`], /\+OK Logged in/),
    saidAtTheEnd(server.port('submission'), ['EHLO me', `AUTH PLAIN ${secret}`], /^235/),
  ])
  const before = performance.now()
  await accounts.appPasswords.remove(account.id, 'phone')
  const words = await Promise.all(sessions.map(({ ended }) => ended))
  assert.ok(performance.now() - before < 3000, 'a second on a quiet machine')
  assert.match(words[0] ?? '', /^\* BYE Your log-in holds no longer/m)
  assert.match(words[1] ?? '', /^-ERR \[SYS\/PERM\] Your log-in holds no longer/)
  assert.match(words[2] ?? '', /^421 4\.7\.0 mail\.example\.test Error: your log-in holds no longer/)
  await accounts.setDisabled(account.id, true)
  assert.match(await own.ended, /^\* BYE/m)
})
