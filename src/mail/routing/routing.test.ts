import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import fc from 'fast-check'
import { testRouter, type Given } from './fixture.test.ts'
import { addressList, literalAddress, quote, splitExtension, unquote } from './syntax.ts'
import { domainAndParents, isRouted } from './resolve.ts'

test('quote() and unquote() are each other’s back', () => {
  assert.equal(quote('john doe@example.com'), '"john doe"@example.com')
  assert.equal(quote('a"b@example.com'), '"a\\"b"@example.com')
  assert.equal(quote('a@b@example.com'), '"a@b"@example.com')
  assert.equal(quote('a.b@example.com'), 'a.b@example.com')
  fc.assert(fc.property(fc.string(), (s) => assert.equal(unquote(quote(`${s}@example.com`)), `${s}@example.com`)))
})

test('addressList() keeps quotes together and drops comments', () => {
  const table: [string, string[]][] = [
    ['a, b c', ['a', 'b', 'c']],
    ['"john doe"@example.com, x', ['john doe@example.com', 'x']],
    ['<a@b>, (comment) c', ['a@b', 'c']],
    ['"|/bin/prog -x \'y\'", /var/mail/z', ["|/bin/prog -x 'y'", '/var/mail/z']],
    [':include:/etc/list', [':include:/etc/list']],
    ['"Doe, John" <a@b>, John Doe <c@d> e', ['a@b', 'c@d', 'e']],
    ['x\nJohn <a@b>\n (y) z', ['x', 'a@b', 'z']],
    ['x John<a@b', ['a@b']],
    ['<>, <"a b"@c>', ['a b@c']],
    ['', []],
  ]
  for (const [text, expected] of table) assert.deepEqual(addressList(text, 10), expected, text)
  assert.equal(addressList('a b c d', 2).length, 2)
})

test('splitExtension() cuts at the first delimiter, never the special names', () => {
  const cf = { recipient_delimiter: '+-', owner_request_special: true, double_bounce_sender: 'double-bounce' }
  const table: [string, string | undefined][] = [
    ['user+a-b', '+a-b'],
    ['user-a+b', '-a+b'],
    ['user+', undefined],
    ['+user', undefined],
    ['owner-list', undefined],
    ['list-request', undefined],
    ['double-bounce', undefined],
    ['mailer-daemon', undefined],
    ['user', undefined],
  ]
  for (const [local, expected] of table) assert.equal(splitExtension(local, cf)?.extension, expected, local)
})

test('domainAndParents() lists the keys of transport(5) and access(5)', () => {
  assert.deepEqual(domainAndParents('a.b.c', false), ['a.b.c', '.b.c', '.c'])
  assert.deepEqual(domainAndParents('a.b.c', true), ['a.b.c', 'b.c', 'c'])
  assert.equal(literalAddress('[IPv6:::1]'), '::1')
  assert.equal(literalAddress('[1.2.3]'), undefined)
})

test('standard() completes and untwists addresses', () => {
  const router = testRouter('append_dot_mydomain = yes')
  const table: [string, string][] = [
    ['', ''],
    ['@', ''],
    ['user', 'user@mail.example.com'],
    ['user@host', 'user@host.example.com'],
    ['user@host.net', 'user@host.net'],
    ['user@host.net.', 'user@host.net'],
    ['user@host.net..', 'user@host.net..'],
    ['user@[192.0.2.1]', 'user@[192.0.2.1]'],
    ['user@', 'user@'],
    ['site!user', 'user@site.example.com'],
    ['a!b!c', 'b!c@a.example.com'],
    ['user%host.net', 'user@host.net'],
    ['a%b%c.net', 'a%b@c.net'],
    ['a!b@c.net', 'a!b@c.net'],
    ['john doe', 'john doe@mail.example.com'],
  ]
  for (const [from, to] of table) assert.equal(router.standard(from), to, from)
  const plain = testRouter('swap_bangpath = no\nallow_percent_hack = no\nappend_at_myorigin = no')
  for (const same of ['user', 'a!b', 'a%b', 'a@b']) assert.equal(plain.standard(same), same)
})

const CLASSES = `
mydestination = $myhostname, localhost, dominio.virtual
relay_domains = relay.example
virtual_alias_domains = alias.example
virtual_mailbox_domains = box.example
virtual_mailbox_maps = inline:{ known@box.example=x }
recipient_delimiter = +
`

