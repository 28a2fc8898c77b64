/** NOTIFY (RFC 5465): what a client hears between its commands, of the selected mailbox and of others. */
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { ANYONE, SHARED_ACCOUNT } from '../../src/mail/store/mod.ts'
import { dialogue, type Dialogue } from '../support/imap.ts'
import { startServer, type TestServer } from '../support/server.ts'

const letter = (subject: string): string => `From: ana@x.test\r\nSubject: ${subject}\r\n\r\nbody of ${subject}\r\n`

/** Two sessions of one account; the first hears nothing of . */
async function two(t: TestContext): Promise<{ ana: Dialogue; other: Dialogue; server: TestServer }> {
  const server = await startServer(t, { accounts: ['ana'] })
  const ana = await dialogue(t, server.port('imap'), 'ana')
  await ana.ask('ENABLE IMAP4rev2')
  const other = await dialogue(t, server.port('imap'), 'ana')
  return { ana, other, server }
}

/** What comes without a command, up to a line that matches. */
const heard = async (session: Dialogue, last: RegExp): Promise<string[]> =>
  (await session.until(new RegExp(`^\\* ${last.source}\\r\\n`, 'm'))).split('\r\n').filter((line) => line !== '')

test('of other mailboxes new mail, expunges and flags are told by STATUS, and own changes are not', async (t) => {
  const { ana, other } = await two(t)
  await other.append('Sent', letter('old'))
  assert.match(await ana.ask('CAPABILITY'), / NOTIFY /)
  const set = await ana.ask(
    'NOTIFY SET STATUS (mailboxes (Sent Drafts Nowhere) (MessageNew MessageExpunge FlagChange)) (subtree "Archive" (MessageNew MessageExpunge))',
  )
  assert.match(set, /^\* STATUS "Archive" \(UIDVALIDITY \d+ UIDNEXT 1 MESSAGES 0\)\r\n/)
  assert.match(set, /\* STATUS "Sent" \(UIDVALIDITY \d+ UIDNEXT 2 MESSAGES 1 HIGHESTMODSEQ \d+\)\r\n/)
  assert.equal(set.match(/STATUS/g)?.length, 3)
  await other.append('Junk', letter('unheard'))
  await other.append('Sent', letter('new'))
  assert.deepEqual(await heard(ana, /STATUS.*/), ['* STATUS "Sent" (UIDNEXT 3 MESSAGES 2)'])
  await other.ask('SELECT Sent')
  await other.ask('STORE 1 +FLAGS (\\Seen \\Deleted)')
  assert.deepEqual(await heard(ana, /STATUS.*/), ['* STATUS "Sent" (UNSEEN 1)'])
  await other.ask('EXPUNGE')
  assert.deepEqual(await heard(ana, /STATUS.*/), ['* STATUS "Sent" (UIDNEXT 3 MESSAGES 1)'])
  await ana.append('Sent', letter('mine')) // not told
  await other.append('Drafts', letter('theirs'))
  assert.deepEqual(await heard(ana, /STATUS.*/), ['* STATUS "Drafts" (UIDNEXT 2 MESSAGES 1)'])
  await ana.ask('ENABLE CONDSTORE')
  await other.ask('STORE 1 +FLAGS (\\Flagged)')
  assert.match((await heard(ana, /STATUS.*/)).join(), /^\* STATUS "Sent" \(UIDVALIDITY \d+ HIGHESTMODSEQ \d+\)$/)
  await other.ask('COPY 1 Archive')
  assert.match(
    (await heard(ana, /STATUS.*/)).join(),
    /^\* STATUS "Archive" \(UIDNEXT 2 MESSAGES 1 HIGHESTMODSEQ \d+\)$/,
  )
  assert.match(await ana.ask('NOTIFY NONE'), /^t\d+ OK/)
  await other.append('Sent', letter('unheard'))
  assert.match(await ana.ask('NOOP'), /^t\d+ OK/)
})

