/** ACL (RFC 4314), LIST-MYRIGHTS (RFC 8440) and the three namespaces (RFC 2342). */
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { ALL_RIGHTS, withoutRights } from '../../src/formats/imap/mod.ts'
import type { Store } from '../../src/mail/store/mod.ts'
import { type Dialogue, dialogue } from '../support/imap.ts'
import { startServer, type TestServer } from '../support/server.ts'

const ANA = 1
const BEA = 2
const BOX = '"Other Users/ana/Box"'
const MESSAGE = 'Subject: hello\r\n\r\nworld\r\n'

interface Share {
  readonly server: TestServer
  readonly store: Store
  readonly ana: Dialogue
  readonly bea: Dialogue
}

/** Ana has a mailbox Box with Box/Below and three messages; bea has no right yet. */
async function sharing(t: TestContext, options: { mainCf?: string } = {}): Promise<Share> {
  const server = await startServer(t, { accounts: ['ana', 'bea'], ...options })
  const ana = await dialogue(t, server.port('imap'), 'ana')
  const bea = await dialogue(t, server.port('imap'), 'bea')
  for (const command of ['CREATE Box/Below', 'CREATE Other']) assert.match(await ana.ask(command), / OK /)
  for (let i = 0; i < 3; i++) assert.match(await ana.append('Box', MESSAGE), / OK /)
  return { server, store: server.server.rooms.current.store, ana, bea }
}

async function grant({ store }: Pick<Share, 'store'>, rights: string, name = 'Box', who = BEA): Promise<void> {
  const whom = { grantee: who, negative: false }
  assert.equal(await store.changeGrant(ANA, name, whom, { operation: 'set', rights }), undefined)
}

/** The tagged answer of the last command. */
async function answers({ bea }: Share, ...commands: readonly string[]): Promise<string> {
  let answer = ''
  for (const command of commands) answer = await bea.ask(command)
  return (
    answer
      .split('\r\n')
      .at(-2)
      ?.replace(/^t\d+ /, '') ?? ''
  )
}

/** RFC 4314 §4: an operation, the rights that it needs besides `l`, and what bea says. The last command is the operation. */
const OPERATIONS: readonly (readonly [operation: string, needed: string, commands: readonly string[]])[] = [
  ['SUBSCRIBE', '', [`SUBSCRIBE ${BOX}`]],
  ['CREATE', 'k', ['CREATE "Other Users/ana/Box/New"']],
  ['CREATE further below', 'k', ['CREATE "Other Users/ana/Box/x/y/z"']],
  ['DELETE', 'x', [`DELETE ${BOX}`]],
  ['RENAME', 'xk', [`RENAME ${BOX} "Other Users/ana/Box2/New"`]],
  ['SELECT', 'r', [`SELECT ${BOX}`]],
  ['EXAMINE', 'r', [`EXAMINE ${BOX}`]],
  ['STATUS', 'r', [`STATUS ${BOX} (MESSAGES)`]],
  ['SETACL', 'a', [`SETACL ${BOX} anyone ""`]],
  ['DELETEACL', 'a', [`DELETEACL ${BOX} anyone`]],
  ['GETACL', 'a', [`GETACL ${BOX}`]],
  ['LISTRIGHTS', 'a', [`LISTRIGHTS ${BOX} bea`]],
  ['MYRIGHTS', '', [`MYRIGHTS ${BOX}`]],
  ['APPEND', 'i', [`APPEND ${BOX} {${MESSAGE.length}+}\r\n${MESSAGE}`]],
  ['COPY', 'i', ['SELECT INBOX', `UID COPY * ${BOX}`]],
  ['MOVE there', 'i', ['SELECT INBOX', `UID MOVE * ${BOX}`]],
  ['MOVE away', 'rte', [`SELECT ${BOX}`, 'UID MOVE 1 INBOX']],
  ['COPY away', 'r', [`SELECT ${BOX}`, 'UID COPY 1 INBOX']],
  ['REPLACE', 'rtei', [`SELECT ${BOX}`, `UID REPLACE 1 ${BOX} {${MESSAGE.length}+}\r\n${MESSAGE}`]],
  ['EXPUNGE', 're', [`SELECT ${BOX}`, 'EXPUNGE']],
  ['UID EXPUNGE', 're', [`SELECT ${BOX}`, 'UID EXPUNGE 1']],
  ['CLOSE', 'r', [`SELECT ${BOX}`, 'CLOSE']],
  ['FETCH', 'r', [`SELECT ${BOX}`, 'FETCH 1 BODY[]']],
  ['STORE \\Seen', 'rs', [`SELECT ${BOX}`, 'STORE 1 +FLAGS (\\Seen)']],
  ['STORE \\Deleted', 'rt', [`SELECT ${BOX}`, 'STORE 1 -FLAGS (\\Deleted)']],
  ['STORE \\Flagged', 'rw', [`SELECT ${BOX}`, 'STORE 1 FLAGS.SILENT (\\Flagged)']],
  ['STORE a keyword', 'rw', [`SELECT ${BOX}`, 'UID STORE 1 +FLAGS ($Work)']],
  ['GETMETADATA', 'r', [`GETMETADATA ${BOX} /shared/comment`]],
  ['SETMETADATA of one’s own', 'r', [`SETMETADATA ${BOX} (/private/comment "x")`]],
  ['SETMETADATA for all', 'w', [`SETMETADATA ${BOX} (/shared/comment "x")`]],
  ['SETMETADATA of shared \\Seen', 'ra', [`SETMETADATA ${BOX} (/shared/vendor/cmu/cyrus-imapd/sharedseen "true")`]],
  ['GETQUOTAROOT', 'r', [`GETQUOTAROOT ${BOX}`]],
  ['CATENATE', 'r', ['APPEND INBOX CATENATE (URL "/Other%20Users/ana/Box/;UID=1")']],
]

