/** Searches that answer a window, follow their results, or look into several mailboxes; sessions without numbers. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { dialogue, type Dialogue } from '../support/imap.ts'
import { startServer, type TestServer } from '../support/server.ts'

const letter = (subject: string): string => `From: ana@x.test\r\nSubject: ${subject}\r\n\r\nbody of ${subject}\r\n`

/** Without the tagged answer. */
const untagged = (said: string): string[] => said.split('\r\n').filter((line) => line.startsWith('* '))

async function filled(server: TestServer, t: Parameters<typeof dialogue>[0], subjects: string): Promise<Dialogue> {
  const ana = await dialogue(t, server.port('imap'), 'ana')
  for (const subject of subjects) await ana.append('INBOX', letter(subject))
  await ana.ask('SELECT INBOX')
  return ana
}

test('PARTIAL: a window over results, from either end, and what is saved of it', async (t) => {
  const server = await startServer(t, { accounts: ['ana'] })
  const ana = await filled(server, t, 'abcdef')
  await ana.ask('STORE 2 +FLAGS (\\Deleted)')
  await ana.ask('EXPUNGE') // UIDs 1 3 4 5 6
  const asked = async (command: string): Promise<string> =>
    (await ana.ask(command)).replace(/TAG "\w+"/, 'TAG').split('\r\n')[0] ?? ''
  assert.equal(await asked('SEARCH RETURN (PARTIAL 2:3) ALL'), '* ESEARCH (TAG) PARTIAL (2:3 2:3)')
  assert.equal(
    await asked('UID SEARCH RETURN (PARTIAL -1:-2 COUNT) ALL'),
    '* ESEARCH (TAG) UID COUNT 5 PARTIAL (-1:-2 5:6)',
  )
  assert.equal(await asked('UID SEARCH RETURN (PARTIAL 3:2) ALL'), '* ESEARCH (TAG) UID PARTIAL (3:2 3:4)')
  assert.equal(await asked('SEARCH RETURN (PARTIAL 6:9) ALL'), '* ESEARCH (TAG) PARTIAL (6:9 NIL)')
  assert.equal(await asked('SEARCH RETURN (PARTIAL -4:-900) ALL'), '* ESEARCH (TAG) PARTIAL (-4:-900 1:2)')
  assert.equal(
    await asked('UID SORT RETURN (PARTIAL 1:2) (REVERSE SUBJECT) UTF-8 ALL'),
    '* ESEARCH (TAG) UID PARTIAL (1:2 6,5)',
  )
  assert.match(await asked('SEARCH RETURN (PARTIAL 1:2 ALL) ALL'), / BAD /)
  assert.match(await asked('SEARCH RETURN (PARTIAL 1:2 PARTIAL 3:4) ALL'), / BAD /)
  assert.match(await asked('SEARCH RETURN (PARTIAL 1:-2) ALL'), / BAD /)
  assert.match(await asked('SEARCH RETURN (PARTIAL 0:2) ALL'), / BAD /)
  await ana.ask('SEARCH RETURN (SAVE PARTIAL 1:2 MAX) ALL')
  assert.deepEqual(untagged(await ana.ask('UID FETCH $ UID')), [
    '* 1 FETCH (UID 1)',
    '* 2 FETCH (UID 3)',
    '* 5 FETCH (UID 6)',
  ])
  await ana.ask('SEARCH RETURN (SAVE PARTIAL 1:2 COUNT) ALL')
  assert.equal(untagged(await ana.ask('FETCH $ UID')).length, 5)
  assert.deepEqual(untagged(await ana.ask('UID FETCH 1:* UID (PARTIAL -1:-2)')), [
    '* 4 FETCH (UID 5)',
    '* 5 FETCH (UID 6)',
  ])
  const since = /HIGHESTMODSEQ (\d+)/.exec(await ana.ask('STATUS INBOX (HIGHESTMODSEQ)'))?.[1]
  await ana.ask('STORE 1,5 +FLAGS (\\Flagged)')
  const changed = untagged(await ana.ask(`UID FETCH 1:* FLAGS (CHANGEDSINCE ${since} PARTIAL -1:-2)`))
  assert.match(changed.join(), /^\* 5 FETCH [^*]*$/)
  assert.match(await asked('FETCH 1:* UID (PARTIAL 1:2)'), / BAD /)
})