test('selected: new messages are fetched, expunges and flags told at once, between commands and in IDLE', async (t) => {
  const { ana, other } = await two(t)
  await ana.append('INBOX', letter('a'))
  await ana.append('INBOX', letter('b'))
  await ana.ask('NOTIFY SET (selected (MessageNew (UID BODY.PEEK[HEADER.FIELDS (SUBJECT)]) MessageExpunge FlagChange))')
  await ana.ask('SELECT INBOX')
  await other.ask('SELECT INBOX')
  await other.append('INBOX', letter('c'))
  assert.deepEqual(await heard(ana, /3 FETCH[^]*?\n\)/), [
    '* 3 EXISTS',
    '* 3 FETCH (UID 3 BODY[HEADER.FIELDS (SUBJECT)] {14}',
    'Subject: c',
    ')',
  ])
  await other.ask('STORE 1 +FLAGS (\\Deleted)')
  assert.deepEqual(await heard(ana, /\d FETCH.*/), ['* 1 FETCH (UID 1 FLAGS (\\Deleted))'])
  await other.ask('EXPUNGE')
  assert.deepEqual(await heard(ana, /\d EXPUNGE/), ['* 1 EXPUNGE'])
  const own = await ana.append('INBOX', letter('mine'))
  assert.match(own, /^\* 3 EXISTS\r\nt\d+ OK/)
  ana.send('i IDLE\r\n')
  await ana.until(/^\+ .*\r\n/m)
  await other.append('INBOX', letter('d'))
  assert.equal((await heard(ana, /4 FETCH[^]*?\n\)/)).length, 4)
  await other.append('Sent', letter('unheard'))
  ana.send('DONE\r\n')
  assert.match(await ana.until(/^i OK.*\r\n/m), /^i OK/)
  assert.match(await ana.ask('UID FETCH 1:* UID'), /^(\* \d FETCH \(UID \d\)\r\n){4}t\d+ OK/)
})

test('selected-delayed: expunges wait for a command that may have them', async (t) => {
  const { ana, other } = await two(t)
  for (const subject of 'ab') await ana.append('INBOX', letter(subject))
  await ana.ask('SELECT INBOX')
  await other.ask('SELECT INBOX')
  await ana.ask('NOTIFY SET (SELECTED-DELAYED (messagenew messageexpunge))')
  await other.ask('STORE 1 +FLAGS (\\Deleted)')
  await other.ask('EXPUNGE')
  await other.append('INBOX', letter('c'))
  assert.deepEqual(await heard(ana, /\d EXISTS/), ['* 3 EXISTS'])
  assert.match(await ana.ask('FETCH 2 UID'), /^\* 2 FETCH \(UID 2\)\r\nt\d+ OK/)
  assert.match(await ana.ask('NOOP'), /^\* 1 EXPUNGE\r\nt\d+ OK/)
})

test('without events of the selected mailbox nothing of it is told but what the client removes itself', async (t) => {
  const { ana, other } = await two(t)
  for (const subject of 'ab') await ana.append('INBOX', letter(subject))
  await ana.ask('SELECT INBOX')
  await other.ask('SELECT INBOX')
  await ana.ask('NOTIFY NONE')
  await other.ask('STORE 1 +FLAGS (\\Deleted)')
  await other.append('INBOX', letter('c'))
  assert.match(await ana.ask('NOOP'), /^t\d+ OK/)
  ana.send('i IDLE\r\n')
  await ana.until(/^\+ .*\r\n/m)
  await other.ask('EXPUNGE')
  ana.send('DONE\r\n')
  assert.match(await ana.until(/^i OK.*\r\n/m), /^i OK/)
  assert.match(await ana.ask('FETCH 2 UID'), /^\* 2 FETCH \(UID 2\)/)
  await ana.ask('UID STORE 2 +FLAGS (\\Deleted)')
  assert.match(await ana.ask('EXPUNGE'), /^\* 1 EXPUNGE\r\n\* 1 EXPUNGE\r\n\* 1 EXISTS\r\nt\d+ OK/)
  await other.append('INBOX', letter('d'))
  // An implied NOOP.
  assert.match(await ana.ask('NOTIFY SET (personal (MailboxName))'), /^\* 2 EXISTS\r\nt\d+ OK/)
})

