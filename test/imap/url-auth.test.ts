/** URLAUTH (RFC 4467): URLs that carry the right to read a message, until the key of its mailbox changes. */
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { dialogue, type Dialogue } from '../support/imap.ts'
import { startServer, type TestServer } from '../support/server.ts'

const LETTER =
  'Subject: hi\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\none\r\n--b\r\n\r\ntwo\r\n--b--\r\n'

async function world(t: TestContext, mainCf = ''): Promise<{ server: TestServer; ana: Dialogue; bea: Dialogue }> {
  const server = await startServer(t, { accounts: ['ana', 'bea', 'relay'], mainCf })
  const ana = await dialogue(t, server.port('imap'), 'ana')
  await ana.append('INBOX', LETTER)
  return { server, ana, bea: await dialogue(t, server.port('imap'), 'bea') }
}

const url = (rest: string): string => `imap://ana@mail.example.test/INBOX/;UID=1${rest}`

async function authorised(session: Dialogue, rump: string): Promise<string> {
  const answer = await session.ask(`GENURLAUTH "${rump}" INTERNAL`)
  return /^\* GENURLAUTH "([^"]+)"\r\nt\d+ OK/.exec(answer)?.[1] ?? assert.fail(answer)
}

/** What the URL gives: its octets, or NIL. */
async function fetched(session: Dialogue, full: string): Promise<string | undefined> {
  const answer = await session.ask(`URLFETCH "${full}"`)
  assert.match(answer, /^\* URLFETCH "[^"]+" [^]*\r\nt\d+ OK/)
  return / NIL\r\n/.test(answer) ? undefined : /\}\r\n([^]*)\r\nt\d+ OK/.exec(answer)?.[1]
}

test('a URL gives a message, a part or a piece of it, whatever is selected, and marks nothing', async (t) => {
  const { ana, bea } = await world(t)
  assert.match(await ana.ask('CAPABILITY'), / URLAUTH /)
  const full = await authorised(ana, url(';URLAUTH=anonymous'))
  assert.match(full, /;URLAUTH=anonymous:internal:01[0-9a-f]{64}$/)
  assert.equal(await fetched(bea, full), LETTER)
  assert.equal(await fetched(bea, await authorised(ana, url('/;SECTION=2;URLAUTH=authuser'))), 'two')
  assert.equal(
    await fetched(bea, await authorised(ana, url('/;SECTION=HEADER/;PARTIAL=0.7;URLAUTH=anonymous'))),
    'Subject',
  )
  assert.match(await ana.ask('STATUS INBOX (UNSEEN)'), /UNSEEN 1\)/)
  const both = await ana.ask(`URLFETCH "${full}" "${url(';URLAUTH=anonymous:internal:01' + '0'.repeat(64))}"`)
  assert.match(both, /^\* URLFETCH "[^"]+" \{[^]*\r\n\* URLFETCH "[^"]+" NIL\r\nt\d+ OK/)
  const two = await ana.ask(`GENURLAUTH "${url(';URLAUTH=anonymous')}" INTERNAL "${url(';URLAUTH=user+bea')}" internal`)
  assert.match(two, /^\* GENURLAUTH "[^"]+" "[^"]+"\r\nt\d+ OK/)
})

test('a URL is for whom it names, until it expires', async (t) => {
  const { server, ana, bea } = await world(t, 'imapd_submit_users = relay\n')
  const relay = await dialogue(t, server.port('imap'), 'relay')
  const forBea = await authorised(ana, url(';URLAUTH=user+bea'))
  assert.deepEqual([await fetched(bea, forBea), await fetched(ana, forBea)], [LETTER, undefined])
  const submit = await authorised(ana, url(';URLAUTH=submit+ana'))
  assert.deepEqual([await fetched(relay, submit), await fetched(bea, submit)], [LETTER, undefined])
  assert.equal(await fetched(ana, submit), undefined)
  const future = new Date(Date.now() + 3_600_000).toISOString()
  assert.equal(await fetched(bea, await authorised(ana, url(`;EXPIRE=${future};URLAUTH=anonymous`))), LETTER)
  const past = new Date(Date.now() - 1000).toISOString()
  assert.equal(await fetched(bea, await authorised(ana, url(`;EXPIRE=${past};URLAUTH=anonymous`))), undefined)
  assert.equal(await fetched(bea, await authorised(ana, url(';URLAUTH=user+nobody'))), undefined)
})

