/** imapflow, the client of Node's webmails: compressed, with IMAP4rev2, CONDSTORE and QRESYNC. */
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { type FetchMessageObject, ImapFlow, type ImapFlowOptions, type SequenceString } from 'imapflow'
import { sampleMessage } from '../support/client.ts'
import { PASSWORD, startServer, type TestServer } from '../support/server.ts'

const PARTS = [
  'From: =?utf-8?q?Ana_=C3=91and=C3=BA?= <ana@mail.example.test>',
  'To: eva@mail.example.test',
  'Subject: parts',
  'Message-ID: <parts@client.test>',
  'MIME-Version: 1.0',
  'Content-Type: multipart/mixed; boundary=cut',
  '',
  '--cut',
  'Content-Type: text/plain; charset=iso-8859-1',
  'Content-Transfer-Encoding: quoted-printable',
  '',
  'se=F1or=20=',
  'Gil',
  '--cut',
  'Content-Type: application/octet-stream',
  'Content-Disposition: attachment; filename=zeros.bin',
  'Content-Transfer-Encoding: base64',
  '',
  Buffer.alloc(3000).toString('base64'),
  '--cut--',
  '',
].join('\r\n')

async function connect(t: TestContext, server: TestServer, more: Partial<ImapFlowOptions> = {}): Promise<ImapFlow> {
  const client = new ImapFlow({
    host: '127.0.0.1',
    port: server.port('imaps'),
    secure: true,
    tls: { rejectUnauthorized: false },
    auth: { user: 'eva', pass: PASSWORD },
    logger: false,
    qresync: true,
    ...more,
  })
  client.on('error', (error) => assert.fail(error))
  await client.connect()
  t.after(() => client.close())
  return client
}

/** What is told with the next event of that name. */
const heard = (client: ImapFlow, event: 'exists' | 'expunge' | 'flags'): Promise<Record<string, unknown>> =>
  new Promise((resolve) => client.once(event, (told) => resolve({ ...told })))

async function textOf(client: ImapFlow, range: SequenceString, part?: string): Promise<string> {
  const got = await client.download(range, part, { uid: true })
  assert.ok('content' in got && got.content !== undefined)
  return Buffer.concat(await got.content.toArray()).toString()
}

const bySubject = (messages: readonly FetchMessageObject[], subject: string): FetchMessageObject => {
  const found = messages.find(({ envelope }) => envelope?.subject === subject)
  assert.ok(found !== undefined, subject)
  return found
}

