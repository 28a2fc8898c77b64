/** `ldap:` tables against Debian's slapd: Postfix's postmap and ours on the same files. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { askOurs, compareAll, compareKeys, KEYS, sameAnswers, tableFiles } from './compare.ts'
import { serverFiles } from './certificates.ts'
import { freePort } from '../../support/ports.ts'
import { missing, service, until } from './services.ts'

const BASE = 'dc=example,dc=test'

/** A second directory, which entries of the first refer to. */
const OTHER = 'dc=other,dc=test'

/** People and groups; each is its name, then attributes. */
const PEOPLE: readonly (readonly [uid: string, lines: string])[] = [
  ['ana', 'mail: ana@example.test\nmail: ana\nemployeeType: ana@home.test'],
  ['list', 'mail: list@example.test\nemployeeType: one@a.test\nemployeeType: two'],
  ['many', 'mail: many@example.test\nemployeeType: m1\nemployeeType: m2\nemployeeType: m3'],
  ['obrien', "mail: o'brien@example.test\nemployeeType: obrien"],
  ['star', 'mail: *\nemployeeType: star'],
  ['wild', 'mail: a*@example.test\nemployeeType: wild'],
  ['paren', 'mail: (ana)@example.test\nemployeeType: paren'],
  ['inject', 'mail: ana)(mail=*\nemployeeType: inject'],
  ['slash', 'mail: back\\slash@example.test\nemployeeType: bs\\'],
  ['percent', 'mail: per%cent@example.test\nemployeeType: %s%d'],
  ['quoted', 'mail: "quoted local"@example.test\nemployeeType: q'],
  ['jose', 'title:: am9zw6lAZXhhbXBsZS50ZXN0\nmail: jose@example.test\nemployeeType:: w6k='],
  ['catch', 'mail: @example.test\nmail: example.test\nemployeeType: catchall'],
  ['none', 'mail: none@example.test'],
]

const ldif = (port: number): string =>
  [
    `dn: ou=afar,${BASE}\nobjectClass: referral\nobjectClass: extensibleObject\nou: afar\nref: ldap://127.0.0.1:${port}/${OTHER}??sub`,

    `dn: ${BASE}\nobjectClass: domain\ndc: example`,
    ...PEOPLE.map(
      ([uid, lines]) =>
        `dn: uid=${uid},${BASE}\nobjectClass: inetOrgPerson\nuid: ${uid}\nsn: ${uid}\ncn: ${uid}\nuserPassword: se cret\n${lines}`,
    ),
    `dn: cn=team,${BASE}\nobjectClass: groupOfNames\nobjectClass: extensibleObject\ncn: team\nmail: team@example.test\n` +
      `member: uid=ana,${BASE}\nmember: uid=list,${BASE}\nmember: uid=gone,${BASE}`,
    `dn: cn=loop,${BASE}\nobjectClass: groupOfNames\nobjectClass: extensibleObject\ncn: loop\nmail: loop@example.test\nmember: cn=loop,${BASE}`,
    `dn: cn=dynamic,${BASE}\nobjectClass: extensibleObject\nobjectClass: labeledURIObject\nobjectClass: device\ncn: dynamic\nmail: dynamic@example.test\n` +
      `labeledURI: ldap:///${BASE}?employeeType?sub?(uid=o*)`,
    `dn: cn=terminal,${BASE}\nobjectClass: groupOfNames\nobjectClass: extensibleObject\ncn: terminal\nmail: terminal@example.test\n` +
      `description: stop@here.test\nemployeeType: hidden\nmember: uid=ana,${BASE}`,
    `dn: uid=nick,${BASE}\nobjectClass: alias\nobjectClass: extensibleObject\nuid: nick\naliasedObjectName: uid=ana,${BASE}`,
  ].join('\n\n')

const OTHER_LDIF = `dn: ${OTHER}
objectClass: domain
dc: other

dn: uid=afar,${OTHER}
objectClass: inetOrgPerson
uid: afar
sn: afar
cn: afar
mail: afar@example.test
employeeType: from@afar.test
`

