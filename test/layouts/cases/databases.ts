/** Sites that keep their addresses in a database: a hoster's virtual domains in PostgreSQL, a company's people in LDAP. */
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { service, until } from '../../interop/tables/services.ts'
import { isOpen } from '../../support/programs.ts'
import { INSIDE, type Layout, type Site, sends } from '../layout.ts'

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
    'store.hosting.test': { inner: true, port: 24, refuses: /^pepe2@/ },
    'first.backup.test': { inner: true },
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
    sends('out again', 'pepe@two.test', ['x@known.test'], { client: INSIDE }),
    sends('of a caught name', 'sales@two.test', ['y@known.test'], { client: INSIDE }),
    sends('out and in', "o'brien@one.test", ['x@known.test', 'ana@one.test'], { client: INSIDE }),
    sends('comes back', 'ana@one.test', ['nobody@known.test'], { client: INSIDE }),
  ],
  expect: { sent: 15, bounced: 1 },
}

const LDAP_PORT = 3890
const SLAPD_CONF = (home: string): string => `include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
include ${home}/mail.schema
pidfile ${home}/pid
modulepath /usr/lib/ldap
moduleload back_mdb
database mdb
maxsize 10485760
suffix "dc=company,dc=test"
rootdn "cn=admin,dc=company,dc=test"
rootpw secret
directory ${home}/db
dbnosync
access to * by dn.exact="cn=postfix,dc=company,dc=test" read by anonymous auth by * none
`
/** What mail servers ask for, as many companies add it. */
const MAIL_SCHEMA = `attributetype ( 1.3.6.1.4.1.32473.1.1 NAME 'maildrop' EQUALITY caseIgnoreIA5Match SYNTAX 1.3.6.1.4.1.1466.115.121.1.26 )
attributetype ( 1.3.6.1.4.1.32473.1.2 NAME 'mailacceptinggeneralid' EQUALITY caseIgnoreIA5Match SYNTAX 1.3.6.1.4.1.1466.115.121.1.26 )
objectclass ( 1.3.6.1.4.1.32473.2.1 NAME 'mailUser' SUP top AUXILIARY MAY ( maildrop $ mailacceptinggeneralid $ mail ) )
`
const person = (uid: string, ...lines: string[]): string =>
  `dn: uid=${uid},ou=people,dc=company,dc=test\nobjectClass: inetOrgPerson\nobjectClass: mailUser\nuid: ${uid}\ncn: ${uid}\nsn: ${uid}\nmail: ${uid}@company.test\n${lines.join('\n')}${lines.length > 0 ? '\n' : ''}\n`
const LDIF = `dn: dc=company,dc=test
objectClass: dcObject
objectClass: organization
o: company
dc: company

dn: cn=postfix,dc=company,dc=test
objectClass: organizationalRole
objectClass: simpleSecurityObject
cn: postfix
userPassword: asksonly

dn: ou=people,dc=company,dc=test
objectClass: organizationalUnit
ou: people

${person('ana', 'mailacceptinggeneralid: ana.garcia@company.test', 'mailacceptinggeneralid: boss@company.test')}${person('pepe', 'maildrop: pepe@inner.company.test')}${person('out', 'maildrop: x@known.test', 'maildrop: ana@company.test')}${person('star*')}dn: cn=staff,ou=people,dc=company,dc=test
objectClass: groupOfNames
objectClass: mailUser
cn: staff
mail: staff@company.test
member: uid=ana,ou=people,dc=company,dc=test
member: uid=pepe,ou=people,dc=company,dc=test
member: uid=nobody,ou=people,dc=company,dc=test
`

async function slapd(t: TestContext, { address }: Site): Promise<Record<string, string>> {
  const ldap = service(t, 'openldap')
  const home = ldap.directory
  ldap.run('/bin/mkdir', [join(home, 'db')])
  writeFileSync(join(home, 'slapd.conf'), SLAPD_CONF(home))
  writeFileSync(join(home, 'mail.schema'), MAIL_SCHEMA)
  writeFileSync(join(home, 'people.ldif'), LDIF)
  ldap.run('/usr/sbin/slapadd', ['-q', '-f', join(home, 'slapd.conf'), '-l', join(home, 'people.ldif')])
  ldap.start('/usr/sbin/slapd', ['-f', join(home, 'slapd.conf'), '-h', `ldap://${address}:${LDAP_PORT}`, '-d', '0'])
  await until('slapd', () => isOpen(address, LDAP_PORT))
  return { LDAP: `ldap://${address}:${LDAP_PORT}` }
}