test('each operation needs its rights, and without l there is no such mailbox', async (t) => {
  const share = await sharing(t)
  await share.bea.append('INBOX', MESSAGE)
  for (const [n, [operation, needed, written]] of OPERATIONS.entries())
    await t.test(`${operation} needs ${needed || 'l'}`, async () => {
      const commands = await freshBoxes(share, written, n)
      const grantIn = (rights: string): Promise<void> => grantBoth(share, n, rights)
      // Of shared \Seen: any right to look at the mailbox will do besides `a`.
      for (const right of operation.includes('shared') ? 'a' : needed)
        await withoutOne(share, { operation, needed, commands, grantIn }, right)
      await grantIn(`l${needed}`)
      assert.match(await answers(share, ...commands), /^OK /)
    })
})

/** Two mailboxes that no other operation has touched, in the place of Box. */
async function freshBoxes({ store, ana, bea }: Share, commands: readonly string[], n: number): Promise<string[]> {
  await bea.ask('UNSELECT')
  for (const name of [`Box${n}`, `Box${n}2`]) await store.createMailbox(ANA, name)
  if (/SELECT|UID=/.test(commands.join())) await ana.append(`Box${n}`, MESSAGE)
  if (commands.join().includes('MOVE *')) await bea.append('INBOX', MESSAGE)
  return commands.map((command) => command.replaceAll('/Box', `/Box${n}`))
}

async function grantBoth(share: Share, n: number, rights: string): Promise<void> {
  for (const name of [`Box${n}`, `Box${n}2`]) await grant(share, rights, name)
}

interface Operation {
  readonly operation: string
  readonly needed: string
  readonly commands: readonly string[]
  readonly grantIn: (rights: string) => Promise<void>
}

async function withoutOne(
  share: Share,
  { operation, needed, commands, grantIn }: Operation,
  right: string,
): Promise<void> {
  // Everything but this one; of rights that stand for each other, only those that are needed.
  const isOneOfSome = /STORE|METADATA/.test(operation)
  const others = isOneOfSome ? `l${withoutRights(needed, right)}` : withoutRights(ALL_RIGHTS, right)
  await grantIn(others)
  const refused = await answers(share, ...commands)
  assert.match(refused, /^NO \[(?:NOPERM|BADURL .*)\]|^BAD No mailbox selected/, `without ${right}: ${refused}`)
  if (needed.includes('r') && right !== 'r') return // what can be selected is no secret
  await grantIn(withoutRights(others, 'l'))
  const hidden = await answers(share, ...commands)
  const none = /^NO \[(?:NONEXISTENT|TRYCREATE|BADURL .*|NOPERM\] You cannot make)|^BAD No mailbox selected/
  assert.match(hidden, none, `without l and ${right}: ${hidden}`)
}