test('resolve() finds class, transport and next hop', async () => {
  const router = testRouter(CLASSES, { accounts: ['ana', 'eva@hosted.example'] })
  const table: [string, string, string, string, string][] = [
    ['ana', 'ana@mail.example.com', 'local', 'local', 'mail.example.com'],
    ['ana+x@dominio.virtual', 'ana+x@dominio.virtual', 'local', 'local', 'mail.example.com'],
    ['u@alias.example', 'u@alias.example', 'virtual-alias', 'error', '5.1.1 User unknown in virtual alias table'],
    ['known@box.example', 'known@box.example', 'virtual-mailbox', 'virtual', 'box.example'],
    ['u@box.example', 'u@box.example', 'virtual-mailbox', 'error', '5.1.1 unknown user: "u@box.example"'],
    ['u@hosted.example', 'u@hosted.example', 'virtual-mailbox', 'error', '5.1.1 unknown user: "u@hosted.example"'],
    ['eva@hosted.example', 'eva@hosted.example', 'virtual-mailbox', 'virtual', 'hosted.example'],
    ['u@relay.example', 'u@relay.example', 'relay', 'relay', 'relay.example'],
    ['u@sub.relay.example', 'u@sub.relay.example', 'relay', 'relay', 'sub.relay.example'],
    ['u@else.example', 'u@else.example', 'default', 'smtp', 'else.example'],
    ['u%else.example@mail.example.com', 'u@else.example', 'default', 'smtp', 'else.example'],
    ['else.example!u@localhost', 'u@else.example', 'default', 'smtp', 'else.example'],
    ['u@else.example@localhost', 'u@else.example', 'default', 'smtp', 'else.example'],
    ['@localhost', 'MAILER-DAEMON@localhost', 'local', 'local', 'mail.example.com'],
    ['u@-bad-.example', 'u@-bad-.example', 'default', 'error', '5.1.3 bad address syntax'],
    ['u@192.0.2.1', 'u@192.0.2.1', 'default', 'error', '5.1.3 bad address syntax'],
  ]
  for (const [address, recipient, addressClass, transport, nexthop] of table) {
    const routed = await router.resolve(address)
    const { recipient: r, addressClass: c, transport: t, nexthop: n } = routed
    assert.deepEqual([r, c, t, n], [recipient, addressClass, transport, nexthop], address)
  }
  const ana = await router.resolve('ana+news@localhost')
  assert.equal(ana.account?.localPart, 'ana')
  assert.equal(ana.extension, 'news')
  assert.equal((await router.resolve('eva+x@hosted.example')).account?.id, 2)
})

test('isOurs() refuses routes inside the local part', async () => {
  const router = testRouter(CLASSES)
  assert.equal(await router.isOurs('u@relay.example'), true)
  assert.equal(await router.isOurs('u@else.example'), false)
  assert.equal(await router.isOurs('u%else.example@relay.example'), false)
  assert.equal(await router.isOurs('u@else.example@relay.example'), false)
  assert.equal(isRouted('a!b@relay.example'), true)
  assert.equal(isRouted('a@relay.example'), false)
})

test('validAddress() tells broken domains', () => {
  const router = testRouter('')
  for (const good of ['', 'a', 'a@b.example', 'a@[192.0.2.1]']) assert.equal(router.validAddress(good), true, good)
  for (const bad of ['a@', 'a@-x.example', 'a@b..c', 'a@192.0.2.1', 'a@[300.1.1.1]', 'a@b c'])
    assert.equal(router.validAddress(bad), false, bad)
})

test('transport_maps, relayhost and sender-dependent tables choose the way', async () => {
  const router = testRouter(`
recipient_delimiter = +
relayhost = [relay.example.net]
sender_dependent_relayhost_maps = inline:{ {boss@example.com = [fast.example]:587}, {<> = [bounce.example]}, {@example.org = DUNNO} }
sender_dependent_default_transport_maps = inline:{ {boss@example.com = slow:} }
transport_maps = inline:{ {user@t.example = lmtp:unix:/x}, {t.example = :[h.example]}, {.t.example = smtp:},
  {e.example = error:}, {f.example = error:5.2.1 gone}, {n.example = :} }
`)
  const table: [string, string | undefined, string, string][] = [
    ['a@else.example', undefined, 'smtp', '[relay.example.net]'],
    ['a@else.example', 'boss@example.com', 'slow', '[fast.example]:587'],
    ['a@else.example', '', 'smtp', '[bounce.example]'],
    ['a@else.example', 'x@example.org', 'smtp', '[relay.example.net]'],
    ['user+x@t.example', undefined, 'lmtp', 'unix:/x'],
    ['other@t.example', undefined, 'smtp', '[h.example]'],
    ['other@sub.t.example', undefined, 'smtp', 'sub.t.example'],
    ['a@e.example', undefined, 'error', 'Address is undeliverable'],
    ['a@f.example', undefined, 'error', '5.2.1 gone'],
    ['a@n.example', undefined, 'smtp', '[relay.example.net]'],
  ]
  for (const [address, sender, transport, nexthop] of table) {
    const routed = await router.resolve(address, sender)
    assert.deepEqual([routed.transport, routed.nexthop], [transport, nexthop], `${sender} → ${address}`)
  }
})

