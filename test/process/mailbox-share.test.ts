/** `postigo mailbox` beside a running server: its sessions hear of it at once. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { run } from '../support/client.ts'
import { dialogue } from '../support/imap.ts'
import { startServer } from '../support/server.ts'

const POSTIGO = new URL('../../bin/postigo', import.meta.url).pathname

test('rights that a command gives and takes hold at once, in IDLE too', async (t) => {
  const server = await startServer(t, { accounts: ['ana'] })
  const mailbox = async (...words: readonly string[]): Promise<void> => {
    const ran = await run(POSTIGO, ['mailbox', ...words, '-c', server.dir])
    assert.equal(ran.out + ran.err, '', words.join(' '))
  }
  await mailbox('create', 'Info')
  await mailbox('acl', 'Info', 'ana', 'write')
  const ana = await dialogue(t, server.port('imap'), 'ana')
  assert.match(await ana.ask('SELECT Shared/Info'), /\[READ-WRITE\]/)
  ana.send('i IDLE\r\n')
  await ana.until(/\+ idling\r\n/)
  await mailbox('acl', 'Info', 'ana', 'read')
  assert.match(await ana.until(/PERMANENTFLAGS.*\r\n/), /PERMANENTFLAGS \(\\Seen\)/)
  await mailbox('acl', 'Info', 'ana', 'none')
  assert.match(await ana.until(/\* BYE.*\r\n/), /You may no longer read/)
})
