/** `postigo start` as root: a launcher that stays, and a server without rights. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { certificateMaker } from '../support/authority.ts'
import { until } from '../support/mailbox.ts'
import { install, type Installation } from '../support/process.ts'
import { makeSystemUser, withoutRoot } from '../support/system-user.ts'
import { startTlsSink } from '../support/tls-sink.ts'
import { transcript } from '../support/transcript.ts'

const SKIP = { skip: withoutRoot ?? false }
const CAP_NET_BIND_SERVICE = 1 << 10

const field = (pid: number, name: string): string =>
  new RegExp(`^${name}:\\s+(.*)$`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? ''

/** The message ends where the transcript's line of a dot says. */
const send = (port: number, to: string): Promise<void> =>
  transcript(
    port,
    `S: 220 …
    C: HELO client.test
    S: 250 …
    C: MAIL FROM:<s@else.test>
    S: 250 …
    C: RCPT TO:<${to}>
    S: 250 …
    C: DATA
    S: 354 …
    C: Subject: x
    C:
    C: hello
    C: .
    S: 250 …
    C: QUIT
    S: 221 …`,
  )

async function serverPid({ postigo }: Installation): Promise<number> {
  const { out } = await postigo(['status', '--json'])
  return out === '' ? 0 : (JSON.parse(out) as { pid: number }).pid // our own words
}

test('the server runs as mail_owner, and is started again when it dies', SKIP, async (t) => {
  const one = await install(t)
  assert.equal((await one.postigo(['account', 'add', 'ana', '-p'], 'secret\n')).code, 0)
  const key = join(one.dir, 'key.pem')
  const words = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2']
  const subject = ['-subj', '/CN=own.example.test', '-keyout', key, '-out', join(one.dir, 'cert.pem')]
  execFileSync('openssl', [...words, ...subject], { stdio: 'pipe' })
  assert.equal(statSync(key).mode & 0o77, 0)
  const mainCf = readFileSync(join(one.dir, 'main.cf'), 'utf8')
  const tls = 'smtpd_tls_security_level = may\nsmtpd_tls_cert_file = $config_directory/cert.pem\n'
  writeFileSync(join(one.dir, 'main.cf'), `${mainCf}${tls}smtpd_tls_key_file = $config_directory/key.pem\n`)
  const started = await one.postigo(['start', '--port-offset', String(one.offset)])
  assert.equal(started.code, 0, started.err)
  const pid = await serverPid(one)
  const owner = execFileSync('id', ['-u', 'postfix'], { encoding: 'utf8' }).trim()
  assert.equal(field(pid, 'Uid'), [owner, owner, owner, owner].join('\t'))
  for (const set of ['CapPrm', 'CapEff', 'CapBnd', 'CapAmb'])
    assert.equal(Number.parseInt(field(pid, set), 16), CAP_NET_BIND_SERVICE, set)
  assert.equal(field(pid, 'NoNewPrivs'), '1')
  // Made by root before the first start, and the server's since.
  await transcript(143 + one.offset, 'S: * OK …\nC: a LOGIN ana secret\nS: a OK …\nC: b LOGOUT\nS: * BYE …\nS: b OK …')
  const shown = execFileSync(
    'openssl',
    ['s_client', '-connect', `127.0.0.1:${25 + one.offset}`, '-starttls', 'smtp', '-quiet'],
    { input: 'QUIT\r\n', encoding: 'utf8', stdio: 'pipe', timeout: 10_000 },
  )
  assert.match(shown, /221/)
  assert.equal((await one.postigo(['reload'])).code, 0)
  process.kill(pid, 'SIGKILL')
  await until('it runs again', async () => ![0, pid].includes(await serverPid(one)))
  assert.equal((await one.postigo(['stop'])).code, 0)
  // Written at the very end of the server, which `stop` waits for: the next start is a quick one.
  const compiled = join(one.dir, 'data', 'postigo', 'compiled')
  assert.equal(statSync(compiled).uid, Number(owner))
  assert.notDeepEqual(
    readdirSync(compiled, { recursive: true, withFileTypes: true }).filter((e) => e.isFile()),
    [],
  )
})

test('the server shows a certificate to others whose key only root may read', SKIP, async (t) => {
  const maker = certificateMaker(t)
  const [client, server] = [
    maker.make('client.test', { names: ['client.test'] }),
    maker.make('far', { names: ['far'] }),
  ]
  const sink = await startTlsSink(t, { ...server, asks: true })
  const one = await install(
    t,
    `smtp_tls_security_level = encrypt
smtp_tls_cert_file = $config_directory/client.pem
smtp_tls_key_file = $config_directory/live/client.key
relayhost = [127.0.0.1]:${sink.port}
`,
  )
  writeFileSync(join(one.dir, 'client.pem'), client.cert)
  mkdirSync(join(one.dir, 'live'), { mode: 0o700 }) // as certbot has it
  writeFileSync(join(one.dir, 'live/client.key'), client.key, { mode: 0o600 })
  const started = await one.postigo(['start', '--port-offset', String(one.offset)])
  assert.equal(started.code, 0, started.err)
  assert.notEqual(field(await serverPid(one), 'Uid').split('\t')[0], '0')
  await send(25 + one.offset, 'bob@far.test')
  await until('it is there', () => sink.took.length > 0, 30_000)
  assert.deepEqual(sink.took, ['tls client.test'])
})