/** What bea is told of a mailbox that is not there, and of one that she may not see, but for the tag. */
test('a mailbox that one may not see is answered like one that is not there', async (t) => {
  const share = await sharing(t)
  await share.bea.append('INBOX', MESSAGE)
  await share.bea.ask('SELECT INBOX')
  for (const [, , commands] of OPERATIONS) {
    const command = commands.at(-1) ?? ''
    if (!command.includes('Other')) continue
    const asked = async (name: string): Promise<string> =>
      (await answers(share, command.replace('/Box', `/${name}`))).replaceAll(name, 'Box')
    assert.equal(await asked('Box'), await asked('None'), command)
    assert.equal(
      await asked('Box'),
      (await answers(share, command.replace('/ana/', '/nobody/'))).replace('nobody', 'ana'),
    )
  }
})

test('a name that is taken by what one may not see is refused like any where nothing may be made', async (t) => {
  const share = await sharing(t)
  const { ana, bea } = share
  for (const name of ['Box/Seen', 'Box/Deep', 'Mine']) await ana.ask(`CREATE ${name}`)
  await bea.append('INBOX', MESSAGE)
  await bea.ask('SELECT INBOX')
  await grant(share, 'lrk')
  await grant(share, 'l', 'Box/Seen')
  await grant(share, 'lx', 'Mine')
  // Without k, and where there is no such account.
  const refused = await answers(share, 'CREATE "Other Users/ana/Box/Seen/New"')
  assert.match(refused, /^NO \[NOPERM\] /)
  assert.equal(await answers(share, 'CREATE "Other Users/nobody/Box"'), refused)
  const BELOW = '"Other Users/ana/Box/Below'
  for (const command of [
    `CREATE ${BELOW}"`,
    `CREATE ${BELOW}/"`,
    `CREATE ${BELOW}/Deeper"`,
    `RENAME "Other Users/ana/Mine" ${BELOW}"`,
  ]) {
    assert.equal(await answers(share, command), refused, command)
    // Rights that do not make it visible make no difference.
    await grant(share, 'rp', 'Box/Below')
    assert.equal(await answers(share, command), refused, command)
    await grant(share, '', 'Box/Below')
  }
  const literal = `{${MESSAGE.length}+}\r\n${MESSAGE}`
  for (const command of [`APPEND BOX ${literal}`, 'COPY 1 BOX', 'MOVE 1 BOX', 'SETACL BOX carl lr', 'DELETE BOX'])
    assert.equal(
      await answers(share, command.replace('BOX', `${BELOW}"`)),
      await answers(share, command.replace('BOX', '"Other Users/ana/Box/None"')),
      command,
    )
  for (const command of ['CREATE', 'RENAME "Other Users/ana/Mine"'])
    assert.match(await answers(share, `${command} "Other Users/ana/Box/Seen"`), /^NO \[ALREADYEXISTS\]/)
  // A name that only stands above others is there for nobody, and can be made.
  await ana.ask('CREATE Box/Deep/er')
  await ana.ask('DELETE Box/Deep')
  assert.equal(await answers(share, 'RENAME "Other Users/ana/Mine" "Other Users/ana/Box/Deep"'), refused)
  assert.match(await answers(share, 'CREATE "Other Users/ana/Box/Deep"'), /^OK /)
  assert.match(await answers(share, 'CREATE "Other Users/ana/Box/New"'), /^OK /)
})

test('LIST shows what one may see, with the levels above, and rights where they are asked for', async (t) => {
  const share = await sharing(t)
  const { bea } = share
  const list = async (command: string): Promise<string[]> =>
    (await bea.ask(command)).split('\r\n').filter((line) => /Other|Shared|MYRIGHTS/.test(line))
  assert.deepEqual(await list('LIST "" *'), [])
  await grant(share, 'lr', 'Box/Below')
  await grant(share, 'r', 'Other')
  // §4: Box is as if it were not there.
  assert.deepEqual(await list('LIST "" *'), ['* LIST (\\HasNoChildren) "/" "Other Users/ana/Box/Below"'])
  assert.deepEqual(await list('LIST "" "Other Users/%"'), [
    '* LIST (\\Noselect \\HasChildren \\NonExistent) "/" "Other Users/ana"',
  ])
  const all = await list('LIST "" % RETURN (MYRIGHTS)')
  assert.equal(all.filter((line) => /^\* MYRIGHTS "[A-Za-z]+" lrswipkxteacd$/.test(line)).length, 6)
  assert.ok(all.includes('* LIST (\\Noselect \\HasChildren \\NonExistent) "/" "Other Users"'))
  assert.equal(all.length, 7)
  assert.deepEqual(await list('LIST "" "Other Users/*" RETURN (MYRIGHTS STATUS (MESSAGES) SUBSCRIBED)'), [
    '* LIST (\\HasNoChildren) "/" "Other Users/ana/Box/Below"',
    '* STATUS "Other Users/ana/Box/Below" (MESSAGES 0)',
    '* MYRIGHTS "Other Users/ana/Box/Below" lr',
  ])
  await grant(share, 'l')
  assert.doesNotMatch(
    await bea.ask('LIST "" "Other Users/*" RETURN (METADATA (/shared/comment))'),
    /METADATA "Other Users\/ana\/Box" /,
  )
  assert.deepEqual(await list('LIST "" "Other Users/*" RETURN (STATUS (MESSAGES))'), [
    '* LIST (\\HasChildren) "/" "Other Users/ana/Box"', // no STATUS without r
    '* LIST (\\HasNoChildren) "/" "Other Users/ana/Box/Below"',
    '* STATUS "Other Users/ana/Box/Below" (MESSAGES 0)',
  ])
})

