/** METADATA (RFC 5464), LIST-METADATA (RFC 9590) and FILTERS (RFC 5466). */
import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { test } from 'node:test'
import fc from 'fast-check'
import { dialogue } from '../support/imap.ts'
import { startServer } from '../support/server.ts'
import { transcript } from '../support/transcript.ts'

test('annotations are set, answered by depth and size, and removed', async (t) => {
  const server = await startServer(t, { accounts: ['ana'] })
  await transcript(
    server.port('imap'),
    `
    S: * OK …
    C: a LOGIN ana secret
    S: * CAPABILITY … METADATA LIST-METADATA FILTERS …
    S: a OK …
    C: b SETMETADATA INBOX (/private/comment "mine" /shared/comment {7+}
    C: for all /private/vendor/x/a "1" /private/vendor/x/a/deep "22")
    S: b OK …
    C: c GETMETADATA INBOX (/shared/comment /Private/Comment /private/none)
    S: * METADATA "INBOX" (/shared/comment "for all" /Private/Comment "mine" /private/none NIL)
    S: c OK …
    C: d GETMETADATA (DEPTH 1) INBOX /private/vendor/x
    S: * METADATA "INBOX" (/private/vendor/x/a "1")
    S: d OK …
    C: e GETMETADATA INBOX (MAXSIZE 2 DEPTH infinity) (/private)
    S: * METADATA "INBOX" (/private/vendor/x/a "1" /private/vendor/x/a/deep "22")
    S: e OK [METADATA LONGENTRIES 4] …
    C: f SETMETADATA INBOX (/private/comment NIL)
    S: f OK …
    C: g GETMETADATA INBOX /private/comment
    S: * METADATA "INBOX" (/private/comment NIL)
    S: g OK …
    C: h SETMETADATA Nowhere (/private/comment "x")
    S: h NO [NONEXISTENT] …
    C: i GETMETADATA Nowhere /private/comment
    S: i NO [NONEXISTENT] …
    C: j SETMETADATA INBOX (comment "x")
    S: j BAD …
    C: k SETMETADATA INBOX (/private "x")
    S: k BAD …
    C: l GETMETADATA Drafts /private/specialuse
    S: * METADATA "Drafts" (/private/specialuse "\\\\Drafts")
    S: l OK …
  `,
  )
})

test('entries of the server: the own ones are kept, the shared ones are the administrator’s', async (t) => {
  const mainCf = 'imapd_server_comment = Mail of the house\nimapd_server_admin = mailto:post@x.test\n'
  const server = await startServer(t, { accounts: ['ana', 'bea'], mainCf })
  const ana = await dialogue(t, server.port('imap'), 'ana')
  assert.match(
    await ana.ask('GETMETADATA "" (/shared/comment /shared/admin)'),
    /^\* METADATA "" \(\/shared\/comment "Mail of the house" \/shared\/admin "mailto:post@x.test"\)\r\n/,
  )
  assert.match(await ana.ask('SETMETADATA "" (/shared/comment "mine")'), /^t\d+ NO \[NOPERM\]/)
  await ana.ask('SETMETADATA "" (/private/note "ana’s")')
  const bea = await dialogue(t, server.port('imap'), 'bea')
  assert.match(await bea.ask('GETMETADATA "" /private/note'), /\/private\/note NIL\)/)
  await server.restart()
  const again = await dialogue(t, server.port('imap'), 'ana')
  assert.match(await again.ask('GETMETADATA "" /private/note'), /\/private\/note \{7\}\r\nana/)
})

test('annotations follow RENAME and go with DELETE; INBOX keeps its own', async (t) => {
  const server = await startServer(t, { accounts: ['ana'] })
  const ana = await dialogue(t, server.port('imap'), 'ana')
  const comment = async (mailbox: string): Promise<string | undefined> =>
    /\/private\/comment "?(\w+)"?\)/.exec(await ana.ask(`GETMETADATA ${mailbox} /private/comment`))?.[1]
  await ana.ask('CREATE Work')
  for (const name of ['Work', 'INBOX']) await ana.ask(`SETMETADATA ${name} (/private/comment "of${name}")`)
  await ana.ask('RENAME Work Play')
  assert.equal(await comment('Play'), 'ofWork')
  await ana.ask('CREATE Play/Sub')
  await ana.ask('DELETE Play')
  assert.equal(await comment('Play'), 'NIL')
  await ana.ask('CREATE Play')
  assert.equal(await comment('Play'), 'NIL')
  await ana.ask('RENAME INBOX Old')
  assert.deepEqual([await comment('INBOX'), await comment('Old')], ['ofINBOX', 'ofINBOX'])
})