test('postmap -q says what Postfix says', { skip: missing('ldap', '/usr/sbin/slapd') }, async (t) => {
  const ldap = service(t, 'openldap')
  const dir = ldap.directory
  const [port, tlsPort] = [await freePort(), await freePort()]
  ldap.run('/bin/mkdir', [join(dir, 'other')])
  const tls = serverFiles(t, dir, 'openldap')
  const config = join(dir, 'slapd.conf')
  writeFileSync(
    config,
    ['core', 'cosine', 'inetorgperson', 'dyngroup']
      .map((name) => `include /etc/ldap/schema/${name}.schema\n`)
      .join('') +
      `modulepath /usr/lib/ldap\nmoduleload back_mdb\npidfile ${dir}/pid\n` +
      `TLSCertificateFile ${tls.cert}\nTLSCertificateKeyFile ${tls.key}\n` +
      `database mdb\nsuffix "${BASE}"\nrootdn "cn=root,${BASE}"\nrootpw root\ndirectory ${dir}\nmaxsize 10485760\nsizelimit 100\n` +
      `database mdb\nsuffix "${OTHER}"\nrootdn "cn=root,${OTHER}"\ndirectory ${dir}/other\nmaxsize 10485760\n`,
  )
  ldap.run('/usr/sbin/slapadd', ['-f', config, '-q'], ldif(port))
  ldap.run('/usr/sbin/slapadd', ['-f', config, '-q', '-b', OTHER], OTHER_LDIF)
  const socket = join(dir, 'ldapi')
  const ldapi = `ldapi://${encodeURIComponent(socket)}`
  ldap.start('/usr/sbin/slapd', [
    '-f',
    config,
    '-d',
    '0',
    '-h',
    `ldap://127.0.0.1:${port}/ ldaps://127.0.0.1:${tlsPort}/ ${ldapi}`,
  ])
  await until(
    'slapd',
    () =>
      new Promise<boolean>((done) => {
        const probe = connect(port, '127.0.0.1', () => done(true))
        probe.on('error', () => done(false)).on('connect', () => probe.destroy())
      }),
  )

  const files = tableFiles(t)
  const at = `server_host = 127.0.0.1:${port}\nversion = 3\nsearch_base = ${BASE}\nbind = no\ntimeout = 5\n`
  const find = 'query_filter = mail=%s\nresult_attribute = employeeType\n'
  const group =
    'query_filter = (mail=%s)\nresult_attribute =\nspecial_result_attribute = member, labeledURI\n' +
    'leaf_result_attribute = employeeType\nterminal_result_attribute = description\n'
  const table = (name: string, lines: string): string => `ldap:${files.table(name, lines)}`
  const tables = [
    table('plain.cf', at + find),
    table('port.cf', at.replace(/server_host.*/, `server_host = 127.0.0.1\nserver_port = ${port}`) + find),
    table('urls.cf', at.replace(/server_host.*/, `server_host = ldap://127.0.0.1:1 ldap://127.0.0.1:${port}`) + find),
    table('ldapi.cf', at.replace(/server_host.*/, `server_host = ${ldapi}`) + find),
    table('bind.cf', at.replace('bind = no', `bind = yes\nbind_dn = uid=ana,${BASE}\nbind_pw = se cret`) + find),
    table('anonymous.cf', at.replace('bind = no\n', '') + find),
    table('tls.cf', `${at}${find}start_tls = yes\ntls_require_cert = no\n`),
    table('verified.cf', `${at}${find}start_tls = yes\ntls_require_cert = yes\ntls_ca_cert_file = ${tls.authority}\n`),
    table(
      'base.cf',
      at.replace(/search_base.*/, `search_base = uid=%u,${BASE}`) +
        'query_filter = objectClass=*\nresult_attribute=mail\nscope = base\n',
    ),
    table(
      'one.cf',
      `${at}query_filter = (&(mail=%s)(|(uid=*)(!(cn=%%))))\nresult_attribute = employeeType, uid\nscope = one\n`,
    ),
    table('title.cf', `${at}query_filter = title=%s\nresult_attribute = employeeType\n`),
    table('result.cf', `${at}${find}result_format = <%s|%u|%d|%S|%%>\n`),
    table('filter.cf', `${at}${find}result_filter = smtp:[%s]/%U/%D/%1\n`),
    table('domain.cf', `${at}${find}domain = example.test\n`),
    table('group.cf', at + group),
    table('alias.cf', `${at}query_filter = uid=%u\nresult_attribute = employeeType\ndereference = 3\n`),
    table('unaliased.cf', `${at}query_filter = uid=%u\nresult_attribute = employeeType\ndereference = 0\n`),
    table('chased.cf', `${at}${find}chase_referrals = yes\n`),
    table('unchased.cf', `${at}${find}chase_referrals = no\n`),
    table('limit3.cf', `${at}${find}expansion_limit = 3\n`),
  ]
  const found = await compareKeys(files.path, tables, (text) => text, [
    ...KEYS,
    ...['team', 'dynamic', 'terminal', 'none', 'nick', 'afar'].map((name) => `${name}@example.test`),
  ])
  assert.ok(found > 100, `only ${found} keys were found`)

  const faults = [
    table('away.cf', at.replace(/server_host.*/, 'server_host = ldap://127.0.0.1:1/') + find),
    table(
      'unbound.cf',
      at.replace(/server_host.*/, 'server_host = ldap://127.0.0.1:1').replace('bind = no', 'bind = yes') + find,
    ),
    table('wrongpw.cf', at.replace('bind = no', `bind = yes\nbind_dn = uid=ana,${BASE}\nbind_pw = other`) + find),
    table('nobase.cf', at.replace(/search_base.*/, `search_base = ou=none,${BASE}`) + find),
    table('badbase.cf', at.replace(/search_base.*/, 'search_base = what') + find),
    table('badfilter.cf', `${at}query_filter = (&(mail=%s)\nresult_attribute = employeeType\n`),
    table('untrusted.cf', `${at}${find}start_tls = yes\ntls_require_cert = yes\n`),
    table('recursion.cf', `${at}${group}recursion_limit = 1\n`),
    table('scope.cf', `${at}${find}scope = all\n`),
    table('fixed.cf', `${at}query_filter = mail=ana\nresult_attribute = employeeType\ncache = yes\n`),
    table('chase.cf', `${at}${find}chase_referrals = 1\n`),
    table('badbind.cf', at.replace('bind = no', 'bind = perhaps') + find),
    table('version.cf', at.replace('version = 3', 'version = 7') + find),
    'ldap:/nonexistent/file.cf',
  ]
  const some = tables[0] ?? ''
  const limited = table('limit.cf', `${at}${find}expansion_limit = 1\n`)
  const sized = table('size.cf', `${at}query_filter = (|(mail=%s)(uid=*))\nresult_attribute = uid\nsize_limit = 3\n`)
  const words = [
    ...faults.map((name) => ['-q', name.includes('recursion') ? 'team@example.test' : 'ana@example.test', name]),
    ...['ana', 'list@example.test'].map((key) => ['-q', key, limited]),
    ['-q', 'ana', sized],
    ['-q', 'loop@example.test', table('loop.cf', `${at}${group}recursion_limit = 5\n`)],
    ['-q', '', some],
    ...[['-s'], ['-d', 'x'], ['-i'], []].map((option) => [...option, some]),
  ]
  // A warning, here, whose words are msg_error's there.
  await compareAll(files.path, words, { normal: (text) => text.replaceAll('postmap: error: ', 'postmap: warning: ') })

  files.table(
    'main.cf',
    `mine_server_host = 127.0.0.1:${port}\nmine_search_base = ${BASE}\nmine_bind = no\nmine_query_filter = mail=%s\nmine_result_attribute = employeeType\n`,
  )
  await compareAll(files.path, [['-q', 'ana', 'ldap:mine']])

  const over = (name: string, url: string, lines: string): string =>
    table(name, `${at.replace(/server_host.*/, `server_host = ${url}`)}${find}${lines}`)
  const [plain, secure] = [`ldap://127.0.0.1:${port}`, `ldaps://127.0.0.1:${tlsPort}`]
  const trusts = (file: string): string => `tls_require_cert = yes\ntls_ca_cert_file = ${file}\n`
  await sameAnswers(files.path, [
    [over('ldaps.cf', secure, trusts(tls.authority)), true],
    [over('ldaps-any.cf', secure, 'tls_require_cert = no\n'), true],
    [over('ldaps-wrong.cf', secure, trusts(tls.stranger)), false],
    [over('ldaps-system.cf', secure, 'tls_require_cert = yes\n'), false],
    [over('ldaps-name.cf', secure.replace('127.0.0.1', 'ip6-localhost'), trusts(tls.authority)), false],
    [over('start-wrong.cf', plain, `start_tls = yes\n${trusts(tls.stranger)}`), false],
    [
      over('start-ca-any.cf', plain, `start_tls = yes\ntls_require_cert = no\ntls_ca_cert_file = ${tls.stranger}\n`),
      true,
    ],
  ])

  // What Debian's Postfix has OpenLDAP and Cyrus SASL do by themselves.
  const external = table(
    'external.cf',
    at.replace(/server_host.*/, `server_host = ${ldapi}`).replace('bind = no', 'bind = sasl\nsasl_mechs = EXTERNAL') +
      find,
  )
  assert.equal((await askOurs(files.path, ['-q', 'ana', external])).out, 'ana@home.test\n')
})