test('imapflow: files, fetches, searches, downloads, moves; a second one hears of it in IDLE', async (t) => {
  const server = await startServer(t, { accounts: ['eva'] })
  const client = await connect(t, server)
  for (const name of ['IMAP4rev2', 'COMPRESS=DEFLATE', 'CONDSTORE', 'QRESYNC', 'OBJECTID', 'UTF8=ACCEPT', 'ESEARCH'])
    assert.ok(client.capabilities.has(name), name)
  assert.deepEqual([client.enabled.has('CONDSTORE'), client.enabled.has('QRESYNC')], [true, true])

  // Mailboxes.
  assert.equal((await client.mailboxCreate(['Año', 'Uno'])).path, 'Año/Uno')
  await client.mailboxRename(['Año', 'Uno'], ['Año', 'Dos'])
  await client.mailboxCreate('Gone')
  await client.mailboxDelete('Gone')
  const listed = await client.list({ statusQuery: { messages: true, size: true } })
  assert.deepEqual(
    listed.filter(({ name }) => name === 'Dos' || name === 'Gone').map(({ path }) => path),
    ['Año/Dos'],
  )
  assert.equal(listed.find(({ path }) => path === 'Trash')?.specialUse, '\\Trash')

  // APPEND, with flags and date.
  const date = new Date(Date.UTC(2011, 5, 1, 10, 20, 30))
  const whole = sampleMessage('whole')
  assert.ok(await client.append('INBOX', whole, ['\\Flagged', 'mine'], date))
  assert.ok(await client.append('INBOX', PARTS))
  const opened = await client.mailboxOpen('INBOX')
  assert.equal(opened.exists, 2)
  assert.ok((opened.highestModseq ?? 0n) > 0n)

  // FETCH.
  const query = { uid: true, flags: true, internalDate: true, size: true, envelope: true, bodyStructure: true }
  const all = await client.fetchAll('1:*', { ...query, headers: ['message-id'], threadId: true, source: true })
  const one = bySubject(all, 'whole')
  assert.deepEqual(one.flags, new Set(['\\Flagged', 'mine']))
  assert.equal(new Date(one.internalDate ?? 0).getTime(), date.getTime())
  assert.equal(one.size, Buffer.byteLength(whole))
  assert.equal(one.source?.toString(), whole)
  assert.equal(one.headers?.toString(), 'Message-ID: <whole@client.test>\r\n\r\n')
  assert.match(one.emailId ?? '', /^M/)
  const parts = bySubject(all, 'parts')
  assert.equal(parts.envelope?.from?.[0]?.name, 'Ana Ñandú')
  assert.deepEqual(
    parts.bodyStructure?.childNodes?.map(({ part, type }) => `${part} ${type}`),
    ['1 text/plain', '2 application/octet-stream'],
  )

  // Parts, decoded by the client; in pieces.
  const partsUid = String(parts.uid)
  assert.equal(await textOf(client, partsUid, '1'), 'señor Gil')
  assert.equal(await textOf(client, partsUid, '2'), '\0'.repeat(3000))
  assert.equal(await textOf(client, String(one.uid)), whole)

  // SEARCH, and flags.
  const search = (query: object): Promise<unknown> => client.search(query, { uid: true })
  assert.deepEqual(await search({ body: 'SEÑOR' }), [parts.uid])
  assert.deepEqual(await search({ or: [{ keyword: 'mine' }, { seen: true }] }), [one.uid])
  assert.deepEqual(await search({ before: new Date('2012-01-01') }), [one.uid])
  assert.deepEqual(await search({ header: { 'message-id': 'parts@' }, flagged: false }), [parts.uid])

  // A second client idles meanwhile.
  const second = await connect(t, server)
  await second.mailboxOpen('INBOX')
  const seen = heard(second, 'flags')
  const idling = second.idle()
  assert.ok(await client.messageFlagsAdd(partsUid, ['\\Seen', '$Forwarded'], { uid: true }))
  assert.deepEqual((await seen)['flags'], new Set(['\\Seen', '$Forwarded']))
  assert.ok(await client.messageFlagsRemove(partsUid, ['$Forwarded'], { uid: true }))
  const came = heard(second, 'exists')
  await client.append('INBOX', sampleMessage('later'))
  assert.deepEqual(await came, { path: 'INBOX', count: 3, prevCount: 2 })
  const went = heard(second, 'expunge')
  const moved = await client.messageMove(partsUid, 'Año/Dos', { uid: true })
  assert.deepEqual(moved && [moved.destination, [...(moved.uidMap ?? [])]], ['Año/Dos', [[parts.uid, 1]]])
  const told = await went
  assert.deepEqual([told['uid'] ?? parts.uid, told['vanished']], [parts.uid, true])
  await second.noop()
  await idling
  assert.equal(second.mailbox && second.mailbox.exists, 2)

  // CONDSTORE: what changed since, and a STORE that comes too late.
  const status = await client.status('INBOX', { highestModseq: true })
  assert.ok(status && status.highestModseq !== undefined)
  const since = status.highestModseq
  assert.ok(await client.messageFlagsSet(String(one.uid), ['\\Answered'], { uid: true }))
  const changed = await client.fetchAll('1:*', { uid: true, flags: true }, { changedSince: since })
  assert.deepEqual(
    changed.map(({ uid, flags, modseq }) => [uid, flags, (modseq ?? 0n) > since]),
    [[one.uid, new Set(['\\Answered']), true]],
  )
  const late = { uid: true, unchangedSince: since }
  await client.messageFlagsAdd(String(one.uid), ['\\Deleted'], late)
  const after = await client.fetchOne(String(one.uid), { flags: true }, { uid: true })
  assert.deepEqual(after && after.flags, new Set(['\\Answered']))

  // QRESYNC: who was away hears what vanished.
  const before = second.mailbox && { modseq: second.mailbox.highestModseq, validity: second.mailbox.uidValidity }
  assert.ok(before)
  await second.mailboxClose()
  assert.ok(await client.messageDelete(String(one.uid), { uid: true }))
  const gone: unknown[] = []
  second.on('expunge', ({ uid }) => gone.push(uid))
  await second.mailboxOpen('INBOX', { changedSince: before.modseq ?? 0n, uidValidity: before.validity })
  assert.ok(gone.includes(one.uid), String(gone))
  await client.logout()
  assert.doesNotMatch(server.log(), /SERVERBUG|panic|fatal/)
})