test('names: what is made, removed, renamed and subscribed by others is told, with the name above it', async (t) => {
  const { ana, other } = await two(t)
  await ana.ask('NOTIFY SET (personal (MailboxName SubscriptionChange)) (mailboxes Junk NONE)')
  await other.ask('CREATE Top/One')
  assert.deepEqual(await heard(ana, /LIST .*One"/), [
    '* LIST (\\HasChildren) "/" "Top"',
    '* LIST (\\HasNoChildren) "/" "Top/One"',
  ])
  await other.ask('RENAME Top Else')
  assert.deepEqual(await heard(ana, /LIST .*/), ['* LIST (\\HasChildren) "/" "Else" ("OLDNAME" ("Top"))'])
  await other.ask('SUBSCRIBE Else/One')
  assert.deepEqual(await heard(ana, /LIST .*/), ['* LIST (\\Subscribed \\HasNoChildren) "/" "Else/One"'])
  await other.ask('UNSUBSCRIBE Junk')
  await other.ask('DELETE Else/One')
  const gone = await heard(ana, /LIST [^\n]*One"\r\n\* LIST .*/)
  assert.deepEqual(gone, ['* LIST (\\Subscribed \\NonExistent) "/" "Else/One"', '* LIST (\\HasNoChildren) "/" "Else"'])
  await ana.ask('CREATE Mine/Deep')
  await ana.ask('RENAME Mine Yours')
  await ana.ask('SUBSCRIBE Yours')
  await ana.ask('DELETE Yours')
  await other.ask('CREATE Last')
  assert.deepEqual(await heard(ana, /LIST .*/), ['* LIST (\\HasNoChildren) "/" "Last"'])
})

test('a mailbox that is made anew has another UIDVALIDITY, and subscriptions decide what is followed', async (t) => {
  const { ana, other } = await two(t)
  await other.ask('CREATE Work')
  await ana.ask('NOTIFY SET (subscribed (MessageNew MessageExpunge FlagChange))')
  await other.append('Work', letter('unheard'))
  await other.ask('SUBSCRIBE Work')
  await other.append('Work', letter('heard'))
  assert.deepEqual(await heard(ana, /STATUS.*/), ['* STATUS "Work" (UIDNEXT 3 MESSAGES 2)'])
  await other.ask('DELETE Work')
  await other.ask('CREATE Work')
  assert.match((await heard(ana, /STATUS.*/)).join(), /^\* STATUS "Work" \(UIDVALIDITY \d+ UIDNEXT 1 MESSAGES 0\)$/)
})

test('annotations of mailboxes and of the server are told without ENABLE METADATA, and only those asked for', async (t) => {
  const { ana, other } = await two(t)
  await ana.ask('NOTIFY SET (mailboxes INBOX (MailboxMetadataChange)) (personal (ServerMetadataChange))')
  await other.ask('SETMETADATA Sent (/private/comment "unheard")')
  await other.ask('SETMETADATA INBOX (/private/comment "x")')
  assert.deepEqual(await heard(ana, /METADATA.*/), ['* METADATA "INBOX" /private/comment'])
  await other.ask('SETMETADATA "" (/private/vendor/x "x")')
  assert.deepEqual(await heard(ana, /METADATA.*/), ['* METADATA "" /private/vendor/x'])
  await ana.ask('NOTIFY SET (mailboxes INBOX (MailboxMetadataChange))')
  await other.ask('SETMETADATA "" (/private/vendor/x NIL)')
  await other.ask('SETMETADATA INBOX (/private/comment NIL)')
  assert.deepEqual(await heard(ana, /METADATA.*/), ['* METADATA "INBOX" /private/comment'])
})

test('QRESYNC, UIDONLY and contexts: VANISHED, UIDFETCH, and one FETCH for all who asked', async (t) => {
  const { ana, other } = await two(t)
  await ana.append('INBOX', letter('a'))
  await ana.ask('ENABLE QRESYNC UIDONLY')
  await ana.ask('SELECT INBOX')
  await ana.ask('NOTIFY SET (selected (MessageNew (FLAGS) MessageExpunge FlagChange))')
  const found = await ana.ask('UID SEARCH RETURN (COUNT UPDATE (BODY.PEEK[HEADER.FIELDS (SUBJECT)])) SUBJECT boss')
  assert.match(found, /UID COUNT 0\r\n/)
  await other.ask('SELECT INBOX')
  await other.append('INBOX', letter('boss'))
  const [, head = '', ...rest] = await heard(ana, /ESEARCH.*/)
  assert.equal(head, '* 2 UIDFETCH (BODY[HEADER.FIELDS (SUBJECT)] {17}')
  assert.match(rest.join('|'), /^Subject: boss\| FLAGS \(\)\)\|\* ESEARCH \(TAG "t\d+"\) UID ADDTO \(0 2\)$/)
  await other.append('INBOX', letter('other'))
  assert.match((await heard(ana, /3 UIDFETCH.*/)).join('|'), /^\* 3 EXISTS\|\* 3 UIDFETCH \(FLAGS \(\)\)$/)
  await other.ask('STORE 2 +FLAGS (\\Deleted)')
  assert.match((await heard(ana, /2 UIDFETCH.*/)).join('|'), /^\* 2 UIDFETCH \(FLAGS \(\\Deleted\) MODSEQ \(\d+\)\)$/)
  await other.ask('EXPUNGE')
  assert.match((await heard(ana, /VANISHED.*/)).join('|'), /REMOVEFROM \(0 2\)\|\* VANISHED 2$/)
})