test('what transport_maps sends to error: or retry: is refused as it says', async () => {
  const router = testRouter(
    'transport_maps = inline:{ {e.example=error:5.2.1 gone}, {four.example=error:4.2.0 four}, {w.example=retry:4.3.0 come again}, {bare.example=retry:} }',
  )
  const table: [address: string, ...expected: [number, string, string]][] = [
    ['a@e.example', 550, '5.2.1', 'gone'],
    ['a@four.example', 550, '4.2.0', 'four'],
    ['a@w.example', 450, '4.3.0', 'come again'],
    ['a@bare.example', 450, '5.1.1', 'Address is undeliverable'],
  ]
  for (const [address, code, enhanced, text] of table)
    assert.deepEqual(await router.unlisted(address), { code, enhanced, text }, address)
})

test('relocated_maps says where somebody went', async () => {
  const router = testRouter('relocated_maps = inline:{ {gone@mail.example.com = new@else.example} }')
  assert.equal((await router.resolve('gone')).nexthop, '5.1.6 User has moved to new@else.example')
  assert.deepEqual(await router.unlisted('gone'), {
    code: 550,
    enhanced: '5.1.6',
    text: 'User has moved to new@else.example',
  })
})

test('canonical maps have the forms and rounds of canonical(5)', async () => {
  const router = testRouter(`
recipient_delimiter = +
mydestination = mail.example.com
canonical_maps = inline:{ {a@else.example = b@else.example}, {b@else.example = c@else.example}, {local = person@example.com},
  {@whole.example = @other.example}, {loop@x.example = pool@x.example}, {pool@x.example = loop@x.example} }
sender_canonical_maps = inline:{ {julio = soporte@midominio.com} }
masquerade_domains = !keep.example.net example.net
masquerade_exceptions = root
`)
  const table: [string, string][] = [
    ['a@else.example', 'c@else.example'],
    ['a+x@else.example', 'c+x@else.example'],
    ['local', 'person@example.com'],
    ['local+x@mail.example.com', 'person+x@example.com'],
    ['u@whole.example', 'u@other.example'],
    ['u+x@whole.example', 'u+x@other.example'],
    ['julio', 'soporte@midominio.com'],
    ['u@host.example.net', 'u@example.net'],
    ['u@h.keep.example.net', 'u@h.keep.example.net'],
    ['root@host.example.net', 'root@host.example.net'],
    ['MAILER-DAEMON', ''],
    ['', ''],
    ['loop@x.example', 'loop@x.example'],
  ]
  for (const [from, to] of table) assert.equal(await router.canonicalSender(from), to, from)
  assert.equal(await router.rewriteHeaderAddress('julio', 'sender'), 'soporte@midominio.com')
  assert.equal(await router.rewriteHeaderAddress('julio', 'recipient'), 'julio@mail.example.com')
  assert.equal(await router.rewriteHeaderAddress('julio', 'sender', 'remote'), 'julio')
})

test('classes of addresses and lookups are named in any letter case', async () => {
  const router = testRouter(`
recipient_delimiter = +
canonical_classes = Envelope_Sender
canonical_maps = inline:{ {a@else.example = b@else.example} }
propagate_unmatched_extensions = Canonical
masquerade_classes = ENVELOPE_SENDER
masquerade_domains = example.net
`)
  assert.equal(await router.canonicalSender('a+x@else.example'), 'b+x@else.example')
  assert.equal(await router.canonicalSender('u@host.example.net'), 'u@example.net')
  assert.equal(await router.rewriteHeaderAddress('a@else.example', 'sender'), 'a@else.example')
})