test('subscriptions to mailboxes of others are the subscriber’s, and stay when the right goes', async (t) => {
  const share = await sharing(t)
  const { ana, bea } = share
  await grant(share, 'lr')
  assert.match(await bea.ask('SUBSCRIBE "other users/ana/Box"'), /NO \[NONEXISTENT\]/)
  assert.match(await bea.ask(`SUBSCRIBE ${BOX}`), /OK/)
  assert.match(await bea.ask('LSUB "" "Other*"'), /\* LSUB \(\) "\/" "Other Users\/ana\/Box"/)
  assert.doesNotMatch(await ana.ask('LSUB "" *'), /Box/)
  assert.match(await bea.ask('LIST (SUBSCRIBED) "" "Other*"'), /\* LIST \(\\Subscribed \\HasNoChildren\)/)
  await grant(share, '')
  assert.match(await bea.ask('LIST (SUBSCRIBED) "" "Other*"'), /\* LIST \(\\Subscribed \\NonExistent\)/)
  assert.match(await bea.ask(`UNSUBSCRIBE ${BOX}`), /OK/)
  assert.doesNotMatch(await bea.ask('LSUB "" *'), /Other/)
})

test('who takes the right to read from himself is told nothing of what is in the mailbox', async (t) => {
  const { ana } = await sharing(t)
  await ana.ask('SETACL Box ana lwi')
  await ana.ask('SETACL Box/Below -ana r')
  const listed = await ana.ask(
    'LIST "" (Box Box/Below Other) RETURN (STATUS (MESSAGES) MYRIGHTS METADATA (/shared/comment))',
  )
  assert.deepEqual(listed.match(/(?<=STATUS )"[^"]*"/g), ['"Other"'])
  assert.match(listed, /\* MYRIGHTS "Box" lwia\r\n[^]*\* MYRIGHTS "Box\/Below" lswipkxteacd\r\n/)
  const events = '(MessageNew MessageExpunge)'
  const told = await ana.ask(`NOTIFY SET STATUS (mailboxes (Box Other) ${events})`)
  assert.match(told, /^\* LIST \(\\NoAccess\) "\/" "Box"\r\n\* STATUS "Other" [^\r]*\r\nt\d+ OK/)
  const other = await ana.append('Box', MESSAGE)
  assert.doesNotMatch(other + (await ana.ask('NOOP')), /STATUS/)
})

test('UIDs of a mailbox are told to those alone who may select it', async (t) => {
  const share = await sharing(t)
  const { bea } = share
  for (let i = 0; i < 2; i++) await bea.append('INBOX', MESSAGE)
  await bea.ask('SELECT INBOX')
  for (const [rights, code] of [
    ['li', /^(?![^]*UID )[^]*t\d+ OK/],
    ['lri', /\[(?:APPEND|COPY)UID \d+ [^\]]+\]/],
  ] as const) {
    await grant(share, rights)
    assert.match(await bea.append(BOX, MESSAGE), code)
    assert.match(await bea.ask(`COPY 1 ${BOX}`), code)
    assert.match(await bea.ask(`MOVE 1 ${BOX}`), code)
    await bea.append('INBOX', MESSAGE)
    assert.match(await bea.ask(`REPLACE 1 ${BOX} {${MESSAGE.length}+}\r\n${MESSAGE}`), code)
  }
})