test('CONTEXT=SEARCH: what comes and goes is told, before EXPUNGE and after FETCH and EXISTS', async (t) => {
  const server = await startServer(t, { accounts: ['ana'] })
  const ana = await filled(server, t, 'abc')
  const other = await filled(server, t, '')
  assert.match(await ana.ask('SEARCH RETURN (UPDATE COUNT CONTEXT) FLAGGED'), /COUNT 0\r\n/)
  const byUid = await ana.ask('UID SEARCH RETURN (UPDATE) UNDELETED 1:2')
  assert.match(byUid, /^\* ESEARCH \(TAG "t\d+"\) UID\r\n/)
  const stored = await ana.ask('STORE 2 +FLAGS (\\Flagged)')
  assert.match(stored, /^\* 2 FETCH [^*]*\* ESEARCH \(TAG "t6"\) ADDTO \(0 2\)\r\nt8 OK/)
  await other.ask('STORE 3 +FLAGS.SILENT (\\Flagged)')
  await other.append('INBOX', letter('d'), '(\\Flagged) ')
  await other.ask('STORE 1:2 +FLAGS.SILENT (\\Deleted)')
  const told = untagged(await ana.ask('NOOP'))
  assert.deepEqual(
    told.filter((line) => line.includes('ESEARCH')),
    ['* ESEARCH (TAG "t6") ADDTO (0 3:4)', '* ESEARCH (TAG "t7") UID REMOVEFROM (0 1:2)'],
  )
  assert.ok(told.indexOf('* 4 EXISTS') < told.findIndex((line) => line.includes('ADDTO')))
  await other.ask('EXPUNGE')
  assert.deepEqual(untagged(await ana.ask('NOOP')), [
    '* ESEARCH (TAG "t6") REMOVEFROM (0 2)',
    '* 1 EXPUNGE',
    '* 1 EXPUNGE',
  ])
  await ana.ask('CANCELUPDATE "t6" "nothing"')
  await other.ask('STORE 1:2 -FLAGS.SILENT (\\Flagged)')
  assert.ok(!(await ana.ask('NOOP')).includes('ESEARCH'))
})

test('CONTEXT=SORT: places are told; tags are not used twice, and contexts have a bound', async (t) => {
  const server = await startServer(t, { accounts: ['ana'] })
  const ana = await filled(server, t, 'bd')
  const sorted = await ana.ask('UID SORT RETURN (UPDATE ALL) (SUBJECT) UTF-8 UNDELETED')
  assert.match(sorted, /UID ALL 1:2\r\n/)
  await ana.append('INBOX', letter('c'))
  assert.match(await ana.append('INBOX', letter('a')), /UID ADDTO \(1 4\)\r\n/)
  assert.match(await ana.ask('UID STORE 1,4 +FLAGS (\\Deleted)'), /UID REMOVEFROM \(2 1 1 4\)\r\n/)
  assert.match(await ana.ask('UID STORE 1,4 -FLAGS (\\Deleted)'), /UID ADDTO \(1 4 2 1\)\r\n/)
  for (let i = 0; i < 15; i++) assert.ok(!(await ana.ask('SEARCH RETURN (UPDATE COUNT) SEEN')).includes('NOUPDATE'))
  const refused = await ana.ask('SEARCH RETURN (UPDATE COUNT) SEEN')
  assert.match(refused, /COUNT 0\r\n\* NO \[NOUPDATE "(t\d+)"\] .*\r\n\1 OK/)
  await ana.ask('SELECT INBOX')
  assert.ok(!(await ana.ask('STORE 1 +FLAGS (\\Seen)')).includes('ESEARCH'))
})

test('a tag with a context is not used for another', async (t) => {
  const server = await startServer(t, { accounts: ['ana'] })
  const ana = await filled(server, t, 'a')
  ana.send('x SEARCH RETURN (UPDATE) ALL\r\nx SEARCH RETURN (UPDATE) ALL\r\n')
  assert.match(await ana.until(/^x BAD .*\r\n/m), /^\* ESEARCH[^]*x OK[^]*x BAD Tag reuse\r\n$/)
})