async function expanded(mainCf: string, address: string, given: Given = {}): Promise<string[]> {
  const list = await testRouter(mainCf, given).expand(address)
  return list.map(({ routed: r, task }) =>
    r.account
      ? `account ${r.account.localPart}`
      : `${r.transport} ${task?.target ?? (r.transport === 'error' ? r.nexthop : r.recipient)}`,
  )
}

test('virtual aliases expand in rounds and stop at themselves', async () => {
  const cf = `
mydestination = mail.example.com
virtual_alias_domains = v.example
recipient_delimiter = +
virtual_alias_maps = inline:{ {one@v.example = ana, two@else.example}, {self@v.example = self@v.example, ana},
  {@catch.example = all@else.example}, {ping@x.example = pong@x.example}, {pong@x.example = ping@x.example} }
`
  const given = { accounts: ['ana'] }
  assert.deepEqual(await expanded(cf, 'one@v.example', given), ['account ana', 'smtp two@else.example'])
  assert.deepEqual(await expanded(cf, 'one+x@v.example', given), ['account ana', 'smtp two+x@else.example'])
  assert.deepEqual(await expanded(cf, 'self@v.example', given), [
    'error 5.1.1 User unknown in virtual alias table',
    'account ana',
  ])
  assert.deepEqual(await expanded(cf, 'x@catch.example', given), ['smtp all@else.example'])
  await assert.rejects(expanded(cf, 'ping@x.example', given), /nests too deep/)
  await assert.rejects(expanded(`${cf}virtual_alias_expansion_limit = 1\n`, 'one@v.example', given), /too many/)
  await assert.rejects(expanded(`${cf}virtual_alias_address_length_limit = 3\n`, 'one@v.example', given), /overlong/)
})

function listFile(t: TestContext, text: string): string {
  const directory = mkdtempSync(join(tmpdir(), 'postigo-routing-'))
  t.after(() => rmSync(directory, { recursive: true }))
  writeFileSync(join(directory, 'list'), text)
  return join(directory, 'list')
}

test('local aliases lead to accounts, other hosts, commands, files and lists', async (t) => {
  const file = listFile(t, '# members\nana\nout@else.example\n|/bin/no\n')
  const cf = `
mydestination = mail.example.com
recipient_delimiter = +
alias_maps = inline:{ {root = usuario}, {postmaster = root}, {many = ana, out@else.example, ana}, {cmd = "|/usr/bin/prog -a b"},
  {file = /var/log/mail-copy}, {list = :include:${file}}, {owner-list = ana}, {ana = \\ana, copy@else.example},
  {usuario = usuario, ana}, {loop1 = loop2}, {loop2 = loop1}, {lost = :include:/nonexistent/x}, {nobody = ghost},
  {tilde = ~/box}, {empty = ()} }
`
  const given = { accounts: ['usuario', 'ana', 'eva'] }
  const table: [string, string[]][] = [
    ['eva', ['account eva']],
    ['eva+x', ['account eva']],
    ['postmaster', ['account usuario', 'account ana', 'smtp copy@else.example']],
    ['many', ['account ana', 'smtp copy@else.example', 'smtp out@else.example']],
    ['cmd', ['local |/usr/bin/prog -a b']],
    ['file', ['local /var/log/mail-copy']],
    [
      'list',
      ['account ana', 'smtp copy@else.example', 'smtp out@else.example', 'error 5.7.1 mail to command is restricted'],
    ],
    ['nobody', ['error 5.1.1 unknown user: "ghost"']],
    ['lost', ['error 5.3.5 mail system configuration error']],
    ['tilde', ['error 5.3.5 mail system configuration error']],
    ['empty', ['retry empty@mail.example.com']],
    ['mailer-daemon', ['discard mailer-daemon@mail.example.com']],
  ]
  for (const [address, expected] of table) assert.deepEqual(await expanded(cf, address, given), expected, address)
  const [loop] = await expanded(cf, 'loop1', given)
  assert.match(loop ?? '', /^error 5\.4\.6 alias database loop for loop[12]$/)
  const [member] = await testRouter(cf, given).expand('list')
  assert.equal(member?.sender, 'owner-list@mail.example.com')
  assert.equal(member?.original, 'ana@mail.example.com')
  assert.equal(member?.forwarded, 'list@mail.example.com')
})

