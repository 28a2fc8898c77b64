import assert from 'node:assert/strict'
import { chmodSync, utimesSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { parseConfig } from '../config/mod.ts'
import { tableDirectory } from './fixture.test.ts'
import { buildTable, tableFindings } from './mod.ts'

test('tables are looked at before mail comes', (t) => {
  const { path, write } = tableDirectory(t)
  const findings = (mainCf: string): string[] =>
    tableFindings(parseConfig(`alias_maps =\n${mainCf}`), '/').map(
      (f) => `${f.line} ${f.text}${f.proposal === undefined ? '' : ` => ${f.proposal}`}`,
    )
  const hash = write('hash', 'key\nx y\n')
  buildTable('hash', hash, { aliases: false })
  chmodSync(hash, 0o600)
  const stale = write('stale', 'a b\n')
  buildTable('hash', stale, { aliases: false })
  writeFileSync(stale, 'a c\n')
  const foreign = write('foreign', 'a b\n')
  buildTable('hash', foreign, { aliases: false })
  utimesSync(write('foreign.db', 'x'), new Date(), new Date(Date.now() + 60_000))
  const cidr = write('cidr', '10.0.0.0/8 OK\n10.0.0.1/8 OK\n')
  const secret = write('secret', 'host user:password\n')
  buildTable('hash', secret, { aliases: false })
  chmodSync(secret, 0o644)
  chmodSync(path('secret.postigo'), 0o600)
  const broken = write('broken.cf', 'dbname = x\nquery = x\n\nexpansion_limit = many\n')
  const syntax = write('syntax.cf', 'hosts = x\ndbname x\n')
  const loose = write('loose.cf', 'dbname = x\npassword = y\npasword = z\nquery = x\n')
  chmodSync(loose, 0o644)
  const table: readonly (readonly [string, readonly string[]])[] = [
    [
      `canonical_maps = static:x inline:{a=b} hash:${path('none')}`,
      [
        `2 hash:${path('none')} has no index (${path('none')}.db): mail that needs it waits => postmap hash:${path('none')}`,
      ],
    ],
    [
      `alias_maps = hash:${path('none')}, nis:mail.aliases`,
      [
        `2 hash:${path('none')} has no index (${path('none')}.db): mail that needs it waits => newaliases`,
        '2 nis:mail.aliases: there is no NIS here: the table has no entries',
      ],
    ],
    [`transport_maps = proxy:hash:${hash}`, ['1 expected format: key whitespace value']],
    [
      `smtpd_recipient_restrictions = check_client_access hash:${stale}, reject`,
      [`2 ${stale} was changed and not indexed: what ${stale}.postigo says counts => postmap hash:${stale}`],
    ],
    [
      `relocated_maps = unionmap:{hash:${foreign}}`,
      [
        `2 ${foreign}.db is newer than ${foreign}.postigo: Postfix's postmap was run, and ours was not => postmap hash:${foreign}`,
      ],
    ],
    [
      `mynetworks = !cidr:${cidr}`,
      ['2 non-null host address bits in "10.0.0.1/8", perhaps you should use "10.0.0.0/8" instead: skipping this rule'],
    ],
    [
      'virtual_alias_maps = mongodb:/etc/postfix/mongodb.cf',
      ['2 mongodb:/etc/postfix/mongodb.cf: tables of type mongodb are not supported: mail that needs it waits'],
    ],
    [
      `virtual_alias_maps = proxy:pgsql:${broken}`,
      [`4 pgsql:${broken}: ${broken}: bad numerical configuration: expansion_limit = many: mail that needs it waits`],
    ],
    [
      `virtual_alias_maps = mysql:${syntax}`,
      [`2 mysql:${syntax}: ${syntax}, line 2: missing '=' after attribute name: "dbname x": mail that needs it waits`],
    ],
    [
      `virtual_alias_maps = pgsql:${loose}`,
      [
        '3 unused parameter: pasword (did you mean password?)',
        `2 ${loose} holds a password and can be read by every user => chmod o= ${loose}`,
      ],
    ],
    [
      `password_maps = passwd-file:${loose} sasldb2:/nonexistent/sasldb2`,
      [
        `2 ${loose} holds passwords and can be read by every user => chmod o= ${loose}`,
        '2 sasldb2:/nonexistent/sasldb2: open /nonexistent/sasldb2: No such file or directory: nobody of it can log in',
      ],
    ],
    [
      'virtual_alias_maps = mysql:mine\nmine_hosts = localhost',
      ['2 mysql:mine: bad string length 0 < 1: mine_dbname = : mail that needs it waits'],
    ],
    [
      'virtual_alias_maps = socketmap:nothing',
      ['2 socketmap:nothing: socketmap requires server:socketmap argument: mail that needs it waits'],
    ],
    [
      `smtp_sasl_password_maps = hash:${secret}`,
      [`2 ${secret} holds passwords and can be read by every user => chmod 600 ${secret}`],
    ],
    [
      'relayhost = smtp:25\nsmtpd_milters = inet:localhost:8891 unix:/run/milter\ncontent_filter = scan:[127.0.0.1]:10025',
      [],
    ],
  ]
  for (const [text, expected] of table) assert.deepEqual(findings(text), expected, text)
})
