/** Clients of IMAP and POP3 that sync and filter: offlineimap and Mail::IMAPClient with COMPRESS, imapfilter, getmail. */
import assert from 'node:assert/strict'
import { mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { run, sampleMessage } from '../support/client.ts'
import { contents, messagesIn } from '../support/mailbox.ts'
import { PASSWORD, startServer, type TestServer } from '../support/server.ts'

/** The server with messages in eva's INBOX. */
async function withMessages(t: TestContext, subjects: readonly string[]): Promise<TestServer> {
  const server = await startServer(t, { accounts: ['eva'] })
  const { accounts, store } = server.server.rooms.current
  for (const subject of subjects) {
    const octets = Buffer.from(sampleMessage(subject))
    const options = { sizeOctets: octets.length, flags: [], internalDateMs: Date.UTC(2020, 1, 3) }
    assert.ok('uid' in (await store.append(accounts.byLogin('eva')?.id ?? 0, 'INBOX', [octets], options)))
  }
  return server
}

const status = ({ server }: TestServer, mailbox: string): { messages: number; unseen: number; deleted: number } => {
  const { accounts, store } = server.rooms.current
  const found = store.status(accounts.byLogin('eva')?.id ?? 0, mailbox)
  assert.ok(found !== undefined, mailbox)
  return found
}

test('offlineimap, compressed: both ways, flags and folders; a second run changes nothing', async (t) => {
  const server = await withMessages(t, ['one', 'two', 'three'])
  const near = join(server.dir, 'near')
  for (const folder of ['INBOX', 'Local'])
    for (const part of ['cur', 'new', 'tmp']) mkdirSync(join(near, folder, part), { recursive: true })
  writeFileSync(join(near, 'Local', 'cur', '1700000000.1.host:2,FS'), sampleMessage('local').replaceAll('\r\n', '\n'))
  const rc = join(server.dir, 'offlineimaprc')
  writeFileSync(
    rc,
    [
      '[general]',
      'accounts = eva',
      `metadata = ${join(server.dir, 'offline')}`,
      'ui = basic',
      '[Account eva]',
      'localrepository = near',
      'remoterepository = far',
      '[Repository near]',
      'type = Maildir',
      `localfolders = ${near}`,
      '[Repository far]',
      'type = IMAP',
      'remotehost = 127.0.0.1',
      `remoteport = ${server.port('imap')}`,
      'ssl = no',
      'starttls = no',
      'auth_mechanisms = LOGIN',
      'remoteuser = eva',
      `remotepass = ${PASSWORD}`,
      'usecompression = yes',
      '',
    ].join('\n'),
  )
  const sync = async (): Promise<void> => {
    const ran = await run('offlineimap', ['-c', rc, '-o'], { package: 'offlineimap3', env: { HOME: server.dir } })
    assert.equal(ran.code, 0, ran.out + ran.err)
    assert.doesNotMatch(ran.out + ran.err, /ERROR|Traceback/)
  }
  await sync()
  assert.match(server.log(), /imapd/)
  const files = (): string[] => ['cur', 'new'].flatMap((part) => readdirSync(join(near, 'INBOX', part)))
  assert.equal(files().length, 3)
  assert.deepEqual([status(server, 'Local').messages, status(server, 'Local').unseen], [1, 0])
  const [text = ''] = await messagesIn(server, 'eva', 'Local')
  assert.ok(text.includes('ñandú 日本\r\n'))
  const before = [status(server, 'INBOX'), files().toSorted()]
  await sync()
  assert.deepEqual([status(server, 'INBOX'), files().toSorted()], before)
  const [name = ''] = readdirSync(join(near, 'INBOX', 'new'))
  renameSync(join(near, 'INBOX', 'new', name), join(near, 'INBOX', 'cur', name.replace(/:2,$|$/, ':2,S')))
  await sync()
  assert.equal(status(server, 'INBOX').unseen, 2)
})

const PERL = `
use strict; use warnings; use Mail::IMAPClient;
my ($port, $password) = @ARGV;
my $imap = Mail::IMAPClient->new(Server => '127.0.0.1', Port => $port, User => 'eva', Password => $password, Uid => 1)
  or die "no connection: $@";
die 'no COMPRESS' unless $imap->has_capability('COMPRESS=DEFLATE');
$imap->compress or die 'compress: ' . $imap->LastError;
$imap->select('INBOX') or die $imap->LastError;
my @found = $imap->search('SUBJECT', $imap->Quote('two')) or die 'search: ' . $imap->LastError;
die "found @found" unless @found == 1;
my $whole = $imap->message_string($found[0]);
die 'no message' unless $whole =~ /\\r\\nlast line\\r\\n$/;
$imap->create('Perl/Box') or die $imap->LastError;
my $uid = $imap->append_string('Perl/Box', $whole, '\\\\Flagged') or die $imap->LastError;
die "uid $uid" unless $uid eq '1';
$imap->move('Perl/Box', $found[0]) or die $imap->LastError;
$imap->expunge;
$imap->select('Perl/Box') or die $imap->LastError;
die 'count ' . $imap->message_count unless $imap->message_count == 2;
my $threads = $imap->thread('REFERENCES', 'UTF-8', 'ALL') or die $imap->LastError;
my @sorted = $imap->sort('REVERSE ARRIVAL', 'UTF-8', 'ALL') or die $imap->LastError;
die "sorted @sorted" unless @sorted == 2;
my $hash = $imap->fetch_hash('RFC822.SIZE', 'FLAGS', 'EMAILID', 'PREVIEW') or die $imap->LastError;
die 'flags' unless $hash->{1}{FLAGS} =~ /Flagged/ and $hash->{1}{PREVIEW} ne '' and $hash->{1}{EMAILID} =~ /^\\(?M/;
my $tag = $imap->idle or die 'idle: ' . $imap->LastError;
$imap->done($tag) or die 'done: ' . $imap->LastError;
$imap->logout or die $imap->LastError;
print "all well\\n";
`

test('Mail::IMAPClient, compressed', async (t) => {
  const server = await withMessages(t, ['one', 'two'])
  const args = ['-e', PERL, String(server.port('imap')), PASSWORD]
  const ran = await run('perl', args, { package: 'libmail-imapclient-perl' })
  assert.equal(ran.out, 'all well\n', ran.err)
  assert.equal(status(server, 'INBOX').messages, 1)
})

test('imapfilter sorts messages into folders, with flags, dates and octets; a second run moves nothing', async (t) => {
  const server = await withMessages(t, ['keep', 'file this', 'drop this', 'file that'])
  const before = await contents(server, 'eva', 'INBOX')
  const config = join(server.dir, 'config.lua')
  writeFileSync(
    config,
    [
      'options.timeout = 20',
      'options.starttls = false',
      `eva = IMAP { server = '127.0.0.1', port = ${server.port('imap')}, username = 'eva', password = '${PASSWORD}' }`,
      "eva:create_mailbox('Filed/Here')",
      "eva.INBOX:contain_subject('file'):move_messages(eva['Filed/Here'])",
      "eva.INBOX:is_older(30):contain_subject('drop'):delete_messages()",
      'eva.INBOX:is_unseen():mark_flagged()',
      "print('left', #eva.INBOX:select_all(), 'flagged', #eva.INBOX:is_flagged())",
      '',
    ].join('\n'),
  )
  const filter = async (): Promise<void> => {
    const ran = await run('imapfilter', ['-c', config], { env: { HOME: server.dir } })
    assert.equal(ran.code, 0, ran.out + ran.err)
    assert.match(ran.out, /left\t1\tflagged\t1/)
  }
  await filter()
  const filed = await contents(server, 'eva', 'Filed/Here')
  assert.deepEqual([...filed.keys()], ['file this', 'file that'])
  for (const [subject, held] of filed) assert.equal(held, before.get(subject))
  assert.equal((await contents(server, 'eva', 'INBOX')).get('keep'), `\\Flagged${before.get('keep')}`)
  const after = [status(server, 'INBOX'), status(server, 'Filed/Here')]
  await filter()
  assert.deepEqual([status(server, 'INBOX'), status(server, 'Filed/Here')], after)
})

for (const [protocol, type] of [
  ['imap', 'SimpleIMAPRetriever'],
  ['pop3', 'SimplePOP3Retriever'],
] as const) {
  test(`getmail by ${protocol}: each message once, and gone where that is asked for`, async (t) => {
    const server = await withMessages(t, ['one', 'two'])
    const near = join(server.dir, 'fetched')
    mkdirSync(near)
    const fetch = async (isLast: boolean): Promise<void> => {
      const rc = join(server.dir, 'getmailrc')
      writeFileSync(
        rc,
        [
          '[retriever]',
          `type = ${type}`,
          'server = 127.0.0.1',
          `port = ${server.port(protocol)}`,
          'username = eva',
          `password = ${PASSWORD}`,
          '[destination]',
          'type = MDA_external', // a Maildir is refused to root, which tests may be
          'path = /bin/sh',
          `arguments = ("-c", "cat > ${near}/$$")`,
          'allow_root_commands = true',
          '[options]',
          'read_all = false',
          'delivered_to = false',
          'received = false',
          `delete = ${isLast}`,
          '',
        ].join('\n'),
        { mode: 0o600 },
      )
      const ran = await run('getmail', [`--getmaildir=${server.dir}`, '--rcfile=getmailrc'], {
        package: 'getmail6',
        env: { HOME: server.dir },
      })
      assert.equal(ran.code, 0, ran.out + ran.err)
    }
    const before = await contents(server, 'eva', 'INBOX')
    await fetch(false)
    await fetch(false)
    const texts = readdirSync(near).map(
      (name) =>
        readFileSync(join(near, name), 'utf8')
          .replaceAll('\n', '\r\n')
          .replaceAll(/^(?:Return-Path|X-getmail-retrieved-from-mailbox): .*\r\n/gm, ''), // its own marks
    )
    assert.deepEqual(texts.toSorted(), ['one', 'two'].map(sampleMessage))
    const mark = protocol === 'pop3' ? '\\Seen' : '' // by IMAP it peeks
    const after = await contents(server, 'eva', 'INBOX')
    assert.deepEqual(
      [...after.values()],
      Array.from(before.values(), (held) => mark + held),
    )
    await fetch(true)
    assert.equal(readdirSync(near).length, 2)
    assert.equal(status(server, 'INBOX').messages, 0)
  })
}

test('neomutt, compressed, with QRESYNC: reads, files, flags and deletes', async (t) => {
  const server = await withMessages(t, ['first', 'second', 'third'])
  const rc = join(server.dir, 'muttrc')
  const url = `imap://eva@127.0.0.1:${server.port('imap')}`
  writeFileSync(
    rc,
    [
      'set ssl_starttls = no',
      'set ssl_force_tls = no',
      'set imap_authenticators = "login"',
      'set imap_user = "eva"',
      `set imap_pass = "${PASSWORD}"`,
      'set imap_deflate = yes',
      'set imap_condstore = yes',
      'set imap_qresync = yes',
      `set folder = "${url}/"`,
      'set spoolfile = "+INBOX"',
      'set confirmappend = no',
      'set confirmcreate = no',
      'set delete = yes',
      'set wait_key = no',
      'set pager_stop = yes',
      'set sort = date-received',
      'set mark_old = no',
      '',
    ].join('\n'),
  )
  const push = async (keys: string): Promise<void> => {
    const command = `neomutt -n -F ${rc} -f ${url}/INBOX -e 'push "${keys}"'`
    const ran = await run('script', ['-qec', command, '/dev/null'], {
      package: 'bsdutils',
      env: { HOME: server.dir, TERM: 'xterm', LANG: 'C.UTF-8' },
    })
    assert.equal(ran.code, 0, ran.out + ran.err)
  }
  await push('<search>~s first<enter><display-message><exit><quit>')
  assert.equal(status(server, 'INBOX').unseen, 2)
  await push('<search>~s second<enter><save-message>=Filed<enter><sync-mailbox><quit>')
  assert.deepEqual([status(server, 'INBOX').messages, status(server, 'Filed').messages], [2, 1])
  await push('<search>~s third<enter><flag-message><sync-mailbox><delete-pattern>~s first<enter><sync-mailbox><quit>')
  assert.equal(status(server, 'INBOX').messages, 1)
  assert.match((await messagesIn(server, 'eva'))[0] ?? '', /Subject: third/)
})