test('MULTISEARCH: several mailboxes in one command, selected or not', async (t) => {
  const server = await startServer(t, { accounts: ['ana'] })
  const ana = await dialogue(t, server.port('imap'), 'ana')
  for (const name of ['Top', 'Top/One', 'Top/One/Two']) await ana.ask(`CREATE ${name}`)
  for (const name of ['INBOX', 'Top', 'Top/One', 'Top/One/Two', 'Sent']) await ana.append(name, letter(`in ${name}`))
  const found = async (source: string): Promise<string[]> =>
    [
      ...(await ana.ask(`ESEARCH ${source} SUBJECT in`)).matchAll(/MAILBOX "([^"]+)" UIDVALIDITY \d+\) UID ALL 1\r/g),
    ].map(([, name = '']) => name)
  assert.deepEqual(await found('IN (subtree Top)'), ['Top', 'Top/One', 'Top/One/Two'])
  assert.deepEqual(await found('IN (subtree-one "Top")'), ['Top', 'Top/One'])
  assert.deepEqual((await found('IN (personal)')).length, 5)
  assert.deepEqual(await found('IN (mailboxes (Sent inbox nothing) subtree Top/One)'), [
    'INBOX',
    'Sent',
    'Top/One',
    'Top/One/Two',
  ])
  assert.equal((await found('IN (inboxes)')).length, 5) // mail is delivered to any of them
  assert.match(await ana.ask('ESEARCH IN (selected) ALL'), / BAD /)
  assert.match(await ana.ask('ESEARCH ALL'), / BAD /)
  assert.match(await ana.ask('ESEARCH IN (personal) SUBJECT nowhere'), /^t\d+ OK/)
  assert.match(await ana.ask('ESEARCH IN (selected-delayed) ALL'), / BAD /)
  await ana.ask('SELECT Top')
  assert.match(
    await ana.ask('ESEARCH RETURN (COUNT MIN SAVE) ALL'),
    /^\* ESEARCH \(TAG "t\d+" MAILBOX "Top" UIDVALIDITY \d+\) UID MIN 1 COUNT 1\r\n/,
  )
  assert.match(
    await ana.ask('ESEARCH IN (selected inboxes) RETURN (MAX PARTIAL 1:1) UNSEEN'),
    /MAILBOX "Top"[^*]*UID MAX 1 PARTIAL \(1:1 1\)\r\n\* ESEARCH [^*]*MAILBOX "INBOX"/,
  )
  assert.match(await ana.ask('ESEARCH IN (personal) RETURN (SAVE) ALL'), / BAD /)
  assert.match(await ana.ask('FETCH 1 UID'), /^\* 1 FETCH/)
})

test('UIDONLY: numbers are refused, answers name UIDs, expunges are VANISHED', async (t) => {
  const server = await startServer(t, { accounts: ['ana'] })
  const first = await filled(server, t, 'abc')
  await first.ask('STORE 1 +FLAGS (\\Deleted)')
  await first.ask('EXPUNGE')
  const ana = await dialogue(t, server.port('imap'), 'ana')
  assert.match(await ana.ask('ENABLE UIDONLY'), /^\* ENABLED UIDONLY\r\n/)
  const selected = await ana.ask('SELECT INBOX')
  assert.match(selected, /\* 2 EXISTS\r\n/)
  assert.ok(!selected.includes('UNSEEN'))
  const refused = [
    'FETCH 1 FLAGS',
    'STORE 1 FLAGS ()',
    'SEARCH ALL',
    'SORT (DATE) UTF-8 ALL',
    'THREAD REFERENCES UTF-8 ALL',
    'COPY 1 Sent',
    'MOVE 1 Sent',
    'UID SEARCH 1',
    'UID SEARCH NOT (1:2)',
  ]
  for (const command of refused) assert.match(await ana.ask(command), /^t\d+ BAD \[UIDREQUIRED\]/, command)
  assert.deepEqual(
    untagged(await ana.ask('UID FETCH 1:* FLAGS')),
    ['* 2 UIDFETCH (FLAGS (\\Recent))', '* 3 UIDFETCH (FLAGS (\\Recent))'].map((line) => line.replace('\\Recent', '')),
  )
  assert.match(
    await ana.ask('UID FETCH 2 (UID BODY[HEADER.FIELDS (SUBJECT)])'),
    /^\* 2 UIDFETCH \(UID 2 BODY\[HEADER.FIELDS \(SUBJECT\)\] \{14\}\r\nSubject: b\r\n\r\n FLAGS \(\\Seen\)\)\r\n/,
  )
  assert.match(await ana.ask('UID STORE 3 +FLAGS (\\Deleted)'), /^\* 3 UIDFETCH \(FLAGS \(\\Deleted\)\)\r\n/)
  assert.match(await ana.ask('UID SEARCH UNDELETED'), /^\* SEARCH 2\r\n/)
  assert.match(await ana.ask('UID EXPUNGE 3'), /^\* VANISHED 3\r\n/)
  await first.ask('STORE 1 +FLAGS (kept)')
  assert.match(await ana.ask('NOOP'), /^\* 2 UIDFETCH \(FLAGS \(\\Seen kept\)\)\r\n/)
  assert.match(await ana.ask('UID MOVE 2 Sent'), /\* OK \[COPYUID \d+ 2 1\] Moved\r\n\* VANISHED 2\r\n/)
  await ana.ask('ENABLE QRESYNC')
  assert.match(await ana.ask('SELECT INBOX (QRESYNC (1 5 1:3 (1 1)))'), / BAD \[UIDREQUIRED\]/)
})

