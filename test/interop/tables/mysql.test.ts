/** `mysql:` tables against Debian's MariaDB: Postfix's postmap and ours on the same files. */
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { askOurs, compareAll, compareKeys, KEYS, type Normal, sameAnswers, tableFiles } from './compare.ts'
import { serverFiles } from './certificates.ts'
import { freePort } from '../../support/ports.ts'
import { missing, service, until } from './services.ts'

const ROWS = String.raw`
create database mail character set utf8mb4 collate utf8mb4_bin;
use mail;
create table alias (address varchar(200), goto varchar(200), extra varchar(200));
insert into alias values
 ('ana', 'ana@local.test', null), ('ana@example.test', 'ana@home.test', 'x@y'), ('list@example.test', 'one@a.test', ''),
 ('list@example.test', 'two', 'three@b.test'), ('empty@example.test', '', ''), ('null@example.test', null, null),
 ('o''brien@example.test', 'obrien', null), ('back\\slash@example.test', 'bs\\\\', null), ('per%cent@example.test', '%s%d', null),
 ('%s', 'percent-s', null), ('*', 'star', null), ('"quoted local"@example.test', 'q', null), ('@example.test', 'catchall', null),
 ('example.test', 'domain', null), ('under_score@example.test', 'u@@v', null), ('a@b@example.test', 'two ats', null),
 ('new\nline@example.test', 'nl', null), ('ana@a.b.c.d', 'deep', null), ('''', 'tick', null), ('many@example.test', 'm1', 'm2');
create procedure find(in wanted varchar(200)) select goto from alias where address = wanted;
create procedure none(in wanted varchar(200)) set @x = wanted;
create procedure twice(in wanted varchar(200)) begin select 1; select 2; end;
create user asker@'%' identified by 'se''cret';
create user asker@localhost identified by 'se''cret';
create user safe@'%' identified by 'safe' require ssl;
grant all on mail.* to asker@'%', asker@localhost, safe@'%';
`