test('owners: inherited, reset, switched off; Delivered-To frozen or not', async () => {
  const base = `
mydestination = mail.example.com
alias_maps = inline:{ {list = inner, eva}, {owner-list = boss}, {inner = ana}, {team = ana} }
`
  const given = { accounts: ['ana', 'eva', 'boss'] }
  const table: [string, string, string[]][] = [
    ['', 'list', ['ana owner-list@mail.example.com', 'eva owner-list@mail.example.com']],
    ['reset_owner_alias = yes\n', 'list', ['ana -', 'eva owner-list@mail.example.com']],
    ['expand_owner_alias = yes\n', 'list', ['ana boss@mail.example.com', 'eva boss@mail.example.com']],
    ['owner_request_special = no\n', 'list', ['ana -', 'eva -']],
  ]
  for (const [cf, address, expected] of table) {
    const list = await testRouter(base + cf, given).expand(address)
    assert.deepEqual(
      list.map((e) => `${e.routed.account?.localPart} ${e.sender ?? '-'}`),
      expected,
      cf,
    )
  }
  const delivered = async (cf: string): Promise<string | undefined> =>
    (await testRouter(base + cf, given).expand('team'))[0]?.delivered
  assert.equal(await delivered(''), 'team@mail.example.com')
  assert.equal(await delivered('frozen_delivered_to = no\n'), 'team@mail.example.com')
})

test('lists: whose rights, once each, never by a bad file', async (t) => {
  const file = listFile(t, 'ana\n:include:/nonexistent/y\n')
  const cf = `
mydestination = mail.example.com
allow_mail_to_commands = alias, include
alias_maps = inline:{ {list = :include:${file}, :INCLUDE:${file}}, {rel = :include:x}, {open = :include:${file}.open} }
`
  const given = { accounts: ['ana'] }
  assert.deepEqual(await expanded(cf, 'list', given), ['account ana', 'error 5.3.5 mail system configuration error'])
  assert.deepEqual(
    (await testRouter(cf, given).expand('list')).map((e) => e.forwarded),
    ['list@mail.example.com', undefined],
  )
  assert.deepEqual(await expanded(cf, 'rel', given), ['error 5.3.5 mail system configuration error'])
  writeFileSync(`${file}.open`, '|/bin/x\n')
  const [found] = await testRouter(cf, given).expand('open')
  assert.deepEqual(found?.task, { target: '|/bin/x', place: 'include', owner: process.getuid?.() })
  chmodSync(`${file}.open`, 0o666)
  assert.deepEqual(await expanded(cf, 'open', given), ['error 5.3.5 mail system configuration error'])
})

test('a .forward file comes before every way to a mailbox, home_mailbox and a spool before the store', async () => {
  const base = 'mydestination = mail.example.com\n'
  const given = { accounts: ['ana', 'eva'], systemUsers: ['ana', 'eva'], forwarders: ['ana'] }
  const table: [string, string, string][] = [
    ['', 'ana', 'local ana@mail.example.com'],
    ['mailbox_transport = lmtp:unix:/x\n', 'ana', 'local ana@mail.example.com'],
    ['mailbox_transport = lmtp:unix:/x\n', 'eva', 'lmtp eva@mail.example.com'],
    ['', 'eva', 'account eva'],
    ['home_mailbox = Maildir/\n', 'eva', 'local eva@mail.example.com'],
    ['mail_spool_directory = /var/spool/mail\n', 'eva', 'local eva@mail.example.com'],
    ['mail_spool_copy = yes\n', 'eva', 'local eva@mail.example.com'],
    ['mailbox_command_maps = inline:{ {eva = /bin/x} }\n', 'eva', 'local eva@mail.example.com'],
  ]
  for (const [cf, address, expected] of table)
    assert.deepEqual(await expanded(base + cf, address, given), [expected], cf)
})

test('an alias to a virtual domain goes through virtual aliases', async () => {
  const cf = `
mydestination = mail.example.com
virtual_alias_domains = v.example
virtual_alias_maps = inline:{ {team@v.example = ana@mail.example.com} }
alias_maps = inline:{ {all = team@v.example} }
`
  assert.deepEqual(await expanded(cf, 'all', { accounts: ['ana'] }), ['account ana'])
})

