/** Sites that keep their addresses in a database: a hoster's virtual domains in PostgreSQL. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { service, until } from '../../interop/tables/services.ts'
import { INSIDE, type Layout, sends } from '../layout.ts'

const POSTGRES = '/usr/lib/postgresql/15/bin'

const SCHEMA = `
create role mail login password 'secret';
create table domain (name text primary key, active boolean not null default true, backup boolean not null default false);
create table mailbox (username text primary key, maildir text not null, active boolean not null default true);
create table alias (address text primary key, goto text not null, active boolean not null default true);
insert into domain values ('one.test', true, false), ('two.test', true, false), ('gone.test', false, false),
  ('backup.test', true, true);
insert into mailbox values ('ana@one.test', 'one.test/ana/', true), ('pepe@two.test', 'two.test/pepe/', true),
  ('off@one.test', 'one.test/off/', false), ('o''brien@one.test', 'one.test/obrien/', true);
insert into alias values ('info@one.test', 'ana@one.test,pepe@two.test', true), ('@two.test', 'pepe@two.test', true),
  ('away@one.test', 'x@known.test', true), ('dead@one.test', 'ana@one.test', false), ('self@one.test', 'self@one.test', true),
  ('postmaster@one.test', 'info@one.test', true);
grant select on all tables in schema public to mail;
`

async function postgres(t: TestContext): Promise<Record<string, string>> {
  const pg = service(t, 'postgres')
  const data = join(pg.directory, 'data')
  pg.run(`${POSTGRES}/initdb`, ['-D', data, '-A', 'trust', '-E', 'UTF8', '--locale=C.UTF-8', '--no-sync'])
  const quick = ['-c', 'fsync=off', '-c', 'shared_buffers=16MB', '-c', 'autovacuum=off']
  pg.start(`${POSTGRES}/postgres`, ['-D', data, '-c', 'listen_addresses=', '-k', pg.directory, ...quick])
  await until('PostgreSQL', () => existsSync(join(pg.directory, '.s.PGSQL.5432')))
  const psql = ['-h', pg.directory, '-q', '-v', 'ON_ERROR_STOP=1', 'postgres']
  await until('PostgreSQL', () => {
    try {
      return pg.run('/usr/bin/psql', [...psql, '-c', 'select 1']) !== ''
    } catch {
      return false // it says "starting up"
    }
  })
  pg.run('/usr/bin/psql', psql, SCHEMA)
  return { POSTGRES: pg.directory }
}

const PGSQL = 'hosts = unix:@POSTGRES@\nuser = mail\npassword = secret\ndbname = postgres\n'

export const virtualPgsql: Layout = {
  name: 'virtual domains in PostgreSQL',
  mainCf: `
myhostname = mx.hosting.test
mydestination = $myhostname, localhost
virtual_mailbox_domains = proxy:pgsql:$config_directory/domains.cf
virtual_mailbox_maps = proxy:pgsql:$config_directory/mailboxes.cf
virtual_alias_maps = proxy:pgsql:$config_directory/aliases.cf, proxy:pgsql:$config_directory/catchall.cf
relay_domains = pgsql:$config_directory/relays.cf
transport_maps = inline:{ backup.test=smtp:[first.backup.test] }
virtual_transport = lmtp:inet:[@STORE_HOSTING_TEST@]:24
smtpd_sender_login_maps = pgsql:$config_directory/mailboxes.cf
smtpd_sender_restrictions = reject_unlisted_sender
relay_recipient_maps =
`,
  files: {
    'domains.cf': `${PGSQL}query = SELECT name FROM domain WHERE name = '%s' AND active AND NOT backup\n`,
    'relays.cf': `${PGSQL}query = SELECT name FROM domain WHERE name = '%s' AND active AND backup\n`,
    'mailboxes.cf': `${PGSQL}query = SELECT maildir FROM mailbox WHERE username = '%s' AND active\n`,
    'aliases.cf': `${PGSQL}query = SELECT goto FROM alias WHERE address = '%s' AND active\n`,
    'catchall.cf': `${PGSQL}table = alias\nselect_field = goto\nwhere_field = address\nadditional_conditions = AND active\n`,
  },
  hosts: {
    'store.hosting.test': { port: 24, refuses: /^pepe2@/ },
    'first.backup.test': {},
    'mx.known.test': { mx: ['known.test'], refuses: /^nobody@/ },
  },
  neighbours: postgres,
  day: [
    sends('to a mailbox', 'friend@known.test', ['ana@one.test']),
    sends('in capitals', 'friend@known.test', ['ANA@One.Test']),
    sends('an apostrophe', 'friend@known.test', ["o'brien@one.test"]),
    sends('injection', 'friend@known.test', ["\"x' or '1'='1\"@one.test"]),
    sends('to a role', 'friend@known.test', ['info@one.test']),
    sends('to a role of a role', 'friend@known.test', ['postmaster@one.test']),
    sends('caught', 'friend@known.test', ['anybody@two.test']),
    sends('away', 'friend@known.test', ['away@one.test']),
    sends('switched off', 'friend@known.test', ['off@one.test', 'dead@one.test']),
    sends('a domain that left', 'friend@known.test', ['ana@gone.test']),
    sends('backup', 'friend@known.test', ['x@backup.test']),
    sends('unknown', 'friend@known.test', ['nosuch@one.test']),
    sends('an unlisted sender', 'nosuch@one.test', ['ana@one.test']),
    sends('no relay', 'friend@known.test', ['x@known.test']),
    sends('out', 'ana@one.test', ['x@known.test', 'y@known.test', 'info@one.test'], { client: INSIDE }),
    sends('comes back', 'ana@one.test', ['nobody@known.test'], { client: INSIDE }),
  ],
  expect: { sent: 15, bounced: 1 },
}
