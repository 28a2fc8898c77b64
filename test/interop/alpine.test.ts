/** alpine, its prompts answered by expect. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { run, sampleMessage } from '../support/client.ts'
import { messagesIn } from '../support/mailbox.ts'
import { PASSWORD, startServer } from '../support/server.ts'

/** It throws away what is typed while it draws: wait until it has been still for a second. */
const SETTLE = 'expect {\n -timeout 1\n -re {.+} { exp_continue }\n timeout {}\n eof {}\n}'

test('alpine: reads, files, deletes', async (t) => {
  const server = await startServer(t, { accounts: ['eva'] })
  const { accounts, store } = server.server.rooms.current
  const eva = accounts.byLogin('eva')?.id ?? 0
  assert.ok(!('refused' in (await store.createMailbox(eva, 'Filed'))))
  for (const subject of ['first', 'second', 'third']) {
    const octets = Buffer.from(sampleMessage(subject))
    await store.append(eva, 'INBOX', [octets], { sizeOctets: octets.length, flags: [] })
  }
  const host = `{127.0.0.1:${server.port('imap')}/imap/notls/user=eva}`
  const rc = join(server.dir, 'pinerc')
  writeFileSync(
    rc,
    [
      `inbox-path=${host}INBOX`,
      `folder-collections=Mail ${host}[]`,
      'user-domain=mail.example.test',
      'sort-key=Arrival',
      'feature-list=quit-without-confirm,expunge-without-confirm,expunge-without-confirm-everywhere,save-will-not-delete,no-enable-newmail-sound,no-save-will-advance,quell-user-id-prompt',
      'last-version-used=9.99',
      'disable-these-authenticators=XOAUTH2,OAUTHBEARER,PLAIN,CRAM-MD5',
      '',
    ].join('\n'),
  )
  /** Answers each prompt with what stands beside it. */
  const drive = async (steps: readonly (readonly [string, string])[]): Promise<void> => {
    const script = [
      'set timeout 40',
      `spawn -noecho alpine -p ${rc} -P ${rc} -i`,
      ...[['ENTER PASSWORD', `${PASSWORD}\\r`] as const, ['Preserve password', 'n'] as const, ...steps].map(
        ([prompt, keys]) =>
          `expect {\n -re {${prompt}} {}\n timeout { exit 3 }\n eof { exit 4 }\n}\n${SETTLE}\nsend -- "${keys}"`,
      ),
      'expect eof',
    ]
    const env = { HOME: server.dir, TERM: 'xterm', LANG: 'C.UTF-8', LINES: '40', COLUMNS: '80' }
    const ran = await run('expect', ['-c', script.join('\n')], { env })
    assert.equal(ran.code, 0, ran.out + ran.err)
  }
  await drive([
    ['first', '\\r'],
    ['last line', 'i'],
    ['third', 'q'],
  ])
  assert.equal(store.status(eva, 'INBOX')?.unseen, 2)
  await drive([
    ['second', '\\r'], // the first that is new
    ['last line', 's'],
    ['SAVE Msg', 'Filed\\r'],
    ['opied|written|DONE', 'd'],
    ['third|arked', 'q'],
  ])
  assert.deepEqual(await messagesIn(server, 'eva', 'Filed'), [sampleMessage('second')])
  const left = await messagesIn(server, 'eva')
  assert.deepEqual(left, [sampleMessage('first'), sampleMessage('third')])
})
