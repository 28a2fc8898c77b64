/**
 * claws-mail on a screen in memory. Its account, folders and filters are files; its own command line makes it fetch, search and
 * show messages, and a key deletes.
 */
import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { run, sampleMessage } from '../support/client.ts'
import { onDisplay, startDisplay, startOnDisplay } from '../support/display.ts'
import { messagesIn, until } from '../support/mailbox.ts'
import { PASSWORD, startServer, type TestServer } from '../support/server.ts'

const files = (server: TestServer): Record<string, string> => ({
  accountrc: [
    '[Account: 1]',
    'config_version=4',
    'account_name=eva',
    'is_default=1',
    'name=Eva',
    'address=eva@mail.example.test',
    'protocol=1', // IMAP
    'receive_server=127.0.0.1',
    'smtp_server=127.0.0.1',
    'user_id=eva',
    'set_imapport=1',
    `imap_port=${server.port('imap')}`,
    'ssl_imap=0',
    'filter_on_recv=1',
    'receive_at_get_all=1',
  ].join('\n'),
  passwordstorerc: `[account:1]\nrecv ${PASSWORD}`,
  'folderlist.xml': [
    '<?xml version="1.0" encoding="UTF-8"?>',
    '<folderlist>',
    `<folder type="mh" name="Mail" path="${server.dir}/Mail" collapsed="0">`,
    ...['inbox', 'draft', 'queue', 'trash'].map((name) => `<folderitem name="${name}" type="${name}" path="${name}"/>`),
    '<folderitem name="sent" type="outbox" path="sent"/>',
    '</folder>',
    '<folder type="imap" name="eva" path="eva" collapsed="0" account_id="1">',
    '<folderitem name="INBOX" type="inbox" path="INBOX"/>',
    '<folderitem name="Filed" type="normal" path="Filed"/>',
    '<folderitem name="Trash" type="trash" path="Trash"/>',
    '</folder>',
    '</folderlist>',
  ].join('\n'),
  matcherrc: [
    '[preglobal]\n\n[postglobal]\n\n[filtering]',
    'enabled rulename "file" subject matchcase "file" move "#imap/eva/Filed"',
    'enabled rulename "keep" subject matchcase "keep" mark',
  ].join('\n'),
})

/** Starts it; answers how its command line is given to it, and a key. */
async function startClaws(t: TestContext, server: TestServer) {
  const home = join(server.dir, '.claws-mail')
  mkdirSync(home)
  for (const name of ['inbox', 'draft', 'queue', 'trash', 'sent'])
    mkdirSync(join(server.dir, 'Mail', name), { recursive: true })
  for (const [name, text] of Object.entries(files(server))) writeFileSync(join(home, name), `${text}\n`)
  const display = await startDisplay(t)
  startOnDisplay(t, 'claws-mail', [], { package: 'claws-mail', display, home: server.dir })
  const env = onDisplay(display, server.dir)
  const window = async (): Promise<string> =>
    (await run('xdotool', ['search', '--name', ' - Claws Mail '], { env })).out.trim()
  await until('its window is there', async () => (await window()) !== '')
  return {
    async tell(...args: readonly string[]): Promise<string> {
      const ran = await run('claws-mail', args, { env })
      assert.equal(ran.code, 0, ran.err)
      return ran.out
    },
    async press(key: string): Promise<void> {
      const ran = await run('xdotool', ['windowfocus', '--sync', await window(), 'key', key], { env })
      assert.equal(ran.code, 0, ran.err)
    },
  }
}

test('claws-mail: files and flags by its filters, searches, reads, deletes, fetches again', async (t) => {
  const server = await startServer(t, { accounts: ['eva'] })
  const { accounts, store } = server.server.rooms.current
  const eva = accounts.byLogin('eva')?.id ?? 0
  assert.ok(!('refused' in (await store.createMailbox(eva, 'Filed'))))
  const add = async (subject: string): Promise<void> => {
    const octets = Buffer.from(sampleMessage(subject))
    await store.append(eva, 'INBOX', [octets], { sizeOctets: octets.length, flags: [] })
  }
  for (const subject of ['drop', 'file', 'keep']) await add(subject)
  const status = (mailbox: string): string => {
    const found = store.status(eva, mailbox)
    return found === undefined ? 'none' : `${found.messages} messages, ${found.unseen} unseen`
  }
  const claws = await startClaws(t, server)
  /** `new unread total` of its folders on the server. */
  const counted = async (): Promise<string[]> =>
    (await claws.tell('--status-full')).split('\n').flatMap((line) => {
      const [, counts = '', folder] = /^((?: +\d+){3}) #imap\/eva\/(.*)$/.exec(line) ?? []
      return folder === undefined ? [] : [`${folder}${counts.replaceAll(/ +/g, ' ')}`]
    })
  const fetched = async (subject: string): Promise<string> => {
    let path = ''
    await until(`${subject} is fetched`, async () => {
      await claws.tell('--receive-all') // passed over while it is still busy with the one before
      path = (await claws.tell('--search', '#imap/eva/INBOX', 's', subject)).trim()
      return path !== ''
    })
    return path
  }

  await claws.tell('--receive-all')
  await until('its filter has filed', () => status('INBOX') === '2 messages, 2 unseen')
  assert.equal(status('Filed'), '1 messages, 1 unseen')
  assert.deepEqual(await messagesIn(server, 'eva', 'Filed'), [sampleMessage('file')])
  const flagged = await store.select(eva, 'INBOX', { readOnly: true })
  assert.ok(!('refused' in flagged))
  await until('its filter has flagged', async () => {
    await flagged.refresh({ expunges: true })
    return flagged.hasFlag(2, '\\Flagged') && !flagged.hasFlag(1, '\\Flagged')
  })
  flagged.close()
  const path = await fetched('keep')
  assert.match(path, /INBOX\/3$/) // named after the UID
  assert.equal(readFileSync(path, 'utf8').replaceAll(/\r?\n/g, '\r\n'), sampleMessage('keep'))

  await claws.tell('--select', '#imap/eva/INBOX/1')
  await until('it is seen', () => status('INBOX') === '2 messages, 1 unseen')
  await claws.press('ctrl+d')
  await until('it is in Trash', () => status('INBOX') === '1 messages, 1 unseen')
  assert.deepEqual(await messagesIn(server, 'eva', 'Trash'), [sampleMessage('drop')])
  await add('later')
  await fetched('later')
  assert.match((await counted())[0] ?? '', /^INBOX \d 2 2$/)
  assert.doesNotMatch(server.log(), /SERVERBUG|panic|fatal/)
})
