/** account, domain, saslpasswd2, sasldblistusers2: each line a command on one database, as an operator types them. */
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { PassThrough } from 'node:stream'
import { test, type TestContext } from 'node:test'
import { systemClock } from '../../base/mod.ts'
import { openDatabase } from '../../io/db/mod.ts'
import {
  accountKey,
  accountsSchema,
  FAMILIES,
  KEY_FILE,
  openAccounts,
  type AccountId,
  type Accounts,
} from '../../mail/accounts/mod.ts'
import { Bans, Ledger, loginsSchema } from '../../mail/logins/mod.ts'
import { SendingLimits, sendingSchema } from '../../mail/policy/mod.ts'
import { accountCommand } from './account.ts'
import { bansCommand, type OpenedBans } from './bans.ts'
import { domainCommand } from './domain.ts'
import type { Command } from './io.ts'
import { sasldblistusers2Command } from './sasldblistusers2.ts'
import { saslpasswd2Command } from './saslpasswd2.ts'

interface Host {
  /** Runs a command line; `typed` is standard input, at a terminal when `tty`. */
  readonly run: (line: string, typed?: string, options?: { readonly tty?: boolean }) => Promise<Outcome>
  /** Whether a password is right, by a database connection of its own. */
  readonly knows: (name: string, password: string) => Promise<boolean>
  readonly created: AccountId[]
  readonly removed: AccountId[]
  /** Mailboxes cannot be made from now on. */
  readonly breakStore: () => void
  /** A path in the directory of the test. */
  readonly file: (name: string) => string
}

interface Outcome {
  readonly code: number
  readonly out: string
  readonly err: string
  /** Raw mode on and off, in order. */
  readonly rawModes: readonly boolean[]
}

/** Why a comparison with Cyrus's tools is not made. */
function cyrusMissing(): string | false {
  return spawnSync('saslpasswd2', ['-v']).error ? 'sasl2-bin is not installed' : false
}

const NO_LIMITS = {
  account_hourly_message_limit: 0,
  account_daily_message_limit: 0,
  account_hourly_new_recipient_limit: 0,
  account_daily_new_recipient_limit: 0,
  account_sending_limit_exceptions: [],
}

function host(t: TestContext): Host {
  const directory = mkdtempSync(join(tmpdir(), 'postigo-cli-'))
  t.after(() => rmSync(directory, { recursive: true }))
  const created: AccountId[] = []
  const removed: AccountId[] = []
  let broken = false
  const open: (directory: string) => Promise<OpenedBans> = async (asked) => {
    assert.equal(asked, directory)
    const db = openDatabase({
      path: join(directory, 'mail.db'),
      schemas: [accountsSchema, loginsSchema, sendingSchema],
    })
    const accounts = openAccounts({
      db,
      key: accountKey(db, join(directory, KEY_FILE)),
      defaultRealm: 'mail.midominio.com',
      isLocalDomain: (domain) => domain === 'midominio.com',
      families: FAMILIES.filter((family) => family !== 'argon2id'),
      clock: systemClock,
    })
    const onCreated = async (id: AccountId): Promise<void> => {
      if (broken) throw new Error('no room')
      created.push(id)
    }
    const clock = systemClock
    const parts = {
      ledger: new Ledger(db, clock, () => 0),
      bans: new Bans(db, clock),
      sending: new SendingLimits(db, clock, NO_LIMITS),
    }
    return { accounts, ...parts, onCreated, onRemoved: async (id) => void removed.push(id), close: () => db.close() }
  }
  const commands: Readonly<Record<string, Command>> = {
    account: accountCommand(open),
    bans: bansCommand(open),
    domain: domainCommand(open),
    saslpasswd2: saslpasswd2Command(open),
    sasldblistusers2: sasldblistusers2Command(open),
  }
  return {
    created,
    removed,
    breakStore: () => void (broken = true),
    file: (name) => join(directory, name),
    async run(line, typed = '', { tty = false } = {}) {
      const [name = '', ...argv] = line.split(' ')
      const command = commands[name]
      assert.ok(command, name)
      const rawModes: boolean[] = []
      const stdin = Object.assign(new PassThrough(), {
        isTTY: tty,
        setRawMode: (on: boolean) => void rawModes.push(on),
      })
      stdin.end(typed)
      const texts = { out: '', err: '' }
      const code = await command(argv, {
        stdin,
        out: (text) => void (texts.out += text),
        err: (text) => void (texts.err += text),
        env: { MAIL_CONFIG: directory },
        cwd: directory,
        tty,
      })
      return { code, ...texts, rawModes }
    },
    async knows(name, password) {
      const opened = await open(directory)
      const accounts: Accounts = opened.accounts
      const answer = await accounts.credential(name).verify(password)
      await opened.close()
      return answer
    },
  }
}

