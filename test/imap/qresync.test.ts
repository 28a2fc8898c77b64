/** QRESYNC (RFC 7162 §3.2): what left by UID, and what a client that was away is told when it comes back. */
import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { test } from 'node:test'
import fc from 'fast-check'
import { startServer } from '../support/server.ts'
import { transcript } from '../support/transcript.ts'

const LOGIN = 'S: * OK …\nC: a LOGIN ana secret\nS: a OK …'
const append = (tag: string): string => `C: ${tag} APPEND INBOX {1+}\nC: x\nS: ${tag} OK …`
const opened = (exists: number): string => `
    S: * FLAGS …
    S: * OK [PERMANENTFLAGS …
    S: * ${exists} EXISTS
    S: * ${exists} RECENT`

/** One command after the other; answers all that was said, line by line. */
async function dialogue(port: number, commands: (said: string) => string | undefined): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  let said = ''
  for await (const chunk of socket) {
    said += (chunk as Buffer).toString('latin1')
    if (!/(^|\n)(\* OK \[CAPABILITY|t\d+ (OK|NO|BAD)) [^\r\n]*\r\n$/.test(said)) continue
    const next = commands(said)
    if (next === undefined) break
    socket.write(`${next}\r\n`)
  }
  socket.destroy()
  return said
}

test('once enabled, expunges are told as VANISHED and up to which MODSEQ all is known', async (t) => {
  const server = await startServer(t, { accounts: ['ana'] })
  await transcript(
    server.port('imap'),
    `
    ${LOGIN}
    ${append('b1')}
    ${append('b2')}
    ${append('b3')}
    ${append('b4')}
    C: c SELECT INBOX (QRESYNC (1 1))
    S: c BAD QRESYNC is not enabled …
    C: d ENABLE QRESYNC
    S: * ENABLED QRESYNC
    C: e NOOP
    S: d OK …
    S: e OK …
    C: f SELECT INBOX
    ${opened(4).replace('4 RECENT', '4 RECENT\n    S: * OK [UNSEEN 1] …')}
    S: * OK [UIDVALIDITY …
    S: * OK [UIDNEXT 5] …
    S: * OK [HIGHESTMODSEQ …
    S: * OK [MAILBOXID …
    S: f OK …
    C: g STORE 2,3 +FLAGS (\\Deleted)
    S: * 2 FETCH (UID 2 FLAGS (\\Deleted \\Recent) MODSEQ (…))
    S: * 3 FETCH (UID 3 FLAGS (\\Deleted \\Recent) MODSEQ (…))
    S: g OK …
    C: h EXPUNGE
    S: * VANISHED 2:3
    S: h OK [HIGHESTMODSEQ …] Expunge completed
    C: i MOVE 2 Archive
    S: * OK [COPYUID …
    S: * VANISHED 4
    S: i OK [HIGHESTMODSEQ …] Move completed
    C: j UID FETCH 1:* (FLAGS) (VANISHED)
    S: j BAD …
    C: k FETCH 1 (FLAGS) (CHANGEDSINCE 1 VANISHED)
    S: k BAD …
    C: l UID FETCH 1:4 (FLAGS) (CHANGEDSINCE 99999999 VANISHED)
    S: l OK …
    C: m UID FETCH 1:4 (FLAGS) (VANISHED CHANGEDSINCE 1)
    S: * VANISHED (EARLIER) 2:4
    S: * 1 FETCH (UID 1 FLAGS (\\Recent) MODSEQ (…))
    S: m OK …
    C: n UID EXPUNGE 1
    S: n OK [HIGHESTMODSEQ …] Expunge completed
  `,
  )
})

test('SELECT tells what changed and left since the client was there', async (t) => {
  const server = await startServer(t, { accounts: ['ana'] })
  const port = server.port('imap')
  let uidValidity = ''
  let modSeq = ''
  const first = [
    't1 LOGIN ana secret',
    ...[2, 3, 4, 5, 6, 7].map((n) => `t${n} APPEND INBOX {1+}\r\nx`),
    't8 SELECT INBOX',
    't9 STORE 2,4 +FLAGS.SILENT (\\Deleted)',
    't10 EXPUNGE',
    't11 STORE 1 +FLAGS.SILENT (\\Flagged)',
  ]
  await dialogue(port, (said) => {
    if (said.includes('\nt8 OK')) {
      uidValidity = /UIDVALIDITY (\d+)/.exec(said)?.[1] ?? ''
      modSeq = /HIGHESTMODSEQ (\d+)/.exec(said)?.[1] ?? ''
    }
    return first.shift()
  })
  const resync = async (arguments_: string): Promise<string[]> => {
    const steps = ['t1 LOGIN ana secret', 't2 ENABLE QRESYNC', `t3 SELECT INBOX (QRESYNC (${arguments_}))`]
    const said = await dialogue(port, () => steps.shift())
    return said.split('\r\n').filter((line) => /VANISHED|FETCH|^t3/.test(line))
  }
  const flagged = /^\* 1 FETCH \(UID 1 FLAGS \(\\Flagged\) MODSEQ \(\d+\)\)$/
  const all = await resync(`${uidValidity} ${modSeq}`)
  assert.equal(all.length, 3)
  assert.equal(all[0], '* VANISHED (EARLIER) 2,4')
  assert.match(all[1] ?? '', flagged)
  assert.equal(all[2], 't3 OK [READ-WRITE] Select completed')
  assert.deepEqual((await resync(`${uidValidity} ${modSeq} 3:6`)).slice(0, -1), ['* VANISHED (EARLIER) 4'])
  assert.deepEqual((await resync(`${uidValidity} ${modSeq} 3,5:6`)).slice(0, -1), [])
  // Number 2 is UID 3 now: the client knows of all expunges up to there, but not that 4 is UID 6.
  assert.deepEqual((await resync(`${uidValidity} ${modSeq} 2:6 (2,3 3,4)`)).slice(0, -1), ['* VANISHED (EARLIER) 4'])
  assert.deepEqual((await resync(`${uidValidity} ${modSeq} 2:6 (2,4 3,6)`)).slice(0, -1), [])
  assert.deepEqual((await resync(`${Number(uidValidity) + 1} ${modSeq}`)).slice(0, -1), [])
  for (const wrong of ['', '0 1', '1', '1 x', '1 1 *', '1 1 1:2 (1 1:2)', '1 1 1:2 (1', '1 1 (1:2)'])
    assert.match((await resync(wrong)).join('\n'), /^t3 BAD /, wrong)
})

