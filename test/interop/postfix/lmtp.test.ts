/** Debian's Postfix in front, Postigo's mailboxes behind it: `mailbox_transport = lmtp:…`, over a unix socket and over inet. */
import assert from 'node:assert/strict'
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { run } from '../../support/client.ts'
import { messagesIn, until } from '../../support/mailbox.ts'
import { DOMAIN, PASSWORD, startServer } from '../../support/server.ts'
import { reasonToSkip, writeView } from './namespace.ts'
import { startPostfix } from './postfix.ts'

const PORT = 21_950

async function postfixIds(): Promise<{ uid: number; gid: number }> {
  const of = async (what: string): Promise<number> => Number((await run('id', [what, 'postfix'])).out)
  return { uid: await of('-u'), gid: await of('-g') }
}

test(
  'mail sent by Debian’s sendmail is in IMAP, once; an unknown user bounces',
  { skip: reasonToSkip() ?? false },
  async (t) => {
    const dir = mkdtempSync(join(tmpdir(), 'postigo-lmtp-'))
    chmodSync(dir, 0o755)
    t.after(() => rmSync(dir, { recursive: true }))
    // The socket gets its directory's group, and that may connect.
    const sockets = join(dir, 'sockets')
    mkdirSync(sockets)
    chownSync(sockets, 0, (await postfixIds()).gid)
    chmodSync(sockets, 0o2750)
    const server = await startServer(t, {
      mainCf: `mailbox_services = imap, lmtp\nlmtpd_listen = inet:127.0.0.1:24, unix:${sockets}/lmtp\n`,
      accounts: ['ana', 'eva'],
    })
    writeView(dir, '127.0.0.1')
    const place = { dir: join(dir, 'instance'), address: '127.0.0.1', sinkPort: 9 }
    mkdirSync(place.dir)
    const inet = `lmtp:inet:127.0.0.1:${server.port('lmtp')}`
    const mainCf = `mailbox_transport = lmtp:unix:${sockets}/lmtp\nmailbox_transport_maps = inline:{ eva=${inet} }\n`
    const world = { name: 'lmtp', mainCf, files: {}, indexed: [], sessions: [{ name: 'in', steps: [] }] }
    const postfix = await startPostfix(world, place, PORT, dir)
    try {
      const to = ['ana', 'eva', 'unknown.one'].map((name) => `${name}@${DOMAIN}`)
      const sent = await run('/usr/sbin/sendmail', ['-C', place.dir, '-f', `ana@${DOMAIN}`, ...to], {
        input: 'Subject: through lmtp\n\nñandú\n',
      })
      assert.equal(sent.code, 0, sent.err)
      await until('the message and its bounce are there', async () => (await messagesIn(server, 'ana')).length >= 2)
      const ana = await messagesIn(server, 'ana')
      assert.equal(ana.length, 2)
      const bounce = ana.find((text) => /^Subject: Undelivered Mail/m.test(text)) ?? ''
      assert.match(
        bounce,
        /^Final-Recipient: rfc822; unknown\.one@[^]*^Status: 5\.1\.1\r\n[^]*550 5\.1\.1 <unknown\.one@mail\.example\.test> User/m,
      )
      const message = ana.find((text) => text !== bounce) ?? ''
      assert.match(
        message,
        /^Return-Path: <ana@mail\.example\.test>\r\nDelivered-To: ana@mail\.example\.test\r\nReceived: from mail\.example\.test/,
      )
      assert.match(message, /\r\n\r\nñandú\r\n$/)
      const shown = await run('curl', [
        '-s',
        `imap://127.0.0.1:${server.port('imap')}/INBOX;MAILINDEX=1`,
        '-u',
        `eva:${PASSWORD}`,
      ])
      assert.match(shown.out, /^Delivered-To: eva@[^]*\r\nSubject: through lmtp\r\n/m)
      assert.equal((await messagesIn(server, 'eva')).length, 1)
      assert.match(
        postfix.log(),
        /relay=mail\.example\.test\[\S+\/lmtp\], .*dsn=2\.0\.0, status=sent \(250 2\.0\.0 <ana@\S+> \w+ Saved\)/,
      )
    } finally {
      await postfix.stop()
    }
  },
)