test(
  'a system user has mail, a .forward command with its own rights, and logs in with the system password',
  SKIP,
  async (t) => {
    const user = makeSystemUser(t)
    execFileSync('chpasswd', { input: `${user.name}:geheim\n` })
    const one = await install(t)
    assert.equal((await one.postigo(['start', '--port-offset', String(one.offset)])).code, 0)
    const port = 25 + one.offset
    await send(port, `${user.name}@mail.example.test`)
    await transcript(
      143 + one.offset,
      `S: * OK …
    C: a LOGIN ${user.name} wrong
    S: a NO …
    C: b LOGIN root wrong
    S: b NO …
    C: c LOGIN ${user.name} geheim
    S: c OK …
    C: d STATUS INBOX (MESSAGES)
    S: * STATUS "INBOX" (MESSAGES 1)
    S: d OK …`,
    )
    const copy = join(user.home, 'copy')
    writeFileSync(join(user.home, '.forward'), `"|id -u > ${copy}; cat >> ${copy}"\n`)
    chownSync(join(user.home, '.forward'), user.uid, user.uid)
    await send(port, `${user.name}@mail.example.test`)
    await until('the command had it', () => {
      const stat = statSync(copy, { throwIfNoEntry: false })
      return stat !== undefined && stat.size > 100
    })
    assert.equal(readFileSync(copy, 'utf8').split('\n')[0], String(user.uid))
  },
)

test('a pipe(8) transport runs its command as the user that master.cf names', SKIP, async (t) => {
  const user = makeSystemUser(t)
  const one = await install(t, 'transport_maps = inline:{tube.test=tube:}\nrelay_domains = tube.test\n')
  const out = join(user.home, 'out')
  const command = `argv=/bin/sh -c {{ id -u; echo $$1; cat; } >${out}} x \${recipient}`
  writeFileSync(
    join(one.dir, 'master.cf'),
    `smtp inet n - n - - smtpd\ntube unix - n n - - pipe flags=R user=${user.name} ${command}\n`,
  )
  assert.equal((await one.postigo(['start', '--port-offset', String(one.offset)])).code, 0)
  await send(25 + one.offset, 'A.B@tube.test')
  const log = (): string => readFileSync(join(one.dir, 'mail.log'), 'utf8')
  await until('it is sent', () => log().includes('status=sent (delivered via tube service)'))
  assert.match(log(), /postfix\/pipe\[\d+\]: \w+: to=<A\.B@tube\.test>, relay=tube, /)
  assert.match(
    readFileSync(out, 'utf8'),
    new RegExp(`^${user.uid}\nA\\.B@tube\\.test\nReturn-Path: <s@else\\.test>\nReceived: `),
  )
})

test('a mail_owner that does not exist, or has the rights of root, stops the start', SKIP, async (t) => {
  for (const [owner, message] of [
    ['no-such-user', /not started: the user of mail_owner, no-such-user, does not exist/],
    ['root', /not started: mail_owner, root, has the rights of root/],
  ] as const) {
    const one = await install(t, `mail_owner = ${owner}\n`)
    const started = await one.postigo(['start', '--port-offset', String(one.offset)])
    assert.equal(started.code, 78)
    assert.match(started.err, message)
  }
})

test('where mail_owner may not read main.cf the server stays root, and warns', SKIP, async (t) => {
  const one = await install(t)
  chmodSync(one.dir, 0o700)
  const started = await one.postigo(['start', '--port-offset', String(one.offset)])
  assert.equal(started.code, 0, started.err)
  assert.match(
    started.err,
    /warning: the server keeps the rights of root: postfix \(mail_owner\) may not read \S+main\.cf/,
  )
  assert.equal(field(await serverPid(one), 'Uid').split('\t')[0], '0')
  assert.equal((await one.postigo(['stop'])).code, 0)
})

test('an installation whose data are mail_owner’s does not become root’s again', SKIP, async (t) => {
  const one = await install(t)
  const start = (): ReturnType<Installation['postigo']> => one.postigo(['start', '--port-offset', String(one.offset)])
  assert.equal((await start()).code, 0)
  assert.equal((await one.postigo(['stop'])).code, 0)
  chmodSync(one.dir, 0o700)
  const refused = await start()
  assert.equal(refused.code, 78)
  assert.match(refused.err, /not started: postfix \(mail_owner\) may not read \S+main\.cf/)
})

test('a log that is a link gives nobody what it names', SKIP, async (t) => {
  const one = await install(t)
  const victim = join(one.dir, 'root-only')
  writeFileSync(victim, 'x', { mode: 0o600 })
  symlinkSync(victim, join(one.dir, 'mail.log'))
  await one.postigo(['start', '--port-offset', String(one.offset)]) // what becomes of the log is not looked at here
  assert.equal(statSync(victim).uid, 0)
  assert.equal(statSync(victim).mode & 0o777, 0o600)
})