test('.SILENT tells the flags too where another changed them meanwhile, and the MODSEQ alone otherwise', async (t) => {
  const server = await startServer(t, { accounts: ['ana'] })
  const select = (n: number): string => `
    ${LOGIN.replaceAll(/^/gm, String(n))}
    ${n}C: b ENABLE CONDSTORE
    ${n}S: * ENABLED CONDSTORE
    ${n}S: b OK …
    ${n}C: c SELECT INBOX${n === 1 ? opened(1).replaceAll(/^ +S/gm, '1S') : opened(1).replace('1 RECENT', '0 RECENT').replaceAll(/^ +S/gm, '2S')}
    ${n}S: * OK [UNSEEN 1] …
    ${n}S: * OK [UIDVALIDITY …
    ${n}S: * OK [UIDNEXT 2] …
    ${n}S: * OK [HIGHESTMODSEQ …
    ${n}S: * OK [MAILBOXID …
    ${n}S: c OK …`
  await transcript(
    server.port('imap'),
    `
    ${LOGIN.replaceAll(/^/gm, '3')}
    ${append('b1').replaceAll(/^/gm, '3')}
    ${select(1)}
    ${select(2)}
    1C: n NOTIFY SET (personal NONE)
    1S: n OK …
    1C: o STORE 1 +FLAGS.SILENT (\\Draft)
    1S: * 1 FETCH (MODSEQ (…))
    1S: o OK …
    2C: d STORE 1 +FLAGS (\\Flagged)
    2S: * 1 FETCH (FLAGS (\\Draft) MODSEQ (…))
    2S: * 1 FETCH (FLAGS (\\Flagged \\Draft) MODSEQ (…))
    2S: d OK …
    1C: p STORE 1 +FLAGS.SILENT (\\Seen)
    1S: * 1 FETCH (FLAGS (\\Seen \\Flagged \\Draft…) MODSEQ (…))
    1S: p OK …
    `,
  )
})

test('any QRESYNC argument gets an answer', async (t) => {
  const server = await startServer(t, { accounts: ['ana'], mainCf: 'imapd_error_limit = 1000\n' })
  const word = fc.constantFrom('(', ')', ' ', '1', '9:2', '1:4294967295', ',', '*', '$', 'QRESYNC', '{1+}\r\n1', '"')
  const programs = fc.sample(fc.array(word, { maxLength: 12 }), 200)
  let n = 2
  const said = await dialogue(server.port('imap'), (now) => {
    if (now.endsWith(' ready\r\n')) return 't1 LOGIN ana secret'
    if (n === 2) return `t${n++} ENABLE QRESYNC`
    const program = programs.pop()
    return program && `t${n++} EXAMINE INBOX (QRESYNC (1 1 ${program.join('')}`
  })
  assert.doesNotMatch(said, /SERVERBUG/)
  assert.match(said, new RegExp(`\nt${n - 1} (OK|BAD) `))
})

test('a mailbox that is deleted under a client is told as empty', async (t) => {
  const server = await startServer(t, { accounts: ['ana'] })
  await transcript(
    server.port('imap'),
    `
    1S: * OK …
    1C: a LOGIN ana secret
    1S: a OK …
    1C: b CREATE Old
    1S: b OK …
    1C: c APPEND Old {1+}
    1C: x
    1S: c OK …
    1C: d ENABLE QRESYNC
    1S: * ENABLED QRESYNC
    1S: d OK …
    1C: e EXAMINE Old
    1S: * FLAGS …
    1S: * OK …
    1S: * 1 EXISTS
    1S: * 1 RECENT
    1S: * OK [UNSEEN 1] …
    1S: * OK …
    1S: * OK …
    1S: * OK …
    1S: * OK [MAILBOXID …
    1S: e OK …
    2S: * OK …
    2C: a LOGIN ana secret
    2S: a OK …
    2C: b DELETE Old
    2S: b OK …
    1C: f NOOP
    1S: * VANISHED 1
    1S: f OK …
  `,
  )
})