test('what is wrong with NOTIFY: BAD, and NO for events that are not known', async (t) => {
  const { ana } = await two(t)
  for (const wrong of [
    '',
    'ALL',
    'SET',
    'SET STATUS',
    'SET (personal)',
    'SET (personal ())',
    'SET (personal MailboxName)',
    'SET (everybody (MailboxName))',
    'SET (subtree-one INBOX (MailboxName))',
    'SET (personal (MessageNew))',
    'SET (personal (MessageExpunge))',
    'SET (personal (FlagChange))',
    'SET (selected (MessageNew MessageExpunge MailboxName))',
    'SET (personal (MessageNew (UID) MessageExpunge))',
    'SET (selected (MessageNew () MessageExpunge))',
    'SET (selected (MessageNew (ALL) MessageExpunge))',
    'SET (selected NONE) (selected-delayed NONE)',
    'SET (personal (MailboxName MailboxName))',
    'SET (personal NONE)(inboxes NONE)',
    'NONE x',
  ])
    assert.match(await ana.ask(`NOTIFY ${wrong}`), /^t\d+ BAD /, wrong)
  assert.match(
    await ana.ask('NOTIFY SET (personal (AnnotationChange)) (selected (Telepathy MessageNew))'),
    /^t\d+ NO \[BADEVENT \(MessageNew MessageExpunge FlagChange MailboxName SubscriptionChange MailboxMetadataChange ServerMetadataChange\)\] /,
  )
  assert.match(await ana.ask(`NOTIFY SET${' (personal NONE)'.repeat(101)}`), /^t\d+ NO \[NOTIFICATIONOVERFLOW\]/)
  assert.match(await ana.ask('NOTIFY SET (personal NONE) (selected NONE)'), /^t\d+ OK/)
})

test('more new messages than are fetched at once: NOTIFICATIONOVERFLOW, and then nothing', async (t) => {
  const { ana, other } = await two(t)
  await ana.ask('SELECT INBOX')
  await ana.ask('NOTIFY SET (selected (MessageNew (UID) MessageExpunge))')
  for (let i = 0; i < 6; i++) {
    const message = `{6+}\r\nA: b\r\n`
    await other.ask(`APPEND Archive${` ${message}`.repeat(1000)}`)
  }
  await other.ask('SELECT Archive')
  ana.send('x APPEND Archive {6}\r\n') // nothing is told amid a command
  await ana.until(/^\+ .*\r\n/m)
  await other.ask('COPY 1:* INBOX')
  ana.send('A: b\r\n\r\n')
  assert.match((await heard(ana, /OK \[NOTIFICATIONOVERFLOW\].*/)).join('|'), /^\* 6000 EXISTS\|(?:x OK .*\|)?\* OK/)
  await other.ask('COPY 1 INBOX')
  assert.match(await ana.ask('NOOP'), /^t\d+ OK/)
  await other.ask('SELECT INBOX')
  assert.match(await ana.ask('NOTIFY SET (selected (MessageNew (UID) MessageExpunge))'), /^\* 6001 EXISTS/)
})

