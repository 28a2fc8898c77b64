/** Mailboxes that several users read: their own \Seen, copies between accounts, and rights that change meanwhile. */
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import type { Store } from '../../src/mail/store/mod.ts'
import { ANYONE, SHARED_ACCOUNT } from '../../src/mail/store/mod.ts'
import { type Dialogue, dialogue } from '../support/imap.ts'
import { startServer, type TestServer } from '../support/server.ts'

const ANA = 1
const BEA = 2
const CARL = 3
const MESSAGE = 'Subject: hello\r\n\r\nworld\r\n'
const INBOX = '"Other Users/ana/INBOX"'

interface House {
  readonly server: TestServer
  readonly store: Store
  /** A new session. */
  readonly as: (user: string, ...commands: readonly string[]) => Promise<Dialogue>
}

async function house(t: TestContext, mainCf = ''): Promise<House> {
  const server = await startServer(t, { accounts: ['ana', 'bea', 'carl'], mainCf })
  return {
    server,
    store: server.server.rooms.current.store,
    as: async (user, ...commands) => {
      const client = await dialogue(t, server.port('imap'), user)
      for (const command of commands) assert.match(await client.ask(command), /^t\d+ OK /m, command)
      return client
    },
  }
}

const change = ({ store }: House, who: number, rights: string, name = 'INBOX', owner = ANA): Promise<unknown> =>
  store.changeGrant(owner, name, { grantee: who, negative: false }, { operation: 'set', rights })

/** Untagged lines that match. */
const lines = (answer: string, pattern: RegExp): string[] => answer.split('\r\n').filter((line) => pattern.test(line))

/** Of all messages, without \Recent. */
const flagsOf = async (client: Dialogue): Promise<string[]> => {
  await client.ask('NOOP')
  const fetched = lines(await client.ask('FETCH 1:* (FLAGS)'), /FETCH/)
  return fetched.map((line) => (/FLAGS \((.*?)\)/.exec(line)?.[1] ?? '').replace(/ ?\\Recent/, '').trim())
}

test('each reader of another’s mailbox has a \\Seen of their own', async (t) => {
  const world = await house(t)
  const ana = await world.as('ana')
  for (const flags of ['', '(\\Seen) ', '(\\Seen \\Flagged) ']) await ana.append('INBOX', MESSAGE, flags)
  for (const who of [BEA, CARL]) await change(world, who, 'lrsw')
  await ana.ask('SELECT INBOX')
  const bea = await world.as('bea', `SELECT ${INBOX}`)
  const carl = await world.as('carl', `SELECT ${INBOX}`)
  assert.deepEqual(await flagsOf(bea), ['', '', '\\Flagged'])
  // FETCH sets hers, STORE takes it away, and nobody else's moves.
  await bea.ask('FETCH 1:2 BODY[TEXT]')
  assert.deepEqual(await flagsOf(bea), ['\\Seen', '\\Seen', '\\Flagged'])
  assert.deepEqual(lines(await ana.ask('NOOP'), /^\*/), [])
  assert.deepEqual(lines(await carl.ask('NOOP'), /^\*/), [])
  await carl.ask('STORE 3 FLAGS (\\Seen \\Answered)')
  assert.deepEqual(await flagsOf(carl), ['', '', '\\Seen \\Answered'])
  assert.deepEqual(await flagsOf(bea), ['\\Seen', '\\Seen', '\\Answered'])
  assert.match((await flagsOf(ana)).at(2) ?? '', /^\\Seen \\Answered/)
  await bea.ask('STORE 1 -FLAGS (\\Seen)')
  assert.match(await bea.ask('SEARCH UNSEEN'), /\* SEARCH 1 3\r/)
  assert.match(await carl.ask('SEARCH SEEN'), /\* SEARCH 3\r/)
  for (const [client, unseen] of [
    [bea, 2],
    [carl, 2],
  ] as const)
    assert.match(await client.ask(`STATUS ${INBOX} (UNSEEN)`), new RegExp(`\\(UNSEEN ${unseen}\\)`))
  assert.match(await ana.ask('STATUS INBOX (UNSEEN)'), /\(UNSEEN 1\)/)
  // It is still so in another session, and the first unseen message is theirs.
  const again = await world.as('bea')
  assert.match(await again.ask(`SELECT ${INBOX}`), /\[UNSEEN 1\]/)
  assert.deepEqual(await flagsOf(again), ['', '\\Seen', '\\Answered'])
})

