/** Sessions whose client says nothing, or reads nothing, end by their timeout and leave nothing behind; slow ones do not. */
import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { test, type TestContext } from 'node:test'
import { dialogue } from '../support/imap.ts'
import { startServer, type TestServer } from '../support/server.ts'
import { transcript } from '../support/transcript.ts'

const timeouts = (seconds: number): string =>
  `imapd_idle_timeout = ${seconds}s\nimapd_login_timeout = 3s\npop3d_idle_timeout = ${seconds}s\npop3d_lock_maildrop = yes\n`

const LARGE = `Subject: large\r\n\r\n${`${'x'.repeat(998)}\r\n`.repeat(9000)}`

test('who says nothing hears BYE, before a log-in and after it, in IDLE and after NOTIFY', async (t) => {
  const server = await startServer(t, { accounts: ['ana'], mainCf: timeouts(2) })
  const port = server.port('imap')
  const silent = await dialogue(t, port)
  const idle = await dialogue(t, port, 'ana')
  const notified = await dialogue(t, port, 'ana')
  await notified.ask('NOTIFY SET (personal (MailboxName))')
  idle.send('a IDLE\r\n')
  for (const session of [silent, idle, notified])
    assert.match(await session.until(/never/), /\* BYE Autologout; idle for too long\r\n$/)
})

const COMMANDS = {
  imap: 'a LOGIN ana secret\r\nb SELECT INBOX\r\nc FETCH 1 BODY.PEEK[]\r\nd FETCH 1 BODY.PEEK[]\r\n',
  pop3: 'USER ana\r\nPASS secret\r\nRETR 1\r\nRETR 1\r\n',
} as const

type Service = keyof typeof COMMANDS

async function withLarge(t: TestContext, seconds: number): Promise<TestServer> {
  const server = await startServer(t, { accounts: ['ana'], mainCf: timeouts(seconds) })
  const ana = await dialogue(t, server.port('imap'), 'ana')
  await ana.append('INBOX', LARGE)
  return server
}

test('who reads nothing is let go, and a lock with it', async (t) => {
  const server = await withLarge(t, 2)
  for (const service of ['imap', 'pop3'] as const) {
    const stuck = connect(server.port(service), '127.0.0.1').on('error', () => {})
    t.after(() => stuck.destroy())
    stuck.pause()
    stuck.write(COMMANDS[service])
  }
  const until = Date.now() + 20_000
  for (const program of ['imapd', 'pop3d'])
    while (!new RegExp(`${program}\\[\\d+\\]: disconnect .*: Client takes no answers`).test(server.log())) {
      assert.ok(Date.now() < until, server.log())
      await new Promise((wake) => setTimeout(wake, 50))
    }
  await transcript(server.port('pop3'), 'S: +OK …\nC: USER ana\nS: +OK\nC: PASS secret\nS: +OK …')
})

test('who reads slowly gets all of it', async (t) => {
  const server = await withLarge(t, 3)
  const read = async (service: Service): Promise<number> => {
    const slow = connect(server.port(service), '127.0.0.1').on('error', () => {})
    t.after(() => slow.destroy())
    slow.write(COMMANDS[service] + (service === 'imap' ? 'e LOGOUT\r\n' : 'QUIT\r\n'))
    let octets = 0
    let taken = 0
    for await (const chunk of slow as AsyncIterable<Buffer>) {
      octets += chunk.length
      taken += chunk.length
      if (taken < 600_000) continue
      taken = 0
      await new Promise((wake) => setTimeout(wake, 140))
    }
    return octets
  }
  for (const octets of await Promise.all([read('imap'), read('pop3')]))
    assert.ok(octets > 2 * LARGE.length, server.log())
})
