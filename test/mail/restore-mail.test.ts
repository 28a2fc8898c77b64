/** `postigo restore --account`: mail of a backup into a running server, octet by octet. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { generationsIn } from '#src/main/backup/manifest.ts'
import { backup } from '#src/main/cli/backup.ts'
import { EX } from '#src/main/cli/io.ts'
import { restore } from '#src/main/cli/restore.ts'
import { directory, ran } from '../support/commands.ts'
import { makeMail, subjectOf } from '../support/mail-data.ts'
import { contents, messagesIn } from '../support/mailbox.ts'
import type { TestServer } from '../support/server.ts'

async function change({ server }: TestServer, mailbox: string, seqs: readonly number[], to?: string): Promise<void> {
  const { accounts, store } = server.rooms.current
  const selected = await store.select(accounts.find('ana')?.id ?? 0, mailbox, { readOnly: false })
  assert.ok(!('refused' in selected))
  if (to === undefined) {
    await selected.storeFlags(seqs, 'add', ['\\Deleted'])
    await selected.expunge()
  } else await selected.move(seqs, to)
  selected.close()
}

test('an account beside what is there, what is missing in place, one message', async (t) => {
  const dir = directory(t)
  await makeMail(t, async (server) => {
    const before = await contents(server, 'ana', 'INBOX')
    const kept = await contents(server, 'ana', 'Kept')
    const texts = await messagesIn(server, 'ana')
    assert.equal((await ran(backup, [dir, '-c', server.dir])).code, EX.ok)
    const words = ['--account', 'ana', dir, '-c', server.dir]

    const one = await ran(restore, [...words, '--mailbox', 'INBOX', '--uid', '2', '--stdout'])
    assert.deepEqual([one.out, one.err], [texts[1], ''])
    const first = [...words, '--mailbox', 'INBOX', '--message-id', '<6@mail.example.test>', '--into', 'One']
    assert.equal((await ran(restore, first)).out, 'One/INBOX  1 messages are back\n')
    assert.equal((await ran(restore, first)).out, 'One/INBOX  0 messages are back, 1 were before\nnothing is missing\n')
    const [text] = await messagesIn(server, 'ana', 'One/INBOX')
    assert.ok(texts.includes(text ?? '') && text?.includes(`Subject: ${subjectOf(6)}\r\n`))

    assert.equal((await ran(restore, words)).code, EX.ok)
    assert.deepEqual(await contents(server, 'ana', 'Restored/INBOX'), before)
    assert.deepEqual(await contents(server, 'ana', 'Restored/Kept'), kept)
    for (const name of ['Restored/INBOX', 'Restored/Kept', 'One/INBOX'])
      await server.server.rooms.current.store.deleteMailbox(
        server.server.rooms.current.accounts.find('ana')?.id ?? 0,
        name,
      )

    assert.equal((await ran(restore, [...words, '--in-place'])).out, 'nothing is missing\n')
    await change(server, 'INBOX', [1, 3, 5, 6])
    await change(server, 'INBOX', [1], 'Archive')
    const moved = await contents(server, 'ana', 'Archive')
    // The message with UID 2 lies in Kept as well, and is not missing: it was moved. Those in Kept keep two of the four.
    assert.match((await ran(restore, [...words, '--in-place'])).out, /^INBOX {2}\d messages are back\n$/)
    const after = new Map([
      ...(await contents(server, 'ana', 'INBOX')),
      ...moved,
      ...(await contents(server, 'ana', 'Kept')),
    ])
    for (const [subject, shown] of before) {
      const body = (octets: string | undefined): string | undefined => octets?.split(' | ').slice(1).join(' | ')
      assert.equal(body(after.get(subject)), body(shown), subject)
    }
    assert.equal((await ran(restore, [...words, '--in-place'])).out, 'nothing is missing\n')
    assert.equal(generationsIn(dir).length, 1)

    for (const [wrong, said] of [
      [['--account', 'nobody', dir], /no account nobody/],
      [['--account', 'ana', '--mailbox', 'Nowhere', dir], /no mailbox Nowhere/],
      [['--account', 'ana', '--message-id', 'x', dir], /no such message/],
      [['--account', 'ana', '--uid', '3', dir], /--mailbox with it/],
      [['--account', 'ana', '--all', dir], /either --all or --account/],
      [['--all', '--into', 'X', dir], /belongs to --account/],
      [['--account', 'ana', '--generation', '2', '--stdout', dir], /for one message/],
    ] as const) {
      const { code, err } = await ran(restore, [...wrong, '-c', server.dir])
      assert.notEqual(code, EX.ok)
      assert.match(err, said)
    }
  })
})
