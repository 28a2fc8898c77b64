/** `pgsql:` tables against Debian's PostgreSQL: Postfix's postmap and ours on the same files. */
import assert from 'node:assert/strict'
import { existsSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { askOurs, compareAll, compareKeys, KEYS, type Normal, sameAnswers, tableFiles } from './compare.ts'
import { serverFiles } from './certificates.ts'
import { freePort } from '../../support/ports.ts'
import { missing, service, until } from './services.ts'

const BIN = '/usr/lib/postgresql/15/bin'

const ROWS = String.raw`
create table alias (address text, goto text, extra text);
insert into alias values
 ('ana', 'ana@local.test', null), ('ana@example.test', 'ana@home.test', 'x@y'), ('list@example.test', 'one@a.test', ''),
 ('list@example.test', 'two', 'three@b.test'), ('empty@example.test', '', ''), ('null@example.test', null, null),
 ('o''brien@example.test', 'obrien', null), ('back\slash@example.test', 'bs\\', null), ('per%cent@example.test', '%s%d', null),
 ('%s', 'percent-s', null), ('*', 'star', null), ('"quoted local"@example.test', 'q', null), ('@example.test', 'catchall', null),
 ('example.test', 'domain', null), ('under_score@example.test', 'u@@v', null), ('a@b@example.test', 'two ats', null),
 ('new' || chr(10) || 'line@example.test', 'nl', null), ('ana@a.b.c.d', 'deep', null), ('''', 'tick', null);
insert into alias select 'many@example.test', 'm' || n, null from generate_series(1, 5) n;
create function find(text) returns setof text language sql as 'select goto from alias where address = $1';
create role asker login password 'se''cret' ;
create role safe login;
grant select on alias to asker, safe;
`

/** The client libraries' ends of an error; the rest is the server's or Postfix's. */
const normal: Normal = (text) => text.replace(/\?\?Is the server running[^\n]*|\?LINE [^\n]*|\?+(?=\n)/g, '')

test('postmap -q says what Postfix says', { skip: missing('pgsql', `${BIN}/postgres`) }, async (t) => {
  const pg = service(t, 'postgres')
  const data = join(pg.directory, 'data')
  pg.run(`${BIN}/initdb`, ['-D', data, '-A', 'trust', '-E', 'UTF8', '--locale=C.UTF-8', '--no-sync'])
  const port = await freePort()
  const tls = serverFiles(t, pg.directory, 'postgres')
  pg.run('/usr/bin/sed', ['-i', '1i hostnossl postgres safe all reject', join(data, 'pg_hba.conf')])
  pg.start(`${BIN}/postgres`, [
    '-D',
    data,
    '-c',
    'listen_addresses=127.0.0.1',
    '-p',
    String(port),
    '-k',
    pg.directory,
    ...['ssl=on', `ssl_cert_file=${tls.cert}`, `ssl_key_file=${tls.key}`].flatMap((one) => ['-c', one]),
    '-c',
    'fsync=off',
    '-c',
    'shared_buffers=16MB',
    '-c',
    'autovacuum=off',
  ])
  await until('PostgreSQL', () => existsSync(join(pg.directory, `.s.PGSQL.${port}`)))
  const psql = ['-h', pg.directory, '-p', String(port), '-q', '-v', 'ON_ERROR_STOP=1', 'postgres']
  await until('PostgreSQL', () => {
    try {
      return pg.run('/usr/bin/psql', [...psql, '-c', 'select 1']) !== ''
    } catch {
      return false // it says "starting up"
    }
  })
  pg.run('/usr/bin/psql', psql, ROWS)

  symlinkSync(join(pg.directory, `.s.PGSQL.${port}`), join(pg.directory, '.s.PGSQL.5432'))
  const files = tableFiles(t)
  const at = `hosts = unix:${pg.directory}\nuser = asker\npassword = secret\ndbname = postgres\n`
  const table = (name: string, lines: string): string => `pgsql:${files.table(name, lines)}`
  const query = "query = SELECT goto, extra FROM alias WHERE address = '%s'\n"
  const one = "query = SELECT goto FROM alias WHERE address = '%s'\n"
  const ascii = KEYS.filter((key) => Buffer.byteLength(key) === key.length)
  const tables = [
    table('query.cf', at + query),
    table('tcp.cf', at.replace(/hosts = .*/, `hosts = 127.0.0.1:${port}`) + query),
    table(
      'old.cf',
      `${at}table = alias\nselect_field = goto\nwhere_field = address\nadditional_conditions = and goto <> 'q'\n`,
    ),
    table('function.cf', `${at}select_function = find\n`),
    table('parts.cf', `${at}query = SELECT '%u' || '|' || '%d' || '|' || '%U' || '%%' || '%D' || '%S'\n`),
    table('labels.cf', `${at}query = SELECT '%1|%2|%3'\n`),
    table('result.cf', `${at}${one}result_format = <%s|%u|%d|%S|%%>\n`),
    table('resultkey.cf', `${at}${one}result_format = %s/%U/%D/%1\n`),
    table('domain.cf', `${at}${query}domain = example.test, inline:{sub.example.test=x}\n`),
    table('limit5.cf', `${at}${one}expansion_limit = 5\n`),
  ]
  const found = await compareKeys(files.path, tables, normal, ascii)
  assert.ok(found > 60, `only ${found} keys were found`)
  const limited = table('limit.cf', `${at}${one}expansion_limit = 1\n`)

  const faults = [
    table('bad.cf', `${at}query = SELECT nothing FROM '%s'\n`),
    table('nocolumn.cf', `${at}query = SELECT nothing FROM alias\n`),
    table('command.cf', `${at}query = SET work_mem = 64\n`),
    table('multiple.cf', `${at}query = SELECT 'a'; SELECT 'b'\n`),
    table('nodb.cf', `${at}${query}`.replace('dbname = postgres', 'dbname = nosuch')),
    table('nouser.cf', `${at}${query}`.replace('user = asker', 'user = nosuch')),
    table('away.cf', at.replace(/hosts = .*/, 'hosts = 127.0.0.1:1') + query),
    table('nosocket.cf', at.replace(/hosts = .*/, `hosts = unix:${files.path}/none`) + query),
    table('failover.cf', at.replace(/hosts = .*/, `hosts = unix:${pg.directory}, 127.0.0.1:1`) + query),
    table('template.cf', `${at}query = SELECT '%x'\n`),
    table('format.cf', `${at}${query}result_format = %q\n`),
    table('number.cf', `${at}${query}expansion_limit = some\n`),
    table('nodbname.cf', query),
    table('noquery.cf', at),
    table('syntax.cf', `${at}query SELECT 1\n`),
    'pgsql:/nonexistent/file.cf',
  ]
  const some = tables[0] ?? ''
  const words = [
    ...faults.map((name) => ['-q', 'ana@example.test', name]),
    ...['ana', 'list@example.test'].map((key) => ['-q', key, limited]),
    ...['new\nline@example.test', ''].map((key) => ['-q', key, some]),
    ...[['-s'], ['-d', 'x'], ['-i'], []].map((option) => [...option, some]),
  ]
  await compareAll(files.path, words, { normal })

  // TLS as libpq has it in a URI; `safe` gets in with TLS alone.
  const uri = (name: string, parameters: string, host = 'localhost'): string =>
    table(name, `hosts = postgresql://safe@${host}:${port}/postgres?${parameters}\ndbname = postgres\n${one}`)
  const secured: readonly (readonly [table: string, isAnswered: boolean])[] = [
    [table('plain.cf', `hosts = 127.0.0.1:${port}\nuser = safe\ndbname = postgres\n${one}`), true],
    [uri('prefer.cf', 'sslmode=prefer'), true],
    [uri('require.cf', 'sslmode=require'), true],
    [uri('disable.cf', 'sslmode=disable'), false],
    [uri('ca.cf', `sslmode=verify-ca&sslrootcert=${tls.authority}`), true],
    [uri('full.cf', `sslmode=verify-full&sslrootcert=${tls.authority}`), true],
    [uri('full-address.cf', `sslmode=verify-full&sslrootcert=${tls.authority}`, '127.0.0.1'), true],
    [uri('full-name.cf', `sslmode=verify-full&sslrootcert=${tls.authority}`, 'ip6-localhost'), false],
    [uri('ca-name.cf', `sslmode=verify-ca&sslrootcert=${tls.authority}`, '127.0.0.1'), true],
    [uri('wrong-ca.cf', `sslmode=verify-ca&sslrootcert=${tls.stranger}`), false],
    [uri('wrong-full.cf', `sslmode=verify-full&sslrootcert=${tls.stranger}`), false],
    [uri('wrong-require.cf', `sslmode=require&sslrootcert=${tls.stranger}`), false],
    [uri('no-ca.cf', 'sslmode=verify-full&sslrootcert=/nonexistent.pem'), false],
  ]
  await sameAnswers(files.path, secured)

  files.table('main.cf', `mine_hosts = unix:${pg.directory}\nmine_user = asker\nmine_dbname = postgres\nmine_${one}`)
  const named = ['pgsql:mine', 'pgsql:unknown', 'proxy:pgsql:mine'].map((name) => ['-q', 'ana', name])
  await compareAll(files.path, named.slice(0, 2), { normal })
  assert.equal((await askOurs(files.path, named[2] ?? [])).out, 'ana@local.test\n')

  // Postfix 3.7 sends keys as if they were LATIN1; later versions, and we, as what they are.
  const utf8 = table('utf8.cf', `${at}query = SELECT upper('%s')\n`)
  assert.equal((await askOurs(files.path, ['-q', 'josé@x', utf8])).out, 'JOSÉ@X\n')
})