test('a private \\Seen has a MODSEQ that its reader alone sees, and QRESYNC tells it', async (t) => {
  const world = await house(t)
  const ana = await world.as('ana')
  for (let i = 0; i < 3; i++) await ana.append('INBOX', MESSAGE)
  await change(world, BEA, 'lrs')
  const [one, two] = [await world.as('bea', 'ENABLE QRESYNC'), await world.as('bea', 'ENABLE QRESYNC')]
  const opened = await one.ask(`SELECT ${INBOX}`)
  const validity = /UIDVALIDITY (\d+)/.exec(opened)?.[1]
  const before = Number(/HIGHESTMODSEQ (\d+)/.exec(opened)?.[1])
  await ana.ask('SELECT INBOX (CONDSTORE)')
  await two.ask(`SELECT ${INBOX}`)
  await one.ask('UID STORE 2 +FLAGS.SILENT (\\Seen)')
  const modSeq = Number(/MODSEQ \((\d+)\)/.exec(await one.ask('UID FETCH 2 (MODSEQ)'))?.[1])
  assert.ok(modSeq > before)
  assert.match(
    await two.ask('NOOP'),
    new RegExp(`FETCH \\(UID 2 FLAGS \\(\\\\Seen \\\\Recent\\) MODSEQ \\(${modSeq}\\)\\)`),
  )
  assert.match(await two.ask(`STATUS ${INBOX} (HIGHESTMODSEQ)`), new RegExp(`HIGHESTMODSEQ ${modSeq}\\)`))
  assert.doesNotMatch(await ana.ask('NOOP'), /FETCH/)
  assert.ok(Number(/MODSEQ \((\d+)\)/.exec(await ana.ask('FETCH 2 (MODSEQ)'))?.[1]) <= before)
  // The owner's conditional STORE is not in its way, and hers is in nobody's.
  assert.doesNotMatch(await ana.ask(`STORE 2 (UNCHANGEDSINCE ${before}) +FLAGS (\\Flagged)`), /MODIFIED/)
  assert.match(await one.ask(`UID STORE 2 (UNCHANGEDSINCE ${before}) -FLAGS (\\Seen)`), /\[MODIFIED 2\]/)
  const later = await world.as('bea', 'ENABLE QRESYNC')
  const resynced = lines(await later.ask(`SELECT ${INBOX} (QRESYNC (${validity} ${before}))`), /FETCH/)
  assert.equal(resynced.length, 1)
  assert.match(resynced[0] ?? '', /UID 2 FLAGS \(\\Seen \\Flagged/)
})

test('private \\Seen holds through views that are put away, expunges and new mail', async (t) => {
  const world = await house(t, 'view_memory_limit = 1M\n')
  const ana = await world.as('ana')
  for (let i = 0; i < 600; i += 200) await Promise.all(Array.from({ length: 200 }, () => append(world.store, ANA)))
  await change(world, BEA, 'lrs')
  await ana.ask('SELECT INBOX')
  const bea = await world.as('bea', `SELECT ${INBOX}`, 'STORE 1:600 +FLAGS.SILENT (\\Seen)')
  await ana.ask('STORE 1:300 +FLAGS.SILENT (\\Deleted)')
  await ana.ask('EXPUNGE')
  await append(world.store, ANA)
  assert.match(await bea.ask('NOOP'), /\* 301 EXISTS/)
  assert.match(await bea.ask('SEARCH UNSEEN'), /\* SEARCH 301\r/)
  assert.match(await bea.ask(`STATUS ${INBOX} (UNSEEN MESSAGES)`), /UNSEEN 1 MESSAGES 301/)
  const { db } = world.server.server.rooms
  const [marks] = db.read.sql('SELECT sum(length(data)) / 13 FROM mailbox_seen').get() ?? []
  assert.equal(marks, 300) // those of expunged messages are gone
  assert.match(await ana.ask('STATUS INBOX (UNSEEN)'), /UNSEEN 301/)
})

async function append(store: Store, account: number): Promise<void> {
  const octets = Buffer.from(MESSAGE)
  assert.ok('uid' in (await store.append(account, 'INBOX', [octets], { sizeOctets: octets.length, flags: [] })))
}

test('\\Seen is shared where the mailbox or main.cf says so', async (t) => {
  const world = await house(t)
  const ana = await world.as('ana')
  await ana.append('INBOX', MESSAGE)
  await change(world, BEA, 'lrs')
  const sharedSeen = '/shared/vendor/cmu/cyrus-imapd/sharedseen'
  const bea = await world.as('bea')
  assert.match(await bea.ask(`SELECT ${INBOX}`), /\[READ-ONLY\]/) // RFC 4314 §5.2: nobody sees what she changes
  assert.match(await bea.ask(`SETMETADATA ${INBOX} (${sharedSeen} "true")`), /NO \[NOPERM\]/)
  assert.match(await ana.ask(`SETMETADATA INBOX (${sharedSeen} "true")`), /OK/)
  assert.match(await bea.ask(`SELECT ${INBOX}`), /\[READ-WRITE\]/)
  await bea.ask('STORE 1 +FLAGS (\\Seen)')
  assert.match(await ana.ask('STATUS INBOX (UNSEEN)'), /UNSEEN 0/)
  const other = await house(t, 'mailbox_shared_seen = yes\n')
  await (await other.as('ana')).append('INBOX', MESSAGE)
  await change(other, BEA, 'lrs')
  await other.as('bea', `SELECT ${INBOX}`, 'STORE 1 +FLAGS (\\Seen)')
  assert.match(await (await other.as('ana')).ask('STATUS INBOX (UNSEEN)'), /UNSEEN 0/)
})

test('when \\Seen becomes shared or private, who is there and who comes back learn of it', async (t) => {
  const world = await house(t)
  const ana = await world.as('ana')
  for (const flags of ['(\\Seen) ', '', '']) await ana.append('INBOX', MESSAGE, flags)
  for (const who of [BEA, CARL]) await change(world, who, 'lrsw')
  await ana.ask('SELECT INBOX')
  const idle = await world.as('bea', 'ENABLE QRESYNC', `SELECT ${INBOX}`)
  const bea = await world.as('bea', 'ENABLE QRESYNC', `SELECT ${INBOX}`, 'UID STORE 2 +FLAGS (\\Seen)')
  const carl = await world.as('carl', 'ENABLE CONDSTORE', `SELECT ${INBOX}`)
  const highest = async (): Promise<string> =>
    /HIGHESTMODSEQ (\d+)/.exec(await bea.ask(`STATUS ${INBOX} (HIGHESTMODSEQ)`))?.[1] ?? ''
  const seenIn = (answer: string): string =>
    lines(answer, /FETCH/)
      .map((line) => `${/UID (\d+)/.exec(line)?.[1] ?? /\d+/.exec(line)?.[0]}${line.includes('\\Seen') ? '+' : '-'}`)
      .join(' ')
  const validity = /UIDVALIDITY (\d+)/.exec(await bea.ask(`STATUS ${INBOX} (UIDVALIDITY)`))?.[1]
  const returning = async (since: string): Promise<string> => {
    const later = await world.as('bea', 'ENABLE QRESYNC')
    const told = seenIn(await later.ask(`SELECT ${INBOX} (QRESYNC (${validity} ${since}))`))
    later.close()
    return told
  }
  const entry = '/shared/vendor/cmu/cyrus-imapd/sharedseen'
  const before = await highest()
  await ana.ask(`SETMETADATA INBOX (${entry} "true")`)
  assert.equal(seenIn(await bea.ask('NOOP')), '1+ 2- 3-')
  assert.equal(seenIn(await carl.ask('NOOP')), '1+ 2- 3-')
  assert.equal(seenIn(await bea.ask(`UID FETCH 1:* (FLAGS) (CHANGEDSINCE ${before})`)), '1+ 2- 3-')
  assert.equal(await returning(before), '1+ 2- 3-')
  // What a session stores that was there before is for all.
  await bea.ask('UID STORE 3 +FLAGS (\\Seen)')
  assert.match(await ana.ask('STATUS INBOX (UNSEEN)'), /UNSEEN 1/)
  const shared = await highest()
  await ana.ask(`SETMETADATA INBOX (${entry} NIL)`)
  assert.equal(seenIn(await carl.ask('NOOP')), '1- 2- 3-')
  assert.equal(await returning(shared), '1- 2+ 3-')
  const stored = await bea.ask(`UID STORE 2 (UNCHANGEDSINCE ${shared}) -FLAGS.SILENT (\\Seen)`)
  assert.match(stored, /OK \[MODIFIED 2\]/)
  assert.equal(seenIn(stored), '1- 2+ 3-')
  assert.match(await idle.ask('UID STORE 3 +FLAGS (\\Seen)'), /UID 3 FLAGS \(\\Seen/)
  assert.match(await ana.ask('STATUS INBOX (UNSEEN)'), /UNSEEN 1/)
  assert.equal(seenIn(await bea.ask('NOOP')), '3+')
})

test('what the rights do not allow of flags is left out, of STORE as of COPY and APPEND', async (t) => {
  const world = await house(t)
  const ana = await world.as('ana', 'CREATE Box')
  await change(world, BEA, 'lrswi', 'Box')
  await change(world, CARL, 'lrsti', 'Box')
  const bea = await world.as('bea')
  for (const flags of ['\\Draft \\Deleted', '\\Answered', '$Forwarded \\Seen'])
    await bea.append('INBOX', MESSAGE, `(${flags}) `)
  await bea.ask('SELECT INBOX')
  // RFC 4314 §4's example, with rwis.
  assert.match(await bea.ask('COPY 1:3 "Other Users/ana/Box"'), /OK \[COPYUID \d+ 1:3 1:3\]/)
  const seen = await world.as('bea', 'EXAMINE "Other Users/ana/Box"')
  assert.deepEqual(await flagsOf(seen), ['\\Draft', '\\Answered', '\\Seen $Forwarded'])
  await ana.ask('SELECT Box')
  assert.deepEqual(
    await flagsOf(ana),
    ['\\Draft', '\\Answered', '$Forwarded'], // \Seen was hers
  )
  const carl = await world.as('carl')
  await carl.append('"Other Users/ana/Box"', MESSAGE, '(\\Draft \\Deleted \\Seen $Forwarded) ')
  const opened = await carl.ask('SELECT "Other Users/ana/Box"')
  assert.match(opened, /PERMANENTFLAGS \(\\Deleted \\Seen\)/)
  assert.equal((await flagsOf(carl)).at(3), '\\Seen \\Deleted')
  await carl.ask('STORE 1 FLAGS (\\Flagged \\Deleted)') // \Draft stays, \Flagged does not come
  assert.equal((await flagsOf(carl)).at(0), '\\Deleted \\Draft')
  assert.match(await carl.ask('STORE 1 +FLAGS (\\Flagged $Work)'), /NO \[NOPERM\]/)
  assert.doesNotMatch(await ana.ask('SELECT Box'), /\$Work/)
})

test('copies between accounts keep one content, and count for whom they are put to', async (t) => {
  const world = await house(t)
  const { db } = world.server.server.rooms
  const ana = await world.as('ana', 'CREATE Box')
  await change(world, BEA, 'lrswite', 'Box')
  const bea = await world.as('bea')
  await bea.append('INBOX', MESSAGE, '(\\Flagged $Work) ')
  await bea.append('INBOX', 'Subject: two\r\n\r\nmore\r\n', '(\\Seen) ')
  const [before] = db.read.sql('SELECT sum(bytes) FROM (SELECT octets AS bytes FROM account_state)').get() ?? []
  const status = await ana.ask('STATUS Box (HIGHESTMODSEQ)')
  await bea.ask('SELECT INBOX')
  assert.match(await bea.ask('COPY 1 "Other Users/ana/Box"'), /OK \[COPYUID \d+ 1 1\]/)
  assert.match(await bea.ask('MOVE 2 "Other Users/ana/Box"'), /\* 2 EXPUNGE/)
  assert.deepEqual(
    db.read.sql('SELECT account, messages FROM account_state WHERE account IN (1, 2) ORDER BY account').all(),
    [
      [ANA, 2],
      [BEA, 1],
    ],
  )
  assert.ok(before !== undefined)
  const positions = db.read.sql('SELECT segment, offset FROM message GROUP BY segment, offset').all()
  assert.equal(positions.length, 2) // three messages
  const modSeq = (text: string): number => Number(/HIGHESTMODSEQ (\d+)/.exec(text)?.[1])
  assert.ok(modSeq(await ana.ask('STATUS Box (HIGHESTMODSEQ)')) > modSeq(status))
  const ids = async (client: Dialogue, name: string): Promise<string[]> => {
    await client.ask(`SELECT ${name}`)
    return lines(await client.ask('FETCH 1:* (EMAILID BODY.PEEK[TEXT])'), /EMAILID/).map((line) =>
      line.replace(/^.*\(EMAILID/, ''),
    )
  }
  const [copy] = await ids(ana, 'Box')
  assert.deepEqual(await ids(bea, 'INBOX'), [copy])
  assert.match(await ana.ask('FETCH 2 BODY.PEEK[TEXT]'), /more/)
  assert.match(await ana.ask('SEARCH SUBJECT hello KEYWORD $Work'), /\* SEARCH 1\r/)
  // And back: her own copy again, of what she sees.
  await bea.ask('SELECT "Other Users/ana/Box"')
  assert.deepEqual((await flagsOf(bea)).at(1), '\\Seen')
  await bea.ask('MOVE 1:2 INBOX')
  await bea.ask('SELECT INBOX')
  assert.deepEqual(await flagsOf(bea), ['\\Flagged $Work', '\\Flagged $Work', '\\Seen'])
  assert.match(await ana.ask('NOOP'), /\* 1 EXPUNGE\r\n\* 1 EXPUNGE/)
})

test('the quota of the owner holds for what others put into a mailbox', async (t) => {
  const world = await house(t, 'account_message_limit = 2\n')
  await world.as('ana')
  await change(world, BEA, 'lri')
  const bea = await world.as('bea')
  for (let i = 0; i < 2; i++) await bea.append('INBOX', MESSAGE)
  await bea.ask('SELECT INBOX')
  assert.match(await bea.ask(`COPY 1:2 ${INBOX}`), /OK/)
  assert.match(await bea.ask(`COPY 1 ${INBOX}`), /NO \[OVERQUOTA\]/)
  assert.match(await bea.ask(`MOVE 1 ${INBOX}`), /NO \[OVERQUOTA\]/)
  assert.match(await bea.append(INBOX, MESSAGE), /NO \[OVERQUOTA\]/)
  const root = await bea.ask(`GETQUOTAROOT ${INBOX}`)
  assert.match(root, /\* QUOTAROOT "Other Users\/ana\/INBOX" "#user\/ana"\r\n\* QUOTA "#user\/ana" \(MESSAGE 2 2/)
  assert.match(await bea.ask('GETQUOTA "#user/ana"'), /MESSAGE 2 2/)
  assert.match(await bea.ask('GETQUOTA "#user/carl"'), /NO \[NONEXISTENT\]/)
})

test('a right that is taken holds at once: BYE without r, else new PERMANENTFLAGS', async (t) => {
  const world = await house(t)
  const ana = await world.as('ana')
  await ana.append('INBOX', MESSAGE)
  await change(world, BEA, 'lrswite')
  const bea = await world.as('bea', `SELECT ${INBOX}`)
  const idler = await world.as('bea', `SELECT ${INBOX}`)
  idler.send('i IDLE\r\n')
  await idler.until(/\+ idling\r\n/)
  await ana.ask('SETACL INBOX bea lrs')
  assert.match(await idler.until(/PERMANENTFLAGS.*\r\n/), /\* FLAGS \(.*\)\r\n\* OK \[PERMANENTFLAGS \(\\Seen\)\]/)
  const refused = await bea.ask('STORE 1 +FLAGS (\\Deleted)')
  assert.match(refused, /PERMANENTFLAGS \(\\Seen\)[^]*NO \[NOPERM\]/)
  assert.match(await bea.ask('CLOSE'), /OK/)
  await bea.ask(`SELECT ${INBOX}`)
  await ana.ask('DELETEACL INBOX bea')
  assert.match(await idler.until(/\* BYE.*\r\n/), /\* BYE You may no longer read the selected mailbox/)
  assert.match(await bea.ask('FETCH 1 BODY[]'), /\* BYE You may no longer read/)
  const back = await world.as('bea')
  assert.match(await back.ask(`SELECT ${INBOX}`), /NO \[NONEXISTENT\]/)
})

test('a right that is taken ends ESEARCH too, where NOTIFY keeps silent about the selected mailbox', async (t) => {
  const world = await house(t)
  const ana = await world.as('ana')
  await ana.append('INBOX', MESSAGE)
  for (const notify of ['NOTIFY NONE', 'NOTIFY SET (personal (MessageNew MessageExpunge))']) {
    await change(world, BEA, 'lr')
    const bea = await world.as('bea', `SELECT ${INBOX}`, notify)
    assert.match(await bea.ask('ESEARCH SUBJECT hello'), /ALL 1\r/)
    await change(world, BEA, 'l')
    assert.equal(await bea.ask('ESEARCH SUBJECT hello'), '* BYE You may no longer read the selected mailbox\r\n')
  }
})

test('IDLE and NOTIFY tell of a selected mailbox of another account', async (t) => {
  const world = await house(t)
  await world.as('ana')
  await change(world, BEA, 'lrs')
  const idler = await world.as('bea', `SELECT ${INBOX}`)
  const notified = await world.as('bea', 'NOTIFY SET (SELECTED (MessageNew MessageExpunge))', `SELECT ${INBOX}`)
  idler.send('i IDLE\r\n')
  await idler.until(/\+ idling\r\n/)
  await append(world.store, ANA)
  assert.match(await idler.until(/EXISTS\r\n/), /\* 1 EXISTS/)
  assert.match(await notified.until(/EXISTS\r\n/), /\* 1 EXISTS/)
})

test('access control lists: who is in them, what is denied, what the owner keeps', async (t) => {
  const world = await house(t, 'imapd_acl_anyone = yes\n')
  const ana = await world.as('ana', 'CREATE Box')
  assert.match(await ana.ask('GETACL Box'), /\* ACL "Box" ana lrswipkxteacd\r/)
  for (const [command, answer] of [
    ['SETACL Box anyone lr', 'OK'],
    ['SETACL Box -bea r', 'OK'],
    ['SETACL Box CARL@mail.example.test lrsd', 'OK'],
    ['SETACL Box carl +c', 'OK'],
    ['SETACL Box carl -s', 'OK'],
    ['SETACL Box $team lr', 'NO [CANNOT]'],
    ['SETACL Box nobody lr', 'NO [CANNOT]'],
    ['SETACL Box carl lrQ', 'BAD'],
    ['SETACL None carl lr', 'NO [NONEXISTENT]'],
    ['SETACL Box ana -teawl', 'OK'],
    ['DELETEACL Box authenticated', 'OK'],
  ] as const)
    assert.ok((await ana.ask(command)).includes(` ${answer}`), command)
  assert.match(await ana.ask('GETACL box'), /NO/)
  assert.match(await ana.ask('GETACL Box'), /\* ACL "Box" ana lrsipkxac anyone lr carl lrkxtecd -bea r\r/)
  assert.match(await ana.ask('LISTRIGHTS Box ana'), /\* LISTRIGHTS "Box" ana la r s w i p k x t e c d\r/)
  assert.match(await ana.ask('LISTRIGHTS Box Bea'), /\* LISTRIGHTS "Box" Bea "" l r s w i p k x t e a c d\r/)
  const box = '"Other Users/ana/Box"'
  const bea = await world.as('bea')
  assert.match(await bea.ask(`MYRIGHTS ${box}`), /\* MYRIGHTS "Other Users\/ana\/Box" l\r/)
  assert.match(await bea.ask(`SELECT ${box}`), /NO \[NOPERM\]/)
  assert.match(await (await world.as('carl')).ask(`MYRIGHTS ${box}`), / lrkxtecd\r/)
  await ana.ask('SELECT Box')
  assert.match(await ana.append('Box', MESSAGE, '(\\Flagged) '), /OK/)
  assert.match(await ana.ask('STORE 1 +FLAGS (\\Deleted)'), /NO \[NOPERM\]/)
  assert.match(await ana.ask('DELETEACL Box ana'), /OK/)
  assert.match(await ana.ask('STORE 1 +FLAGS (\\Deleted)'), /OK/)
})

test('lists are inherited, follow a RENAME, and go with the mailbox and with accounts', async (t) => {
  const world = await house(t)
  const { accounts } = world.server.server.rooms.current
  const ana = await world.as('ana', 'CREATE Box', 'SETACL Box bea lrk', 'SETACL Box carl lr', 'CREATE Box/Below')
  assert.match(await ana.ask('GETACL Box/Below'), /ana \S+ bea lrkc carl lr\r/)
  const bea = await world.as('bea', 'CREATE "Other Users/ana/Box/Hers"')
  assert.match(await ana.ask('GETACL Box/Hers'), /ana \S+ bea lrkc carl lr\r/)
  await ana.ask('RENAME Box Kept')
  assert.match(await bea.ask('MYRIGHTS "Other Users/ana/Kept/Below"'), /lrkc\r/)
  assert.match(await bea.ask('RENAME "Other Users/ana/Kept/Hers" Mine'), /NO \[NOPERM\]/)
  await ana.ask('SETACL Kept/Hers bea +x')
  assert.match(await bea.ask('RENAME "Other Users/ana/Kept/Hers" Mine'), /NO \[CANNOT\]/)
  await accounts.remove(CARL)
  await world.store.removeAccount(CARL)
  assert.match(await ana.ask('GETACL Kept'), /ana \S+ bea lrkc\r/)
  for (const command of ['DELETE Kept/Below', 'DELETE Kept/Hers', 'DELETE Kept', 'CREATE Kept']) await ana.ask(command)
  assert.match(await ana.ask('GETACL Kept'), /\* ACL "Kept" ana \S+\r/)
  assert.doesNotMatch(await bea.ask('LIST "" *'), /Other/)
})

test('shared mailboxes belong to nobody, and are found under their own prefix', async (t) => {
  const world = await house(t, 'imapd_shared_prefix = Public/\nimapd_other_users_prefix =\n')
  const { store } = world
  assert.ok('id' in (await store.createMailbox(SHARED_ACCOUNT, 'Info/News')))
  assert.ok('refused' in (await store.createMailbox(SHARED_ACCOUNT, 'Inbox')))
  const bea = await world.as('bea')
  assert.match(await bea.ask('NAMESPACE'), /\* NAMESPACE \(\("" "\/"\)\) NIL \(\("Public\/" "\/"\)\)\r/)
  assert.match(await bea.ask('SELECT Public/Info'), /NO \[NONEXISTENT\]/)
  assert.match(await bea.ask('CREATE Public/Mine'), /NO \[NOPERM\]/)
  await change(world, BEA, 'lrswikxtea', 'Info', SHARED_ACCOUNT)
  await change(world, -1, 'lrp', 'Info', SHARED_ACCOUNT)
  assert.match(
    await bea.ask('LIST "" "Pub%" RETURN (CHILDREN)'),
    /\* LIST \(\\Noselect \\HasChildren \\NonExistent\) "\/" "Public"/,
  )
  assert.match(await bea.ask('LIST "" "Public/*"'), /\* LIST \(\\HasNoChildren\) "\/" "Public\/Info"\r\n[^*]/)
  assert.match(await bea.ask('CREATE Public/Info/More'), /OK/)
  await bea.append('Public/Info/More', MESSAGE)
  assert.match(await bea.ask('GETACL Public/Info/More'), /bea lrswikxteacd/)
  const carl = await world.as('carl', 'SELECT Public/Info/More')
  assert.match(await carl.ask('STATUS Public/Info/More (MESSAGES UNSEEN)'), /MESSAGES 1 UNSEEN 1/)
  assert.match(await carl.append('Public/Info/More', MESSAGE), /NO \[NOPERM\]/)
  // What is shared is not among the mailboxes of anybody.
  assert.match(await carl.ask('ESEARCH IN (personal) ALL'), /^t\d+ OK/)
  assert.match(
    await carl.ask('ESEARCH IN (mailboxes "Public/Info/More") ALL'),
    /MAILBOX "Public\/Info\/More" UIDVALIDITY \d+\) UID ALL 1\r/,
  )
  assert.match(await carl.ask('ESEARCH IN (subtree "Public") ALL'), /MAILBOX "Public\/Info\/More"/)
})

test('an own mailbox of before under a prefix stays the user’s own', async (t) => {
  const world = await house(t)
  await world.store.createMailbox(BEA, 'Shared/Old')
  await world.store.createMailbox(SHARED_ACCOUNT, 'Old')
  await change(world, BEA, 'lr', 'Old', SHARED_ACCOUNT)
  const bea = await world.as('bea')
  assert.match(await bea.append('Shared/Old', MESSAGE), /OK/)
  assert.equal(world.store.status(BEA, 'Shared/Old')?.messages, 1)
  assert.equal(lines(await bea.ask('LIST "" "Shared/*"'), /Old/).length, 1)
})

test('who is removed is let go, also from what all may see', async (t) => {
  const world = await house(t)
  const ana = await world.as('ana')
  await change(world, ANYONE, 'lr')
  const idler = await world.as('bea', `SELECT ${INBOX}`)
  const bea = await world.as('bea', `SELECT ${INBOX}`)
  idler.send('i IDLE\r\n')
  await idler.until(/\+ idling\r\n/)
  await world.server.server.rooms.current.accounts.remove(BEA)
  await world.store.removeAccount(BEA)
  assert.equal(await bea.ask('FETCH 1 BODY[]'), '* BYE The account is gone\r\n')
  await ana.append('INBOX', MESSAGE)
  assert.equal(await idler.until(/\* .*\r\n/), '* BYE The account is gone\r\n')
})

test('anyone is granted by administrators alone, where main.cf does not say otherwise', async (t) => {
  const world = await house(t, 'imapd_admin_users = carl\n')
  const ana = await world.as('ana')
  for (const who of ['anyone', 'authenticated', 'ANYONE'])
    for (const rights of ['lr', '+l']) assert.match(await ana.ask(`SETACL INBOX ${who} ${rights}`), /NO \[NOPERM\]/)
  for (const command of ['SETACL INBOX -anyone r', 'SETACL INBOX anyone ""', 'SETACL INBOX anyone -l'])
    assert.match(await ana.ask(command), / OK /)
  await (await world.as('carl')).ask('SETACL INBOX anyone lr')
  assert.match(await (await world.as('bea')).ask('LIST "" "Other*"'), /carl\/INBOX/)
})

test('what a reader notes of a mailbox is theirs, and takes nothing from the owner', async (t) => {
  const world = await house(t, 'mailbox_annotation_limit = 10\naccount_annotation_limit = 10\n')
  const ana = await world.as('ana')
  await change(world, BEA, 'lr')
  const bea = await world.as('bea')
  for (let i = 0; i < 10; i++) assert.match(await bea.ask(`SETMETADATA ${INBOX} (/private/n${i} "x")`), / OK /)
  assert.match(await bea.ask(`SETMETADATA ${INBOX} (/private/more "x")`), /NO \[METADATA TOOMANY\]/)
  assert.match(await ana.ask('SETMETADATA INBOX (/private/n0 "hers")'), / OK /)
  assert.match(
    await ana.ask('GETMETADATA INBOX (/private/n0 /private/n1)'),
    /\(\/private\/n0 "hers" \/private\/n1 NIL\)/,
  )
  assert.match(await bea.ask(`GETMETADATA ${INBOX} /private/n0`), /\(\/private\/n0 "x"\)/)
  assert.match(await bea.ask(`SETMETADATA ${INBOX} (/private/specialuse "\\\\Sent")`), /NO \[CANNOT\]/)
})

test('a reader takes \\Recent from nobody', async (t) => {
  const world = await house(t)
  const ana = await world.as('ana')
  await ana.append('INBOX', MESSAGE)
  await change(world, BEA, 'lrs')
  await world.as('bea', `SELECT ${INBOX}`)
  assert.match(await ana.ask('SELECT INBOX'), /\* 1 RECENT/)
})
