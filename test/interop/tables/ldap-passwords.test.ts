/** `ldap_passwords` against Debian's slapd: found by a search or by a name made of the log-in name, bound as the user. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { LdapPasswords, TableError } from '../../../src/io/tables/mod.ts'
import { freePort } from '../../support/ports.ts'
import { startServer } from '../../support/server.ts'
import { transcript } from '../../support/transcript.ts'
import { missing, service, until } from './services.ts'

const BASE = 'dc=example,dc=test'
const person = (dn: string, uid: string, mail: string, password: string): string =>
  `dn: ${dn},${BASE}\nobjectClass: inetOrgPerson\nuid: ${uid}\nsn: x\ncn: x\nmail: ${mail}\n${password}`
const LDIF = [
  `dn: ${BASE}\nobjectClass: domain\ndc: example`,
  person('uid=ana', 'ana', 'ana@example.test', 'userPassword: se cret'),
  person('uid=bob', 'bob', 'bob@example.test', ''),
  person('uid=a\\,b', 'a,b', 'comma@example.test', 'userPassword: comma'),
  person('uid=one', 'one', 'shared@example.test', 'userPassword: one'),
  person('uid=two', 'two', 'two@example.test\nmail: shared@example.test', 'userPassword: one'),
].join('\n\n')

test('passwords are checked by a bind', { skip: missing('ldap', '/usr/sbin/slapd') }, async (t) => {
  const ldap = service(t, 'openldap')
  const dir = ldap.directory
  const port = await freePort()
  const config = join(dir, 'slapd.conf')
  const schemas = ['core', 'cosine', 'inetorgperson'].map((name) => `include /etc/ldap/schema/${name}.schema\n`)
  writeFileSync(
    config,
    `${schemas.join('')}modulepath /usr/lib/ldap\nmoduleload back_mdb\nallow bind_anon_cred bind_anon_dn\n` +
      `database mdb\nsuffix "${BASE}"\ndirectory ${dir}\nmaxsize 10485760\n`,
  )
  ldap.run('/usr/sbin/slapadd', ['-f', config, '-q'], LDIF)
  const stop = ldap.start('/usr/sbin/slapd', ['-f', config, '-d', '0', '-h', `ldap://127.0.0.1:${port}/`])
  await until(
    'slapd',
    () =>
      new Promise<boolean>((done) => {
        const probe = connect(port, '127.0.0.1', () => done(true))
        probe.on('error', () => done(false)).on('connect', () => probe.destroy())
      }),
  )
  const at = `server_host = 127.0.0.1:${port}\ntimeout = 5\nbind = no\n`
  const open = (name: string, lines: string): LdapPasswords => {
    writeFileSync(join(dir, name), at + lines)
    const made = new LdapPasswords(join(dir, name))
    t.after(() => made.close())
    return made
  }
  const byName = open('dn.cf', `user_dn = uid=%u,${BASE}\n`)
  const bySearch = open('search.cf', `search_base = ${BASE}\nquery_filter = (|(mail=%s)(uid=%u))\n`)
  const ofDomain = open('domain.cf', `user_dn = uid=%u,${BASE}\ndomain = example.test, Example.NET\n`)
  const cases: readonly (readonly [name: string, password: string, dn: boolean, search: boolean])[] = [
    ['ana', 'se cret', true, true],
    ['ana@example.test', 'se cret', false, true], // by name: of whichever domain
    ['ana@elsewhere.test', 'se cret', false, false],
    ['ana', 'secret', false, false],
    ['ana', '', false, false], // slapd would let it in as nobody
    ['', 'se cret', false, false],
    ['bob', 'x', false, false],
    ['nobody', 'x', false, false],
    ['a,b', 'comma', true, true],
    ['two@example.test', 'one', false, true],
    ['two', 'one', true, true],
    ['shared@example.test', 'one', false, false], // two entries
    ['*', 'se cret', false, false],
    ['ana)(uid=*', 'se cret', false, false],
    [`ana,${BASE}`, 'se cret', false, false],
    ['an\0a', 'se cret', false, false],
    ['ana', 'se cret\0', false, false],
  ]
  for (const [name, password, dn, search] of cases) {
    assert.equal(await byName.verify(name, password), dn, `${name} ${password} by name`)
    assert.equal(await bySearch.verify(name, password), search, `${name} ${password} by search`)
  }
  // Ana of another domain is somebody else, whose mailbox it would be.
  for (const [name, user, right] of [
    ['ana@this.test', 'ana', true],
    ['ana@this.test', 'ana@this.test', false],
  ] as const)
    for (const by of [byName, bySearch]) assert.equal(await by.verify(name, 'se cret', user), right)
  for (const [name, right] of [
    ['ana', true],
    ['ana@example.test', true],
    ['ana@example.net', true],
    ['ana@elsewhere.test', false],
  ] as const)
    assert.equal(await ofDomain.verify(name, 'se cret'), right, name)
  for (const [filter, right] of [
    ['(&(uid=%u)(mail=%u@%d))', true],
    ['(|(mail=%s)(uid=%u))', true],
    ['(|(mail=%u@%d)(uid=%u))', false], // what is asked in one branch says nothing of the other
  ] as const) {
    const by = open('filter.cf', `search_base = ${BASE}\nquery_filter = ${filter}\n`)
    assert.equal(await by.verify('ana@elsewhere.test', 'se cret'), false, filter)
    assert.equal(await by.verify('ana@example.test', 'se cret'), right, filter)
  }
  for (const [lines, fault] of [
    [`user_dn = uid=%u,${BASE}\ndomain = hash:/etc/domains\n`, /hash:\/etc\/domains is no name of a domain/],
    ['', /user_dn or search_base is needed/],
    [`user_dn = uid=ana,${BASE}\n`, /the same entry for everybody/],
    [`search_base = ${BASE}\nquery_filter = (uid=ana)\n`, /the same entry for everybody/],
  ] as const)
    assert.throws(() => open('wrong.cf', lines), fault)

  const server = await startServer(t, { accounts: ['ana'], mainCf: `ldap_passwords = ${join(dir, 'dn.cf')}\n` })
  await transcript(
    server.port('imap'),
    `S: …AUTH=PLAIN AUTH=LOGIN] …\nC: a LOGIN ana wrong\nS: a NO [AUTHENTICATIONFAILED] …\n` +
      `C: b LOGIN ana {7+}\nC: se cret\nS: * CAPABILITY …\nS: b OK …`,
  )
  await transcript(
    server.port('imap'),
    'S: …\nC: a LOGIN ana@elsewhere.test "se cret"\nS: a NO [AUTHENTICATIONFAILED] …',
  )
  await stop()
  await assert.rejects(byName.verify('ana', 'se cret'), TableError)
  await transcript(server.port('imap'), 'S: …\nC: a LOGIN ana secret2\nS: a NO [UNAVAILABLE] …')
})