test('too many and too large ones are refused, and nothing of the command is done', async (t) => {
  const mainCf = 'mailbox_annotation_limit = 10\naccount_annotation_limit = 12\nannotation_size_limit = 1024\n'
  const server = await startServer(t, { accounts: ['ana'], mainCf })
  const ana = await dialogue(t, server.port('imap'), 'ana')
  const set = (mailbox: string, ...names: string[]): Promise<string> =>
    ana.ask(`SETMETADATA ${mailbox} (${names.map((name) => `/private/${name} "v"`).join(' ')})`)
  assert.match(await set('INBOX', ...'a b c d e f g h i j'.split(' ')), / OK /)
  assert.match(await set('INBOX', 'a', 'k'), / NO \[METADATA TOOMANY\] /)
  assert.match(await set('INBOX', 'a', 'J'), / OK /)
  assert.match(await set('Sent', 'a', 'b', 'c'), / NO \[METADATA TOOMANY\] /)
  assert.match(await ana.ask('GETMETADATA Sent /private/a'), /NIL\)/)
  assert.match(await set('Sent', 'a', 'b'), / OK /)
  const large = await ana.ask(`SETMETADATA Sent (/private/a NIL /private/b {1025+}\r\n${'x'.repeat(1025)})`)
  assert.match(large, / NO \[METADATA MAXSIZE 1024\] /)
  assert.match(await ana.ask('GETMETADATA Sent /private/a'), /"v"\)/)
  assert.match(await ana.ask('SETMETADATA Sent (/private/a NIL /private/b NIL)'), / OK /)
  assert.match(await set('Trash', 'a', 'b'), / OK /)
})

test('a change by another session is told where METADATA is enabled, in IDLE too; an own one is not', async (t) => {
  const server = await startServer(t, { accounts: ['ana'] })
  const ana = await dialogue(t, server.port('imap'), 'ana')
  const other = await dialogue(t, server.port('imap'), 'ana')
  assert.match(await ana.ask('ENABLE METADATA'), /^\* ENABLED METADATA\r\n/)
  await other.ask('SETMETADATA INBOX (/private/a "1" /shared/b "2")')
  assert.match(await ana.ask('NOOP'), /^\* METADATA "INBOX" \/private\/a \/shared\/b\r\nt\d+ OK/)
  assert.doesNotMatch(await ana.ask('SETMETADATA INBOX (/private/a "3")'), /\* METADATA/)
  assert.doesNotMatch(await ana.ask('NOOP'), /\* METADATA/)
  assert.doesNotMatch(await other.ask('NOOP'), /\* METADATA/)
  ana.send('i IDLE\r\n')
  await ana.until(/\+ idling\r\n/)
  await other.ask('SETMETADATA "" (/private/c "1")')
  assert.match(await ana.until(/\* METADATA .*\r\n/), /\* METADATA "" \/private\/c\r\n/)
  await other.ask('SETMETADATA INBOX (/shared/b NIL)')
  assert.match(await ana.until(/\* METADATA .*\r\n/), /\* METADATA "INBOX" \/shared\/b\r\n/)
  ana.send('DONE\r\n')
  await ana.until(/i OK .*\r\n/)
})

test('/private/specialuse moves the use of a mailbox, and holds to what CREATE allows', async (t) => {
  const server = await startServer(t, { accounts: ['ana'] })
  const ana = await dialogue(t, server.port('imap'), 'ana')
  const other = await dialogue(t, server.port('imap'), 'ana')
  await other.ask('ENABLE METADATA')
  await ana.ask('CREATE Gone')
  const set = (mailbox: string, use: string): Promise<string> =>
    ana.ask(`SETMETADATA ${mailbox} (/private/specialuse ${use} /private/comment "c")`)
  assert.match(await set('Gone', '"\\\\sent"'), /^\* METADATA "Sent" \(\/private\/specialuse NIL\)\r\nt\d+ OK/)
  const told = await other.ask('NOOP')
  assert.match(told, /METADATA "Sent" \/private\/specialuse\r\n/)
  assert.match(told, /METADATA "Gone" \/private\/comment \/private\/specialuse\r\n/)
  assert.match(await ana.ask('LIST (SPECIAL-USE) "" *'), /\(\\HasNoChildren \\Sent\) "\/" "Gone"/)
  assert.match(await ana.ask('GETMETADATA Gone /private/specialuse'), /\/private\/specialuse "\\\\Sent"\)/)
  assert.match(await set('Sent', '"\\\\All"'), / NO \[USEATTR\]/)
  assert.match(await set('INBOX', '"\\\\Junk"'), / NO \[CANNOT\]/)
  assert.match(await ana.ask('GETMETADATA INBOX /private/comment'), /NIL\)/)
  assert.match(await set('Gone', 'NIL'), /^t\d+ OK/)
  assert.doesNotMatch(await ana.ask('LIST "" Gone RETURN (SPECIAL-USE)'), /Sent/)
})