test('INPROGRESS: a client that waits hears how far a search has come', async (t) => {
  const server = await startServer(t, { accounts: ['ana'], mainCf: 'imapd_progress_interval = 1s\n' })
  const ana = await dialogue(t, server.port('imap'), 'ana')
  const body = `Subject: x\r\n\r\n${'words and more words\r\n'.repeat(20_000)}`
  for (let i = 0; i < 5; i++) await ana.append('INBOX', body)
  await ana.ask('SELECT INBOX')
  const keys = Array.from({ length: 300 }, (_, i) => `NOT BODY "nowhere ${i}"`)
  const said = await ana.ask(`SEARCH ${keys.join(' ')}`)
  assert.match(said, /\* OK \[INPROGRESS \("t8" (?:NIL NIL|\d+ 5)\)\] .*\r\n/)
  assert.match(said, /\* SEARCH 1 2 3 4 5\r\nt8 OK/)
})

test('UTF8=ACCEPT: strings are UTF-8, and CHARSET is refused', async (t) => {
  const server = await startServer(t, { accounts: ['ana'] })
  const ana = await dialogue(t, server.port('imap'), 'ana')
  assert.match(await ana.ask('ENABLE UTF8=ACCEPT'), /^\* ENABLED UTF8=ACCEPT\r\n/)
  await ana.append('INBOX', Buffer.from('Subject: ñandú\r\n\r\n'))
  assert.match(await ana.ask(Buffer.from('CREATE "Ñandú"')), /^t\d+ OK/)
  assert.ok(Buffer.from(await ana.ask(Buffer.from('LIST "" "Ñ*"')), 'latin1').includes('"Ñandú"'))
  await ana.ask('SELECT INBOX')
  assert.match(await ana.ask(Buffer.from('SEARCH SUBJECT "ñandú"')), /^\* SEARCH 1\r\n/)
  assert.match(await ana.ask('SEARCH CHARSET UTF-8 SUBJECT x'), /^t\d+ BAD /)
})

test('SEARCH=FUZZY: words in any order and nearly right, and how relevant each message is', async (t) => {
  const server = await startServer(t, { accounts: ['ana'] })
  const ana = await dialogue(t, server.port('imap'), 'ana')
  const letters = [
    ['Lunch', 'Let us talk about the harvest festival.'],
    ['Harvest festival', 'All are welcome.'],
    ['Other', 'nothing of it'],
    ['Festivals', 'the hervest was good'],
    ['Festival of the harvest', 'x'],
  ]
  for (const [subject, text] of letters) await ana.append('INBOX', `Subject: ${subject}\r\n\r\n${text}\r\n`)
  await ana.ask('SELECT INBOX')
  const scores = async (command: string): Promise<string> =>
    (await ana.ask(command)).replace(/TAG "\w+"/, 'TAG').split('\r\n')[0] ?? ''
  assert.equal(await scores('SEARCH FUZZY TEXT "harvest festival"'), '* SEARCH 1 2 4 5')
  assert.equal(
    await scores('SEARCH RETURN (ALL RELEVANCY) FUZZY TEXT "harvest festival"'),
    '* ESEARCH (TAG) ALL 1:2,4:5 RELEVANCY (60 100 55 85)',
  )
  assert.equal(await scores('SORT (RELEVANCY) UTF-8 FUZZY TEXT "harvest festival"'), '* SORT 2 5 1 4')
  assert.equal(
    await scores('SORT RETURN (PARTIAL 1:2 RELEVANCY) (RELEVANCY) UTF-8 FUZZY TEXT "harvest festival"'),
    '* ESEARCH (TAG) PARTIAL (1:2 2,5) RELEVANCY (100 85)',
  )
  assert.equal(await scores('UID SORT (REVERSE RELEVANCY) UTF-8 FUZZY SUBJECT "festivol"'), '* SORT 2 4 5')
  assert.equal(await scores('SEARCH SUBJECT "lunch" FUZZY (BODY harvst UNSEEN)'), '* SEARCH 1')
  assert.equal(await scores('SEARCH FUZZY OR SUBJECT "othr" NOT TEXT "festival"'), '* SEARCH 3')
  assert.match(await scores('SEARCH RETURN (RELEVANCY) TEXT "harvest"'), / BAD /)
  assert.match(await scores('SORT (RELEVANCY) UTF-8 TEXT "harvest"'), / BAD /)
  assert.match(
    await ana.ask('ESEARCH IN (personal) RETURN (ALL RELEVANCY) FUZZY SUBJECT harvest'),
    /UID ALL 2,5 RELEVANCY \(100 100\)/,
  )
})