test('what was changed in a URL, or is of another mailbox, key or UIDVALIDITY, gives nothing', async (t) => {
  const { server, ana, bea } = await world(t)
  await ana.append('INBOX', 'Subject: other\r\n\r\n')
  const full = await authorised(ana, url(';URLAUTH=anonymous'))
  for (const changed of [
    full.replace('UID=1', 'UID=2'),
    full.replace('ana@', 'bea@'),
    full.replace('anonymous', 'authuser'),
    full.replace('INBOX', 'Sent'),
    full.replace(':internal:', ':XSAMPLE:'),
    full.slice(0, -1) + (full.endsWith('0') ? '1' : '0'),
    full.replace(/:internal:.*/, ''),
    url(''),
    'imap://ana@mail.example.test/INBOX',
    'nothing',
  ])
    assert.equal(await fetched(bea, changed), undefined, changed)
  assert.equal(await fetched(bea, await authorised(ana, url('9;URLAUTH=anonymous'))), undefined)
  const other = url(';URLAUTH=anonymous').replace('INBOX', 'INBOX;UIDVALIDITY=1')
  assert.equal(await fetched(bea, await authorised(ana, other)), undefined)
  assert.match(await ana.ask('RESETKEY INBOX INTERNAL'), /^t\d+ OK/)
  assert.equal(await fetched(bea, full), undefined)
  const second = await authorised(ana, url(';URLAUTH=anonymous'))
  await server.restart()
  const again = await dialogue(t, server.port('imap'), 'ana')
  assert.equal(await fetched(again, second), LETTER)
  assert.match(await again.ask('RESETKEY'), /^t\d+ OK/)
  assert.equal(await fetched(again, second), undefined)
})

test('keys follow RENAME, and go with DELETE', async (t) => {
  const { ana } = await world(t)
  await ana.ask('CREATE Work')
  await ana.append('Work', LETTER)
  const full = await authorised(ana, url(';URLAUTH=anonymous').replace('INBOX', 'Work'))
  await ana.ask('RENAME Work Play')
  assert.equal(await fetched(ana, full), undefined)
  await ana.ask('CREATE Work')
  await ana.append('Work', 'Subject: secret\r\n\r\n')
  assert.equal(await fetched(ana, full), undefined)
  await ana.ask('DELETE Work')
  await ana.ask('RENAME Play Work')
  assert.equal(await fetched(ana, full), LETTER)
  await ana.ask('DELETE Work')
  await ana.ask('CREATE Work')
  await ana.append('Work', 'Subject: secret\r\n\r\n')
  await authorised(ana, url(';URLAUTH=anonymous').replace('INBOX', 'Work'))
  assert.equal(await fetched(ana, full), undefined)
})

test('URLMECH is said over TLS: at SELECT, and when another session changes the key', async (t) => {
  const { server, ana } = await world(t)
  assert.doesNotMatch(await ana.ask('SELECT INBOX'), /URLMECH/)
  const secure = await dialogue(t, server.port('imaps'), 'ana', 'tls')
  assert.match(await secure.ask('SELECT INBOX'), /^\* OK \[URLMECH INTERNAL\] .*\r\n/m)
  assert.match(await ana.ask('RESETKEY INBOX'), /^t\d+ OK The/)
  assert.match(await secure.ask('NOOP'), /^\* OK \[URLMECH INTERNAL\] .*\r\nt\d+ OK/)
  assert.match(await secure.ask('NOOP'), /^t\d+ OK/)
  assert.match(await secure.ask('RESETKEY INBOX'), /^t\d+ OK \[URLMECH INTERNAL\] /)
  assert.match(await secure.ask('NOOP'), /^t\d+ OK/)
})

test('what is wrong: BAD for URLs that cannot be authorised, NO for other mechanisms, and bounds', async (t) => {
  const { ana } = await world(t)
  for (const wrong of [
    '',
    `"${url(';URLAUTH=anonymous')}"`,
    `"${url('')}" INTERNAL`,
    `"${url(';URLAUTH=anonymous').replace('ana@', 'bea@')}" INTERNAL`,
    `"${url(';URLAUTH=anonymous').replace('INBOX', 'Nowhere')}" INTERNAL`,
    `"${url(`;URLAUTH=anonymous:internal:${'0'.repeat(32)}`)}" INTERNAL`,
  ])
    assert.match(await ana.ask(`GENURLAUTH ${wrong}`), /^t\d+ BAD /, wrong)
  assert.match(await ana.ask(`GENURLAUTH "${url(';URLAUTH=anonymous')}" XSAMPLE`), /^t\d+ NO \[CANNOT\]/)
  assert.match(await ana.ask('RESETKEY INBOX XSAMPLE'), /^t\d+ NO \[CANNOT\]/)
  assert.match(await ana.ask('RESETKEY Nowhere'), /^t\d+ NO \[NONEXISTENT\]/)
  assert.match(await ana.ask('URLFETCH'), /^t\d+ BAD /)
  assert.match(await ana.ask(`URLFETCH${' x'.repeat(101)}`), /^t\d+ NO \[LIMIT\]/)
})