const LDAP = `server_host = @LDAP@
version = 3
bind = yes
bind_dn = cn=postfix,dc=company,dc=test
bind_pw = asksonly
search_base = ou=people,dc=company,dc=test
timeout = 10
`

export const ldapCompany: Layout = {
  name: 'a company in LDAP',
  mainCf: `
myhostname = mx.company.test
mydestination = localhost
relay_domains = company.test
relay_recipient_maps = ldap:$config_directory/people.cf, ldap:$config_directory/other_names.cf, ldap:$config_directory/groups.cf
virtual_alias_maps = ldap:$config_directory/other_names.cf, ldap:$config_directory/drop.cf, ldap:$config_directory/groups.cf
transport_maps = inline:{ company.test=relay:[exchange.company.test], inner.company.test=relay:[exchange.company.test] }
smtpd_sender_login_maps = ldap:$config_directory/people.cf
sender_canonical_maps = ldap:$config_directory/canonical.cf


smtpd_reject_unlisted_sender = yes
unverified_recipient_reject_code = 550
`,
  files: {
    'people.cf': `${LDAP}query_filter = (&(objectClass=inetOrgPerson)(mail=%s))\nresult_attribute = uid\ndomain = company.test\n`,
    'other_names.cf': `${LDAP}query_filter = (mailacceptinggeneralid=%s)\nresult_attribute = mail\n`,
    'drop.cf': `${LDAP}query_filter = (&(mail=%u@%d)(maildrop=*))\nresult_attribute = maildrop\n`,
    'groups.cf': `${LDAP}query_filter = (&(objectClass=groupOfNames)(mail=%s))\nresult_attribute = mail\nspecial_result_attribute = member\nleaf_result_attribute = mail\n`,
    'canonical.cf': `${LDAP}query_filter = (uid=%u)\nresult_attribute = mail\ndomain = desk.company.test\nsize_limit = 1\n`,
  },
  hosts: {
    'exchange.company.test': { inner: true, refuses: /^boss2@|^pepe@inner/ },
    'mx.known.test': { mx: ['known.test'], refuses: /^nobody@/ },
  },
  neighbours: slapd,
  day: [
    sends('to a person', 'friend@known.test', ['ana@company.test']),
    sends('by another name', 'friend@known.test', ['ana.garcia@company.test']),
    sends('two names of one', 'friend@known.test', ['boss@company.test', 'ana.garcia@company.test']),
    sends('dropped inside', 'friend@known.test', ['pepe@company.test']),
    sends('dropped outside too', 'friend@known.test', ['out@company.test']),
    sends('to a group', 'friend@known.test', ['staff@company.test']),
    sends('a star is a star', 'friend@known.test', ['*@company.test', 'star*@company.test']),
    sends('a filter is none', 'friend@known.test', ['"ana)(uid=*"@company.test']),
    sends('unknown', 'friend@known.test', ['nosuch@company.test']),
    sends('a sender unknown', 'nosuch@company.test', ['ana@company.test']),
    sends('no relay', 'friend@known.test', ['x@known.test']),
    sends('from a desk', 'ana@desk.company.test', ['x@known.test', 'y@known.test'], { client: INSIDE }),
    sends('from inside', 'pepe@company.test', ['ana@company.test', 'x@known.test'], { client: INSIDE }),
    sends('out again', 'pepe@company.test', ['x@known.test'], { client: INSIDE }),
    sends('out and to a group', 'ana@company.test', ['y@known.test', 'staff@company.test'], { client: INSIDE }),
    sends('comes back', 'ana@company.test', ['nobody@known.test'], { client: INSIDE }),
  ],
  fewer: 1,
  differences: [
    {
      where: /: \(delivery\)$/,
      postfix: /^to=<ana@company\.test>, orig_to=<(?:ana\.garcia|boss)@company\.test>/,
      postigo: /^\(nothing\)$/,
      reason:
        'Two names of one address in a message are one copy; Postfix sends two where enable_original_recipient is on.',
      release: 'ours',
    },
    {
      where: /: \(arrived at exchange\.company\.test\)$/,
      postfix: /^from <friend@known\.test> to ana@company\.test ana@company\.test\n/,
      postigo: /^from <friend@known\.test> to ana@company\.test\n/,
      reason: 'The same, where it arrives.',
      release: 'ours',
    },
  ],
  expect: { sent: 13, bounced: 2 },
}