test('mailboxes of others: those that may be listed and read, from when they may be and as long as they may', async (t) => {
  const server = await startServer(t, { accounts: ['ana', 'bea'] })
  const ana = await dialogue(t, server.port('imap'), 'ana')
  const bea = await dialogue(t, server.port('imap'), 'bea')
  for (const name of ['Plans', 'Closed', 'Secret']) await ana.ask(`CREATE ${name}`)
  await ana.ask('SETACL Plans bea lr')
  await ana.ask('SETACL Closed bea l')
  const name = 'Other Users/ana'
  const events = '(MessageNew MessageExpunge FlagChange MailboxName)'
  const set = await bea.ask(`NOTIFY SET STATUS (subtree "Other Users" ${events})`)
  assert.match(set, /^\* LIST \(\\NoAccess\) "\/" "Other Users\/ana\/Closed"\r\n\* STATUS "/)
  assert.equal(set.match(/\* STATUS "Other Users\/ana\/Plans" /g)?.length, 1)
  await ana.append('Secret', letter('unheard'))
  await ana.append('INBOX', letter('unheard'))
  await ana.append('Plans', letter('heard'))
  assert.deepEqual(await heard(bea, /STATUS.*/), [`* STATUS "${name}/Plans" (UIDNEXT 2 MESSAGES 1 UNSEEN 1)`])
  await ana.ask('SETACL Secret bea lr')
  const granted = await heard(bea, /STATUS.*/)
  assert.ok(granted.includes(`* LIST (\\HasNoChildren) "/" "${name}/Secret"`), granted.join('|'))
  assert.match(granted.at(-1) ?? '', /Secret" \(UIDVALIDITY \d+ UIDNEXT 2 MESSAGES 1\)/)
  await ana.ask('DELETEACL Secret bea')
  assert.ok((await heard(bea, /LIST [^\n]*Secret"/)).at(-1)?.startsWith('* LIST (\\NonExistent)'))
  await ana.append('Secret', letter('unheard'))
  await ana.ask('RENAME Plans Past')
  assert.ok((await heard(bea, /LIST .*OLDNAME.*/)).at(-1)?.includes(`"${name}/Past" ("OLDNAME" ("${name}/Plans"))`))
  await bea.ask('NOTIFY SET (personal (MessageNew MessageExpunge))')
  await ana.append('Past', letter('unheard'))
  await ana.append('"INBOX"', letter('unheard'))
  assert.match(await bea.ask('NOOP'), /^t\d+ OK/)
  await bea.ask(`SELECT "${name}/Past"`)
  await bea.ask('NOTIFY SET (selected (MessageNew (UID) MessageExpunge FlagChange))')
  await ana.append('Past', letter('selected'))
  assert.match((await heard(bea, /\d FETCH.*/)).join('|'), /^\* 3 EXISTS\|(?:\* \d RECENT\|)?\* 3 FETCH \(UID 3\)$/)
})

test('mailboxes of others: what the client did there itself is not told, under whatever name', async (t) => {
  const server = await startServer(t, { accounts: ['ana', 'bea'] })
  const ana = await dialogue(t, server.port('imap'), 'ana')
  const bea = await dialogue(t, server.port('imap'), 'bea')
  await ana.ask('CREATE Plans')
  for (const name of ['INBOX', 'Plans']) await ana.ask(`SETACL ${name} bea lrswipkxte`)
  const name = 'Other Users/ana'
  await bea.ask('NOTIFY SET (subtree "Other Users" (MessageNew MessageExpunge MailboxName))')
  assert.match(await bea.append('"Other Users/ANA/inbox"', letter('own')), /^t\d+ OK/)
  for (const command of [
    `CREATE "${name}/Plans/new"`,
    `RENAME "${name}/Plans/new" "${name}/Plans/old"`,
    `DELETE "${name}/Plans/old"`,
  ]) {
    assert.match(await bea.ask(command), /^t\d+ OK/, command)
    assert.match(await bea.ask('NOOP'), /^t\d+ OK/, command)
  }
  await bea.ask(`SELECT "${name}/INBOX"`)
  await bea.ask('NOTIFY SET (selected (MessageNew (UID) MessageExpunge))')
  assert.doesNotMatch(await bea.append('"Other Users/ANA/inbox"', letter('own')), /FETCH/)
})

test('a shared mailbox that all may see is told of from when they may', async (t) => {
  const server = await startServer(t, { accounts: ['bea'] })
  const bea = await dialogue(t, server.port('imap'), 'bea')
  await bea.ask('NOTIFY SET (subtree Shared (MessageNew MessageExpunge MailboxName))')
  const { store } = server.server.rooms.current
  await store.createMailbox(SHARED_ACCOUNT, 'Info')
  const anyone = { grantee: ANYONE, negative: false }
  await store.changeGrant(SHARED_ACCOUNT, 'Info', anyone, { operation: 'set', rights: 'lr' })
  assert.match((await heard(bea, /LIST .*/)).at(-1) ?? '', /LIST \(\\HasNoChildren\) "\/" "Shared\/Info"/)
})