/** `line < typed` gives the code, and the texts when given (a RegExp where only a part matters). */
type Step = readonly [line: string, typed: string, code: number, out?: string | RegExp, err?: string | RegExp]

const scripts: Readonly<Record<string, readonly Step[]>> = {
  'bans, and a ledger that is empty': [
    ['bans', '', 0, ''],
    ['bans add 192.0.2.77/24 --for 1h --reason spam', '', 0, '', ''],
    ['bans add 2001:DB8::1', '', 0, '', ''],
    ['bans add host.example', '', 64, '', /neither an address nor a network/],
    ['bans add 192.0.2.1 --for 1y', '', 64, '', /--for 1y: a number/],
    ['bans remove 192.0.2.0/24 --for 1h', '', 64, '', /neither --for nor/],
    [
      'bans list',
      '',
      0,
      /^network +since +until +why\n(192\.0\.2\.0\/24 +\S+ \S+ +\S+ \S+ +by hand: spam\n|2001:db8::1 +\S+ \S+ +removed +by hand\n){2}$/,
    ],
    ['bans remove 192.0.2.0/24', '', 0, '', ''],
    ['bans remove 192.0.2.0/24', '', 67, '', /is not banned/],
    ['bans list --json', '', 0, /"network": "2001:db8::1"/],
    ['account add ana -p', 'x\n', 0],
    ['account log-ins ana', '', 0, ''],
    ['account log-ins ana --json', '', 0, '[]\n'],
    ['account log-ins nobody', '', 67, '', /no account nobody/],
    ['account sending ana', '', 0, 'hour: 0 messages, 0 new recipients\nday: 0 messages, 0 new recipients\n'],
    ['account release ana', '', 0, '', ''],
    ['account release ana --json', '', 64, '', /release has no option/],
    ['account sending', '', 64, '', /sending takes an account/],
    ['account log-ins ana --limit x', '', 64, '', /--limit takes a number/],
  ],
  'application passwords and a second factor': [
    ['account add ana -p', 'secreto\n', 0],
    [
      'account app-password add ana',
      '',
      0,
      /^application password app1 of ana, for smtp, imap, pop3:\n\n {2}[a-z2-7-]{23}\n/,
    ],
    ['account app-password add ana --name phone --scope imap,pop3 --expires 90d', '', 0, /of ana, for imap, pop3:/],
    ['account app-password add ana --name phone', '', 73, '', /already/],
    ['account app-password add nobody', '', 67, '', /no account nobody/],
    ['account app-password add ana --scope http', '', 64, '', /--scope http: some of smtp/],
    ['account app-password add ana --expires 2001-01-01', '', 64, '', /that is past/],
    ['account app-password add ana --expires soon', '', 64, '', /a number with m, h, d or w/],
    [
      'account app-password list ana',
      '',
      0,
      /^name +scope +made +expires +last used\napp1 +smtp,imap,pop3 +\S+ \S+ +never +never\nphone +imap,pop3 +\S+ \S+ +\S+ \S+ +never\n$/,
    ],
    ['account app-password remove ana app1', '', 0, '', ''],
    ['account app-password remove ana app1', '', 67, '', /has no application password app1/],
    ['account app-password list ana --json', '', 0, /^\[\n {2}\{\n {4}"id": 2,\n {4}"name": "phone"/],
    ['account app-password list ana phone', '', 64, '', /list takes an account/],
    ['account totp ana', '', 0, 'off\n'],
    [
      'account totp ana on',
      '',
      0,
      /^otpauth:\/\/totp\/mail\.midominio\.com:ana\?secret=[A-Z2-7]{32}&.*\n\nRecovery codes[^\n]*\n( {2}[a-z2-7]{5}-[a-z2-7]{5}\n){10}$/,
    ],
    ['account totp ana', '', 0, 'on, 10 recovery codes left\n'],
    ['account totp ana off', '', 0, '', ''],
    ['account totp ana', '', 0, 'off\n'],
    ['account totp ana maybe', '', 64, '', /on or off/],
  ],
  'an account from adding to deleting': [
    ['account add Usuario -p', 'secreto\nmore\n', 0, 'account usuario added\n', ''],
    ['account add usuario@midominio.com -p', 'x\n', 73, '', /account usuario@midominio.com exists already/],
    ['account add ana@virtual.example -p', 'x', 67, '', /postigo domain add virtual.example/],
    ['domain add Virtual.Example', '', 0, '', ''],
    ['domain add virtual.example', '', 73, '', /exists already/],
    ['domain list', '', 0, 'virtual.example\n'],
    ['domain list --json', '', 0, '["virtual.example"]\n'],
    ['account add ana@virtual.example -p --quota 10M', 'x\n', 0, 'account ana@virtual.example added\n'],
    ['domain remove virtual.example', '', 69, '', /has 1 account/],
    ['account disable ana@virtual.example', '', 0, '', ''],
    [
      'account list',
      '',
      0,
      'usuario@mail.midominio.com  this host      enabled   no quota\n' +
        'ana@virtual.example         hosted domain  disabled  quota 10485760\n',
    ],
    ['account list --json', '', 0, /"quotaOctets": 10485760/],
    [
      'account quota ana@virtual.example --quota 0 --messages 100',
      '',
      0,
      'octets none of its own, messages 100, mailboxes none of its own\n',
    ],
    ['account quota ana@virtual.example --mailboxes 20', '', 0, /messages 100, mailboxes 20/],
    ['account quota ana@virtual.example', '', 0, /messages 100, mailboxes 20/],
    ['account enable ana@virtual.example', '', 0],
    ['account passwd ana@virtual.example -p', 'y\n', 0, '', ''],
    ['account delete ana@virtual.example', '', 0],
    ['account delete ana@virtual.example', '', 67, '', 'postigo account: there is no account ana@virtual.example\n'],
    ['domain remove virtual.example', '', 0],
    ['domain remove virtual.example', '', 67],
    ['domain add midominio.com', '', 65, '', /mydestination/],
  ],
  'what account does not understand': [
    ['account', '', 64, '', /which subcommand\?\nusage: /],
    ['account frob', '', 64, '', /unknown subcommand: frob/],
    ['account add', '', 64, '', /add takes one address/],
    ['account add a b', '', 64],
    ['account list a', '', 64, '', /takes nothing/],
    ['account import', '', 64, '', /takes one file/],
    ['account import /nonexistent/sasldb2', '', 66, '', /No such file or directory/],
    ['account import /x --format mbox', '', 64, '', /--format mbox: one of sasldb2, passwd-file/],
    ['account list --realm x', '', 64, '', /no option --realm/],
    ['account list --quota 1', '', 64, '', /no option --quota/],
    ['account quota a --messages x', '', 64, '', /a number/],
    ['account quota nobody', '', 67],
    ['account delete a -p', '', 64, '', /no option -p/],
    ['account add a --quota 1x', '', 64, '', /a size is a number/],
    ['account add a --frob', '', 64],
    ['account --help', '', 0, /^usage: postigo account add/],
    ['account add a..b -p', 'x\n', 65, '', /local part/],
    ['account add a -p', '', 65, '', 'postigo account: no password was given\n'],
    ['account add a -p', '\n', 65],
    ['account add a -p', '\u0007\n', 65, '', /characters that none may have/],
    ['account add a -p', 'x'.repeat(5000), 65, '', /4096/],
    ['domain', '', 64],
    ['domain add', '', 64],
    ['domain list x', '', 64],
    ['domain add x --json', '', 64],
    ['domain add -x', '', 64],
    ['domain add [1.2.3.4]', '', 65],
    ['domain --help', '', 0, /^usage/],
  ],
  'saslpasswd2 as in the how-to': [
    ['sasldblistusers2', '', 0, ''],
    ['saslpasswd2 usuario1', 'secreto\n', 20, '', /user not found: usuario1 \(-c creates it\)/],
    ['saslpasswd2 -c usuario1', 'secreto', 0, '', ''],
    ['saslpasswd2 -cp -n -a smtpd usuario1', 'otro\r\n', 0, '', ''],
    ['saslpasswd2 -p -u mail.midominio.com usuario1', 'tres\n', 0, '', ''],
    ['saslpasswd2 -c -u otro.example eva', 'x\n', 0, '', /postigo domain add otro.example/],
    ['sasldblistusers2', '', 0, 'usuario1@mail.midominio.com: userPassword\neva@otro.example: userPassword\n'],
    ['account list', '', 0, /eva@otro.example +log-in only +enabled/],
    ['saslpasswd2 -d usuario1', '', 0, '', /its mail stays/],
    ['sasldblistusers2', '', 0, 'eva@otro.example: userPassword\n'],
    ['account list', '', 0, /usuario1@mail.midominio.com +this host +no password/],
    ['saslpasswd2 -d nadie', '', 20, '', 'saslpasswd2: user not found: nadie\n'],
  ],
  'what saslpasswd2 does not understand': [
    ['saslpasswd2', '', 1, '', /^saslpasswd2: usage: /],
    ['saslpasswd2 a b', '', 1, '', /^saslpasswd2: usage: /],
    ['saslpasswd2 -c -d a', '', 1, '', /exclude each other/],
    ['saslpasswd2 -x a', '', 1],
    ['saslpasswd2 -c -u x.example a@y.example', '', 1, '', /names its domain/],
    ['saslpasswd2 -f /etc/sasldb2 -c a', 'x\n', 1, '', /a file would not be read/],
    ['saslpasswd2 -v', '', 0, /^saslpasswd2 of Postigo [0-9]/],
    ['saslpasswd2 -c a', '', 7, '', 'saslpasswd2: no password was given\n'],
    ['saslpasswd2 -c a..b', 'x', 7],
    ['sasldblistusers2 -v', '', 0, /^sasldblistusers2 of Postigo/],
    ['sasldblistusers2 -f /nonexistent/sasldb2', '', 1, '', /ENOENT/],
    ['sasldblistusers2 a b', '', 1, '', /one file at most/],
    ['sasldblistusers2 -x', '', 1],
  ],
}

for (const [title, steps] of Object.entries(scripts))
  test(title, async (t) => {
    const { run } = host(t)
    for (const [line, typed, code, out, err] of steps) {
      const outcome = await run(line, typed)
      assert.equal(outcome.code, code, `${line}: ${outcome.err}`)
      for (const [got, wanted] of [[outcome.out, out] as const, [outcome.err, err] as const]) {
        if (typeof wanted === 'string') assert.equal(got, wanted, line)
        else if (wanted) assert.match(got, wanted, line)
      }
    }
  })

/** Columns: what is typed at the two prompts, exit code, the password that then holds. */
const typing: readonly (readonly [title: string, typed: string, code: number, password: string])[] = [
  ['the same twice', 'secreto\rsecreto\r', 0, 'secreto'],
  ['with line feeds', 'secreto\nsecreto\n', 0, 'secreto'],
  ['a mistake taken back', 'seX\u007fcreto\rsecretoñ\u007f\r', 0, 'secreto'],
  ['a line begun anew', 'nada\u0015secreto\rsecreto\r', 0, 'secreto'],
  ['two that differ', 'secreto\rsecreta\r', 7, ''],
  ['an interrupt', 'sec\u0003', 7, ''],
  ['nothing', '\r', 7, ''],
]
for (const [title, typed, code, password] of typing)
  test(`a password typed at a terminal: ${title}`, async (t) => {
    const { run, knows } = host(t)
    const outcome = await run('saslpasswd2 -c ana', typed, { tty: true })
    assert.equal(outcome.code, code, outcome.err)
    assert.match(outcome.err, /^Password: \n/)
    assert.ok(!outcome.err.includes('secret') && outcome.out === '')
    assert.equal(outcome.rawModes.at(-1), false)
    if (code === 0) {
      assert.equal(outcome.err, 'Password: \nAgain (for verification): \n')
      assert.equal(await knows('ana', password), true)
    }
    if (title.includes('differ')) assert.match(outcome.err, /saslpasswd2: passwords don't match; aborting\n$/)
  })

test('the password holds at once, and mailboxes are made and removed', async (t) => {
  const { run, knows, created, removed } = host(t)
  await run('account add ana -p', 'contraseña\n')
  assert.equal(await knows('ana@midominio.com', 'contraseña'), true)
  await run('saslpasswd2 -p ana', 'otra')
  assert.equal(await knows('ana', 'contraseña'), false)
  assert.equal(await knows('ana', 'otra'), true)
  assert.deepEqual(created, [1])
  await run('account delete ana')
  assert.deepEqual(removed, [1])
})

test('a sasldb2 that Cyrus wrote is listed and imported', { skip: cyrusMissing() }, async (t) => {
  const { run, knows, file } = host(t)
  const users = [
    ['usuario', 'vm', 'secreto'],
    ['begoña', 'vm', 'contraseña'],
    ['ana', 'otro.example', 'x'.repeat(600)],
  ] as const
  const path = file('sasldb2')
  for (const [user, realm, password] of users)
    execFileSync('saslpasswd2', ['-p', '-c', '-f', path, '-u', realm, user], { input: password })
  const before = readFileSync(path)
  const listed = await run(`sasldblistusers2 -f ${path}`)
  const cyrus = execFileSync('sasldblistusers2', ['-f', path], { encoding: 'utf8' })
  assert.deepEqual(listed.out.split('\n').toSorted(), cyrus.split('\n').toSorted())
  await run('account add begoña -p', 'mía\n')
  const imported = await run(`account import ${path} --realm vm`)
  assert.equal(imported.code, 0, imported.err)
  assert.equal(
    imported.out,
    'ana@otro.example: added to log in only (--realm otro.example makes it an account of this host)\n' +
      'begoña@vm: kept: it has a password already\nusuario@vm: added\n3 users: 2 added, 1 kept\n',
  )
  assert.equal(await knows('usuario', 'secreto'), true)
  assert.equal(await knows('begoña', 'mía'), true)
  assert.equal(await knows('ana@otro.example', 'x'.repeat(600)), true)
  assert.deepEqual(readFileSync(path), before)
})

const SHA512 =
  '$6$2yPazGJkWx.IPBvM$uk5XNg49QBfKCYEuBM71PNFz9bELB5WhhQDbtwb6ocqXRsdFKnAG/kdHjbttczMmmY6rFx6w3ShqTBokLs1J50'

test('users of a passwd-file come with their hashes, tried first, never twice, nothing overwritten unasked', async (t) => {
  const { run, knows, file } = host(t)
  writeFileSync(
    file('users'),
    `# users\n\nana:{SSHA}cDQ2FGGWZ5+3c6xjoUiukl5cxARYSxqM:1000:1000::/home/ana::userdb_quota_rule=*:storage=1G\n` +
      `bob@midominio.com:${SHA512}\neva@otro.example:{PLAIN}abierta\nmar:{OTP}what\nzoe:*\n`,
  )
  const line = `account import ${file('users')}`
  const dry = await run(`${line} --dry-run`)
  assert.match(dry.out, /^ana: added\n[^]*dry run: nothing was changed: 5 users: 3 added, 1 failed, 1 left out/m)
  assert.equal((await run('account list')).out, '')
  await run('account add bob -p', 'suya\n')
  const first = await run(line)
  assert.equal(first.code, 65)
  assert.equal(
    first.out,
    'ana: added\nbob@midominio.com: kept: it has a password already\n' +
      'eva@otro.example: added to log in only (--realm otro.example makes it an account of this host)\n' +
      'zoe: left out: nobody can log in as it\n' +
      '5 users: 1 kept, 2 added, 1 failed, 1 left out; 1 hashed passwords get their own verifiers at the next plain log-in\n'.replace(
        '1 kept, 2 added',
        '2 added, 1 kept',
      ),
  )
  assert.equal(first.err, 'postigo account: mar: scheme OTP is not known here\n')
  assert.match((await run(line)).out, /5 users: 3 kept, 1 failed, 1 left out\n$/)
  assert.equal(await knows('ana', 'Secrét x'), false)
  assert.equal(await knows('ana', 'secrét x'), true)
  assert.equal(await knows('ana', 'secrét x'), true, 'by verifiers of our own')
  assert.equal(await knows('bob', 'suya'), true)
  assert.match((await run(`${line} --replace`)).out, /bob@midominio.com: password set\n/)
  assert.equal(await knows('bob', 'suya'), false)
  assert.equal(await knows('bob', 'secrét x'), true)
  assert.equal(await knows('eva@otro.example', 'abierta'), true)
})

test('users of shadow and of an SQL source', async (t) => {
  const { run, knows, file } = host(t)
  writeFileSync(
    file('shadow'),
    `root:*:19000:0:99999:7:::\nana:${SHA512}:19000:0:99999:7:::\nbob:!${SHA512}:19000::::::\n`,
  )
  const shadow = await run(`account import ${file('shadow')}`)
  assert.match(shadow.out, /ana: added\n[^]*3 users: 2 left out, 1 added; 1 hashed/)
  assert.equal(await knows('ana', 'secrét x'), true)
  const db = new DatabaseSync(file('users.sqlite'))
  db.exec(
    "CREATE TABLE users (name TEXT, password TEXT); INSERT INTO users VALUES ('eva', '{CRAM-MD5}f09b95fbb905129b05bd414b8c7145ab3d8d1e75e9c9fe1b3e846b45e156ed16'), ('mar', 'jXxCI2FU8aTN7k+Ss19yFqSq5DM=')",
  )
  db.close()
  writeFileSync(file('users.cf'), `dbpath = ${file('users.sqlite')}\nquery = SELECT name, password FROM users\n`)
  const sql = await run(`account import sqlite:${file('users.cf')} --scheme SHA`)
  assert.equal(sql.code, 0, sql.err)
  assert.match(sql.out, /^eva: added\nmar: added\n2 users: 2 added; 2 hashed/)
  assert.equal(await knows('eva', 'secrét x'), true)
  assert.equal(await knows('mar', 'secrét x'), true)
  writeFileSync(file('three.cf'), `dbpath = ${file('users.sqlite')}\nquery = SELECT 1, 2, 3\n`)
  const wrong = await run(`account import sqlite:${file('three.cf')}`)
  assert.equal(wrong.code, 66)
  assert.match(wrong.err, /the query gives 3 columns/)
})

test('what is no sasldb2 is said so', async (t) => {
  const { run, file } = host(t)
  writeFileSync(file('x'), 'no database, but text')
  const outcome = await run(`account import ${file('x')}`)
  assert.equal(outcome.code, 66)
  assert.match(outcome.err, /cut short/)
})

test('an account without mailboxes is taken back', async (t) => {
  const { run, breakStore } = host(t)
  breakStore()
  await assert.rejects(run('account add ana -p', 'x\n'), /no room/)
  assert.equal((await run('account list')).out, '')
})