/** Errno of a connection that is refused: the C library looks later than we do. */
const normal: Normal = (text) => text.replace(/(Can't connect to [^\n]*) \(\d+\)/g, '$1')

test('postmap -q says what Postfix says', { skip: missing('mysql', '/usr/sbin/mariadbd') }, async (t) => {
  const my = service(t, 'mysql')
  const [data, socket] = [join(my.directory, 'data'), join(my.directory, 'socket')]
  const port = await freePort()
  const tls = serverFiles(t, my.directory, 'mysql')
  my.run('/usr/bin/mariadb-install-db', [
    '--no-defaults',
    `--datadir=${data}`,
    '--auth-root-authentication-method=normal',
    '--skip-test-db',
  ])
  my.start('/usr/sbin/mariadbd', [
    '--no-defaults',
    `--datadir=${data}`,
    `--socket=${socket}`,
    `--port=${port}`,
    '--bind-address=127.0.0.1',
    '--innodb-flush-log-at-trx-commit=0',
    '--innodb-buffer-pool-size=16M',
    '--skip-name-resolve',
    `--ssl-cert=${tls.cert}`,
    `--ssl-key=${tls.key}`,
  ])
  await until('MariaDB', () => {
    try {
      return (
        existsSync(socket) &&
        my.run('/usr/bin/mariadb-admin', ['--no-defaults', '-u', 'root', '-S', socket, 'ping']) !== ''
      )
    } catch {
      return false // its socket is there before it listens
    }
  })
  my.run('/usr/bin/mariadb', ['--no-defaults', '-u', 'root', '-S', socket, '--delimiter=;\n'], ROWS)

  const files = tableFiles(t)
  const at = `hosts = unix:${socket}\nuser = asker\npassword = se'cret\ndbname = mail\n`
  const overTcp = at.replace(/hosts = .*/, `hosts = 127.0.0.1:${port}`)
  const table = (name: string, lines: string): string => `mysql:${files.table(name, lines)}`
  const query = "query = SELECT goto, extra FROM alias WHERE address = '%s'\n"
  const one = "query = SELECT goto FROM alias WHERE address = '%s'\n"
  const client = files.table('my.cnf', `[client]\nuser=asker\npassword="se'cret"\n[other]\nuser = nobody\n`)
  const tables = [
    table('query.cf', at + query),
    table('tcp.cf', overTcp + query),
    table(
      'old.cf',
      `${at}table = alias\nselect_field = goto\nwhere_field = address\nadditional_conditions = and goto <> 'q'\n`,
    ),
    table('call.cf', `${at}query = CALL find('%s')\n`),
    table('none.cf', `${at}query = CALL none('%s')\nrequire_result_set = no\n`),
    table('parts.cf', `${at}query = SELECT concat('%u', '|', '%d', '|', '%U', '%%', '%D', '%S')\n`),
    table('labels.cf', `${at}query = SELECT '%1|%2|%3'\n`),
    table('result.cf', `${at}${one}result_format = <%s|%u|%d|%S|%%>\n`),
    table('resultkey.cf', `${at}${one}result_format = %s/%U/%D/%1\n`),
    table('domain.cf', `${at}${query}domain = example.test, inline:{sub.example.test=x}\n`),
    table('number.cf', `${at}query = SELECT 1.50, 17, NOW() > 0, X'4142', length('%s')\n`),
    table('limit5.cf', `${at}${one}expansion_limit = 5\n`),
    table('option.cf', `hosts = unix:${socket}\npassword = se'cret\ndbname = mail\noption_file = ${client}\n${query}`),
  ]
  const found = await compareKeys(files.path, tables, normal, KEYS)
  assert.ok(found > 80, `only ${found} keys were found`)

  const limited = table('limit.cf', `${at}${query}expansion_limit = 1\n`)
  const faults = [
    table('bad.cf', `${at}query = SELECT nothing FROM '%s'\n`),
    table('nocolumn.cf', `${at}query = SELECT nothing FROM alias\n`),
    table('empty.cf', `${at}query = CALL none('%s')\n`),
    table('twice.cf', `${at}query = CALL twice('%s')\n`),
    table('nodb.cf', `${at}${query}`.replace('dbname = mail', 'dbname = nosuch')),
    table('nouser.cf', `${overTcp}${query}`.replace('user = asker', 'user = nosuch')),
    table('away.cf', at.replace(/hosts = .*/, 'hosts = 127.0.0.1:1') + query),
    table('nosocket.cf', at.replace(/hosts = .*/, `hosts = unix:${files.path}/none`) + query),
    table('failover.cf', at.replace(/hosts = .*/, `hosts = unix:${socket}, 127.0.0.1:1`) + query),
    table(
      'group.cf',
      `hosts = 127.0.0.1:${port}\npassword = x\ndbname = mail\noption_file = ${client}\noption_group = other\n${query}`,
    ),
    table('template.cf', `${at}query = SELECT '%x'\n`),
    table('flag.cf', `${at}${query}require_result_set = maybe\n`),
    table('nodbname.cf', query),
    'mysql:/nonexistent/file.cf',
  ]
  const some = tables[0] ?? ''
  const words = [
    ...faults.map((name) => ['-q', 'ana@example.test', name]),
    ...['ana', 'list@example.test'].map((key) => ['-q', key, limited]),
    ...['new\nline@example.test', ''].map((key) => ['-q', key, some]),
    ...[['-s'], ['-d', 'x'], ['-i'], []].map((option) => [...option, some]),
  ]
  await compareAll(files.path, words, { normal })

  // `safe` gets in with TLS alone.
  const safe = `hosts = 127.0.0.1:${port}\nuser = safe\npassword = safe\ndbname = mail\n${one}`
  const tlsFile = files.table('tls.cnf', `[client]\nssl-ca=${tls.authority}\n`)
  const wrongFile = files.table('wrong.cnf', `[client]\nssl-ca=${tls.stranger}\n`)
  await sameAnswers(files.path, [
    [table('bare.cf', safe), false],
    [table('ca.cf', `${safe}tls_CAfile = ${tls.authority}\n`), true],
    [table('verified.cf', `${safe}tls_CAfile = ${tls.authority}\ntls_verify_cert = yes\n`), true],
    [table('wrong.cf', `${safe}tls_CAfile = ${tls.stranger}\ntls_verify_cert = yes\n`), false],
    [table('wrong-unverified.cf', `${safe}tls_CAfile = ${tls.stranger}\n`), false],
    [table('wrong-directory.cf', `${safe}tls_CApath = ${files.path}\n`), false],
    [table('ciphers.cf', `${safe}tls_ciphers = AES256-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384\n`), true],
    [table('file.cf', `${safe}option_file = ${tlsFile}\n`), true],
    [table('wrong-file.cf', `${safe}option_file = ${wrongFile}\ntls_verify_cert = yes\n`), false],
  ])

  // MariaDB's library sends no password rather than the option file's; we send it.
  const filed = table('filed.cf', `hosts = unix:${socket}\ndbname = mail\noption_file = ${client}\n${one}`)
  assert.equal((await askOurs(files.path, ['-q', 'ana', filed])).out, 'ana@local.test\n')

  // Where backslashes are plain characters, quoting knows it (Postfix's query is an error there).
  my.run(
    '/usr/bin/mariadb',
    ['--no-defaults', '-u', 'root', '-S', socket],
    "set global sql_mode='NO_BACKSLASH_ESCAPES'",
  )
  for (const [key, answer] of [
    ["o'brien@example.test", 'obrien\n'],
    ["\\' OR 1=1 -- ", ''],
  ] as const)
    assert.equal((await askOurs(files.path, ['-q', key, some])).out, answer)
})