test('LIST returns annotations behind each mailbox', async (t) => {
  const server = await startServer(t, { accounts: ['ana'] })
  await transcript(
    server.port('imap'),
    `
    S: * OK …
    C: a LOGIN ana secret
    S: a OK …
    C: b SETMETADATA Sent (/shared/vendor/x/color "#b71c1c")
    S: b OK …
    C: c LIST "" (INBOX Sent) RETURN (METADATA (/shared/vendor/x/color /private/comment) STATUS (MESSAGES))
    S: * LIST (\\HasNoChildren) "/" "INBOX"
    S: * STATUS "INBOX" (MESSAGES 0)
    S: * METADATA "INBOX" (/shared/vendor/x/color NIL /private/comment NIL)
    S: * LIST (\\HasNoChildren \\Sent) "/" "Sent"
    S: * STATUS "Sent" (MESSAGES 0)
    S: * METADATA "Sent" (/shared/vendor/x/color "#b71c1c" /private/comment NIL)
    S: c OK …
    C: d LIST "" INBOX RETURN (METADATA)
    S: d BAD …
  `,
  )
})

test('FILTER stands for a search that was kept, and for those in it', async (t) => {
  const server = await startServer(t, { accounts: ['ana'] })
  const ana = await dialogue(t, server.port('imap'), 'ana')
  for (const subject of ['Plan', 'Fun', 'Plan B']) await ana.append('INBOX', `Subject: ${subject}\r\n\r\nx\r\n`)
  await ana.ask('SELECT INBOX')
  const keep = (name: string, search: string): Promise<string> =>
    ana.ask(`SETMETADATA "" (/private/filters/values/${name} {${search.length}+}\r\n${search})`)
  await keep('plans', 'OR SUBJECT "Plan" SUBJECT nothing')
  await keep('inner', 'FILTER plans NOT SUBJECT {1+}\r\nB')
  assert.match(await ana.ask('SEARCH FILTER plans'), /^\* SEARCH 1 3\r\n/)
  assert.match(await ana.ask('SEARCH NOT FILTER Plans'), /^\* SEARCH 2\r\n/)
  assert.match(await ana.ask('UID SORT (REVERSE ARRIVAL) UTF-8 FILTER inner'), /^\* SORT 1\r\n/)
  assert.match(await ana.ask('SEARCH FILTER none'), /^t\d+ NO \[UNDEFINED-FILTER none\]/)
  assert.match(await ana.ask('SEARCH CHARSET iso-8859-1 FILTER plans'), /^t\d+ BAD \[BADCHARSET/)
  assert.match(await keep('half', 'OR SMALLER 5'), / NO \[CANNOT\]/)
  await keep('a', 'FILTER b')
  await keep('b', 'NOT FILTER a')
  assert.match(await ana.ask('SEARCH FILTER a'), / NO \[UNDEFINED-FILTER /)
  await keep('wide', `${'ALL '.repeat(600)}ALL`)
  for (const [name, of] of [
    ['w2', 'wide'],
    ['w3', 'w2'],
  ] as const)
    await keep(name, Array.from({ length: 20 }, () => `FILTER ${of}`).join(' '))
  assert.match(await ana.ask('SEARCH FILTER w3'), / NO \[LIMIT\]/)
})

test('any octets behind SETMETADATA and GETMETADATA get an answer to their own tag', async (t) => {
  const server = await startServer(t, { accounts: ['ana'], mainCf: 'imapd_error_limit = 1000\n' })
  const word = fc.constantFrom(
    'INBOX ',
    '"" ',
    '(',
    ')',
    ' ',
    '/private/a ',
    '"/shared/b" ',
    'NIL',
    '~{2+}\r\n\0\0',
    '{3+}\r\nabc',
    'MAXSIZE 1',
    'DEPTH 1',
    '\0',
    '\xff',
  )
  const command = fc.tuple(
    fc.constantFrom('SETMETADATA ', 'GETMETADATA ', 'LIST "" * RETURN (METADATA '),
    fc.array(word, { maxLength: 8 }),
  )
  await fc.assert(
    fc.asyncProperty(fc.array(command, { maxLength: 6 }), async (commands) => {
      const socket = connect(server.port('imap'), '127.0.0.1')
      let said = ''
      socket.on('data', (chunk: Buffer) => (said += chunk.toString('latin1'))).on('error', () => {})
      const lines = commands.map(([name, words], i) => `t${i} ${name}${words.join('')}\r\n`)
      socket.end(Buffer.from(`l LOGIN ana secret\r\n${lines.join('')}e NOOP\r\n`, 'latin1'))
      await new Promise((resolve) => socket.once('close', resolve))
      assert.doesNotMatch(said, /SERVERBUG/)
      for (const i of commands.keys()) assert.match(said, new RegExp(`^t${i} (OK|NO|BAD) `, 'm'))
      assert.match(said, /^e OK /m)
    }),
    { numRuns: 100 },
  )
  assert.doesNotMatch(server.log(), /defect/)
})
