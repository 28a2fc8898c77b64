/** pipe(8)'s flag X: the command makes the last delivery, and reports of success say so. */
import assert from 'node:assert/strict'
import { userInfo } from 'node:os'
import { test } from 'node:test'
import { messagesIn, until } from '../support/mailbox.ts'
import { startServer } from '../support/server.ts'
import { transcript } from '../support/transcript.ts'

const USER = process.getuid?.() === 0 ? 'nobody' : userInfo().username
const PIPE = (name: string, flags: string): string =>
  `${name} unix - n n - - pipe flags=${flags} user=${USER} argv=/bin/echo port ${'${client_port}'}\n`

test('flag X: delivered; without it: relayed; the client’s port is known', async (t) => {
  const server = await startServer(t, {
    accounts: ['ana'],
    mainCf: 'mynetworks = 127.0.0.0/8\ntransport_maps = inline:{ last.test=last: on.test=on: }\n',
    files: {
      'master.cf': `smtp inet n - n - - smtpd\n${PIPE('last', 'X')}${PIPE('on', 'R')}`,
    },
  })
  await transcript(
    server.port('smtp'),
    `S: 220 …
    C: HELO client.test
    S: 250 …
    C: MAIL FROM:<ana@mail.example.test>
    S: 250 …
    C: RCPT TO:<x@last.test> NOTIFY=SUCCESS
    S: 250 …
    C: RCPT TO:<x@on.test> NOTIFY=SUCCESS
    S: 250 …
    C: DATA
    S: 354 …
    C: Subject: x
    C: 
    C: .
    S: 250 …`,
  )
  await until('reported', async () => (await messagesIn(server, 'ana')).length > 0)
  await server.logged(/status=sent \(delivered via last service \(port \d+\)\)/)
  const reports = (await messagesIn(server, 'ana')).join('\n')
  assert.match(reports, /Final-Recipient: rfc822; x@last\.test\r\n[^]*?\r\nAction: delivered\r\n/)
  assert.match(reports, /Final-Recipient: rfc822; x@on\.test\r\n[^]*?\r\nAction: relayed\r\n/)
})