test('UIDBATCHES: ranges of UIDs for batches of one size, the newest first', async (t) => {
  const server = await startServer(t, { accounts: ['ana'] })
  const ana = await filled(server, t, 'ab')
  const batches = async (args: string): Promise<string> =>
    (await ana.ask(`UIDBATCHES ${args}`)).replace(/TAG "\w+"/, 'TAG').split('\r\n')[0] ?? ''
  assert.equal(await batches('500'), '* UIDBATCHES (TAG) 2:1')
  await ana.ask('SELECT Sent')
  assert.equal(await batches('500'), '* UIDBATCHES (TAG)')
  await ana.ask('SELECT INBOX')
  for (let n = 2; n < 2048; n *= 2) await ana.ask('COPY 1:* INBOX') // UIDs 1 to 2048
  await ana.ask('UID STORE 3,5,2048 +FLAGS.SILENT (\\Deleted)')
  await ana.ask('EXPUNGE') // 2045 messages
  assert.equal(await batches('1000'), '* UIDBATCHES (TAG) 2047:1048,1047:48,47:1')
  assert.equal(await batches('1000 2:3'), '* UIDBATCHES (TAG) 1047:48,47:1')
  assert.equal(await batches('1000 4:9'), '* UIDBATCHES (TAG)')
  assert.equal(await batches('2045'), '* UIDBATCHES (TAG) 2047:1')
  assert.match(await batches('499'), / NO \[TOOFEW\] /)
  assert.match(await batches('1000 3:2'), / BAD \[CLIENTBUG\] /)
  for (const args of ['', '0', 'x', '1000 1', '1000 1:2 3']) assert.match(await batches(args), / BAD /, args)
  assert.equal((await ana.ask('UID SEARCH RETURN (COUNT) UID 47:1')).match(/COUNT (\d+)/)?.[1], '45')
})

test('SAVELIMIT: one COPY or APPEND has so many messages at the most; UIDAFTER and UIDBEFORE name the rest', async (t) => {
  const server = await startServer(t, { accounts: ['ana'], mainCf: 'imapd_save_limit = 2\n' })
  const ana = await filled(server, t, 'abcd')
  assert.match(ana.greeting, / SAVELIMIT=2 /)
  assert.match(await ana.ask('UID COPY 1:* Sent'), /^t\d+ NO \[MESSAGELIMIT 2 3\] /)
  assert.match(await ana.ask('UID COPY 3:* Sent'), /^t\d+ OK/)
  assert.match(await ana.ask('APPEND Sent {1+}\r\nx {1+}\r\ny {1+}\r\nz'), /^t\d+ NO \[MESSAGELIMIT 2\] /)
  assert.match(await ana.ask('STATUS Sent (MESSAGES)'), /MESSAGES 2\)/)
  assert.match(await ana.ask('UID SEARCH UIDAFTER 2'), /^\* SEARCH 3 4\r\n/)
  assert.match(await ana.ask('UID SEARCH UIDAFTER 4'), /^\* SEARCH\r\n/)
  assert.match(await ana.ask('UID SEARCH OR UIDBEFORE 1 UIDBEFORE 3'), /^\* SEARCH 1 2\r\n/)
  assert.match(await ana.ask('UID MOVE 1:* Archive'), /COPYUID \d+ 1:4 1:4\]/)
})