test('luser_relay, fallback_transport and mailbox_transport take local names', async () => {
  const base = 'mydestination = mail.example.com\nrecipient_delimiter = +\n'
  const given = { accounts: ['ana'] }
  assert.deepEqual(await expanded(`${base}luser_relay = $user+$extension@else.example\n`, 'who+x', given), [
    'smtp who+x@else.example',
  ])
  assert.deepEqual(await expanded(`${base}luser_relay = ghost\n`, 'who', given), ['error 5.1.1 unknown user: "ghost"'])
  assert.deepEqual(await expanded(`${base}fallback_transport = lmtp:unix:/x\n`, 'who', given), [
    'lmtp who@mail.example.com',
  ])
  assert.deepEqual(await expanded(`${base}fallback_transport = lmtp:unix:/x\n`, 'ana', given), ['account ana'])
  assert.deepEqual(await expanded(`${base}mailbox_transport = lmtp:unix:/x\n`, 'ana', given), [
    'lmtp ana@mail.example.com',
  ])
})

test('mailbox_command holds for system users, not for accounts of our own', async () => {
  const cf = 'mydestination = mail.example.com\nmailbox_command = /usr/bin/procmail\n'
  const given = { accounts: ['ana', 'eva'], systemUsers: ['ana'] }
  assert.deepEqual(await expanded(cf, 'ana', given), ['local ana@mail.example.com'])
  assert.deepEqual(await expanded(cf, 'eva', given), ['account eva'])
  assert.deepEqual(await expanded('mydestination = mail.example.com\n', 'ana', given), ['account ana'])
})

test('unlisted() speaks of the table that was asked', async () => {
  const cf = `${CLASSES}
relay_recipient_maps = inline:{ {known@relay.example = x} }
virtual_alias_maps = inline:{ {known@alias.example = ana} }
alias_maps = inline:{ {root = ana} }
local_recipient_maps = proxy:unix:passwd.byname $alias_maps
`
  const router = testRouter(cf, { accounts: ['ana', 'eva@hosted.example'], systemUsers: ['sys'] })
  const table: [string, string | undefined][] = [
    ['ana', undefined],
    ['ana+x@localhost', undefined],
    ['sys', undefined],
    ['root', undefined],
    ['postmaster@mail.example.com', undefined],
    ['nobody', '550 5.1.1 User unknown in local recipient table'],
    ['known@relay.example', undefined],
    ['no@relay.example', '550 5.1.1 User unknown in relay recipient table'],
    ['known@alias.example', undefined],
    ['no@alias.example', '550 5.1.1 User unknown in virtual alias table'],
    ['known@box.example', undefined],
    ['no@box.example', '550 5.1.1 User unknown in virtual mailbox table'],
    ['eva@hosted.example', undefined],
    ['no@hosted.example', '550 5.1.1 User unknown in virtual mailbox table'],
    ['any@else.example', undefined],
  ]
  for (const [address, expected] of table) {
    const found = await router.unlisted(address)
    assert.equal(found && `${found.code} ${found.enhanced} ${found.text}`, expected, address)
  }
  assert.equal((await router.unlisted('nobody', 'sender'))?.enhanced, '5.1.0')
  const listed = testRouter('mydestination = mail.example.com\nlocal_recipient_maps = inline:{ {x = y} }\n', {
    accounts: ['ana', 'sys'],
    systemUsers: ['sys'],
  })
  assert.equal(await listed.unlisted('ana'), undefined)
  assert.equal((await listed.unlisted('sys'))?.enhanced, '5.1.1')
  const all = testRouter('mydestination = mail.example.com\nlocal_recipient_maps =\n')
  assert.equal(await all.unlisted('anybody'), undefined)
})

test('bcc maps, and a table that cannot be asked', async () => {
  const router = testRouter('sender_bcc_maps = inline:{ {@example.com = archive} }\nrelocated_maps = fail:x\n')
  assert.equal(await router.bcc('a@example.com', 'sender'), 'archive@mail.example.com')
  assert.equal(await router.bcc('a@example.com', 'recipient'), undefined)
  await assert.rejects(router.resolve('a@example.com'), /query error/)
})

test('any address is resolved and expanded within bounds', async () => {
  const router = testRouter(`${CLASSES}recipient_delimiter = +-\n`, { accounts: ['ana'] })
  const part = fc.stringMatching(/^[ab@%!."\\ +[\]-]{0,12}$/)
  await fc.assert(
    fc.asyncProperty(
      part,
      fc.constantFrom('', '@localhost', '@mail.example.com', '@else.example', '@'),
      async (l, d) => {
        const routed = await router.resolve(l + d)
        assert.ok(routed.recipient.includes('@'))
        assert.ok((await router.expand(l + d)).length > 0)
      },
    ),
    { numRuns: 500 },
  )
})