test('MESSAGELIMIT: each command works on the newest messages and says how far down; COPY and APPEND are refused', async (t) => {
  const limits = 'imapd_message_limit = 2\nimapd_save_limit = 3\n'
  const server = await startServer(t, { accounts: ['ana'], mainCf: limits })
  const ana = await filled(server, t, 'abcd')
  assert.match(ana.greeting, / MESSAGELIMIT=2 /)
  assert.doesNotMatch(ana.greeting, /SAVELIMIT/)
  const asked = async (command: string): Promise<string> => (await ana.ask(command)).replace(/^t\d+ /m, '')
  assert.match(
    await asked('FETCH 1:3 UID'),
    /^\* 3 FETCH \(UID 3\)\r\n\* 2 FETCH \(UID 2\)\r\nOK \[MESSAGELIMIT 2 2\] /,
  )
  assert.match(await asked('FETCH 1:2 UID'), /^\* 1 FETCH [^]*\r\nOK Fetch completed\r\n$/)
  assert.match(await asked('UID FETCH 1:* UID (PARTIAL -1:-3)'), /^NO \[MESSAGELIMIT 2\] /)
  assert.match(await asked('UID FETCH 1:* UID (PARTIAL -1:-2)'), /OK Fetch/)
  assert.match(await asked('UID SEARCH 1:3 UNDELETED'), /^\* SEARCH 2 3\r\nOK \[MESSAGELIMIT 2 2\] /)
  assert.match(await asked('SEARCH NOT SUBJECT d'), /^\* SEARCH 3\r\nOK \[MESSAGELIMIT 2 3\] /)
  assert.match(await asked('SEARCH 1:2,90:99'), /^\* SEARCH 1 2\r\nOK Search completed\r\n$/)
  assert.match(await asked('UID SEARCH UIDBEFORE 3 ALL'), /^\* SEARCH 1 2\r\nOK Search completed\r\n$/)
  assert.match(await asked('UID SEARCH RETURN (PARTIAL 1:3) ALL'), /^NO \[MESSAGELIMIT 2\] /)
  assert.match(
    await asked('ESEARCH RETURN (COUNT UPDATE) ALL'),
    /COUNT 2\r\n\* NO \[NOUPDATE [^]*\r\nOK \[MESSAGELIMIT 2 3\] /,
  )
  assert.match(await asked('UID SEARCH RETURN (SAVE) ALL'), /^OK \[MESSAGELIMIT 2 3\] /)
  assert.match(await asked('UID SEARCH $'), /^\* SEARCH 3 4\r\nOK Search completed\r\n$/)
  for (const command of ['THREAD REFERENCES UTF-8 ALL', 'UID SORT (DATE) UTF-8 1:2'])
    assert.match(await asked(command), /^NO \[MESSAGELIMIT 2\] /)
  assert.match(
    await asked('STORE 1:3 +FLAGS (\\Deleted)'),
    /^\* 3 FETCH [^]*\* 2 FETCH [^]*\r\nOK \[MESSAGELIMIT 2 2\] /,
  )
  assert.match(await asked('UID STORE 1,4 +FLAGS.SILENT (\\Deleted)'), /^OK Store/)
  assert.match(
    await asked('UID STORE 1:4 (UNCHANGEDSINCE 1) +FLAGS.SILENT (\\Seen)'),
    /^\* NO \[MESSAGELIMIT 2 3\] [^]*\r\nOK \[MODIFIED 3:4\] /,
  )
  assert.match(await asked('COPY 1:3 Sent'), /^NO \[MESSAGELIMIT 2 2\] /)
  assert.match(await asked('APPEND Sent {1+}\r\nx {1+}\r\ny {1+}\r\nz'), /^NO \[MESSAGELIMIT 2\] /)
  assert.match(await asked('UID EXPUNGE 1:*'), /^\* 3 EXPUNGE\r\n\* 3 EXPUNGE\r\nOK \[MESSAGELIMIT 2 3\] /)
  assert.match(await asked('EXPUNGE'), /^\* 1 EXPUNGE\r\n\* 1 EXPUNGE\r\nOK Expunge completed\r\n$/)
  for (const subject of 'efg') await ana.append('INBOX', letter(subject))
  const moved = await asked('UID MOVE 1:* Archive')
  assert.match(moved, /^\* OK \[COPYUID \d+ 6:7 1:2\] [^]*\* 2 EXPUNGE\r\n\* 2 EXPUNGE\r\nOK \[MESSAGELIMIT 2 6\] /)
  await ana.ask('ENABLE QRESYNC')
  for (const subject of 'hi') await ana.append('INBOX', letter(subject))
  assert.match(
    await asked('UID MOVE 1:* Archive'),
    /\* VANISHED 8:9\r\n\* NO \[MESSAGELIMIT 2 8\] [^]*\r\nOK \[HIGHESTMODSEQ \d+\] /,
  )
})
