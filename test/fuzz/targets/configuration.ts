/** What operators write: main.cf, master.cf, tables and their binary forms. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import {
  ConfigError,
  editMainCf,
  ExpandError,
  parseConfig,
  parseMaster,
  splitList,
  ValueError,
} from '#src/io/config/mod.ts'
import { parseAliases } from '#src/io/tables/alias-source.ts'
import { readBerkeley } from '#src/io/tables/berkeley.ts'
import { readCdb } from '#src/io/tables/cdb.ts'
import { parseCidr } from '#src/io/tables/cidr.ts'
import { buildIndex, Index, stampOf } from '#src/io/tables/index-format.ts'
import { readLmdb } from '#src/io/tables/lmdb.ts'
import { createTables, TableError } from '#src/io/tables/mod.ts'
import { parsePatterns } from '#src/io/tables/pattern-table.ts'
import { Pcre2 } from '#src/io/tables/pcre2.ts'
import { PatternError, UnsupportedPattern } from '#src/io/tables/regex-ast.ts'
import { parseKeyValue } from '#src/io/tables/source.ts'
import { systemClock } from '#src/base/mod.ts'
import { allParams } from '#src/main/registry.ts'
import { target, type Target } from '../target.ts'

const registry = allParams()
const SOME = ['myhostname', 'mynetworks', 'message_size_limit', 'queue_run_delay', 'smtpd_tls_security_level', 'x']

function readMainCf(octets: Buffer): unknown {
  const text = octets.toString('utf8')
  const config = parseConfig(text, registry, { masterCf: '' })
  editMainCf(text, new Map([['x', { kind: 'set', text: 'x = y' }]]))
  return SOME.map((name) => {
    try {
      return splitList(config.value(name) ?? '')
    } catch (error) {
      if (error instanceof ExpandError || error instanceof ConfigError) return 'bad'
      throw error
    }
  })
}

function readTable(octets: Buffer): unknown {
  const { entries } = parseKeyValue(octets)
  const index = new Index(
    buildIndex(
      entries.filter(({ key }) => Buffer.byteLength(key) < 65_536).map(({ key, value }) => [key, value]),
      stampOf(octets, 0),
      { folded: false },
    ),
  )
  for (const { key } of entries.slice(0, 20))
    if (key.length < 20_000 && index.get(key) === undefined) throw new Error('lost')
  return [entries, parseAliases(octets), parseCidr(octets)]
}

const library = Pcre2.open()

function readPatterns(octets: Buffer): unknown {
  const read = (['regexp', 'pcre'] as const).flatMap((dialect) =>
    [undefined, library].map((one) => {
      try {
        return parsePatterns(dialect, octets, one)
      } catch (error) {
        if (error instanceof UnsupportedPattern || error instanceof PatternError) return error.message.slice(0, 20)
        throw error
      }
    }),
  )
  return read.map((one) =>
    typeof one === 'string' ? one : [one.rules.length, one.warnings.map(({ text }) => text.slice(0, 30))],
  )
}

/** Inline tables and lists of a setting, and a question to each. */
async function readNames(octets: Buffer): Promise<unknown> {
  const text = octets.toString('utf8')
  const tables = createTables({ clock: systemClock, directory: '/nonexistent' })
  try {
    const domain = await tables.matchDomain(text, { parentDomains: true, parameter: 'x' })('mail.example.test')
    const client = { name: 'mail.example.test', address: '192.0.2.1' }
    return [domain, await tables.matchAddress(text, { parameter: 'mynetworks' })(client)]
  } finally {
    tables.close()
  }
}

/** What Debian's postmap made of 64 entries, one of them long. */
const built = (name: string): Buffer => gunzipSync(readFileSync(join(import.meta.dirname, '../corpus', `${name}.gz`)))
const FOUR = ['\0\0\0\0', '\xff\xff\xff\xff', '\x01\0\0\0', '\0\x08\0\0']

export const configurationTargets: readonly Target[] = [
  target('main-cf', {
    corpus: [
      'myhostname = mail.example\nmydomain = ${myhostname}\nmynetworks = 127.0.0.0/8 [::1]/128,\n  hash:/x\n# c\nx = ${y?{a}:{b}} $$ $(z)\ny = ${{$x} == {$z} ? {1} : {2}}\n',
      'queue_run_delay = 5m\nmessage_size_limit = 10240000\nsmtpd_tls_security_level = ${x:may}\n',
    ],
    words: ['$', '${', '}', '{', '?', ':', '$(', '\n ', '=', '${x}', '$x ', 'x = $y\ny = $x\n', '==', '>=', '#'],
    errors: [ConfigError, ExpandError, ValueError],
    read: readMainCf,
  }),
  target('master-cf', {
    corpus: [
      'smtp inet n - y - - smtpd\n  -o { smtpd_client_restrictions = permit, reject }\n  -o x=y -v\n[::1]:587 inet n - - - 10 smtpd\n',
      'x unix - n n 60? 1 pipe flags=R user=a:b argv=/bin/x ${sender} {a b}\n',
    ],
    words: ['{', '}', ' - ', ' -o ', '=', '\n  ', 'inet', 'unix'],
    errors: [ConfigError],
    read: (octets) => parseMaster(octets.toString('utf8'), 'master.cf'),
  }),
  target('table', {
    corpus: [
      'a@b REJECT\n"c d"@e  OK text\nx: y\n# c\n  more\n',
      'root: a, "b c", :include:/x, |"/bin/c d", (comment) e@f\n"x y": z\n',
      '192.0.2.0/24 OK\n!10.0.0.0/8 REJECT\nif 2001:db8::/32\n2001:db8::1 a\nendif\n[::1] x\n',
    ],
    words: ['"', '\\', ':', ',', '(', ')', '/33', '!', 'if ', 'endif\n', '\n', '\t', '<'],
    read: readTable,
  }),
  target('pattern-table', {
    corpus: [
      '/^(a+)@b\\.c$/i REJECT $1 ${2}\n!/x/ OK\nif /y/\n/z{2,3}/ w\nendif\n',
      '/(?i)(?<=a)b(?!c)(?:d|e)*+\\1[[:alpha:]\\d-]{0,5}?\\x41\\Q.\\E$/x DUNNO\n',
      '/\\(a\\)*\\{2\\}/x b\n',
    ],
    words: [
      '(',
      ')',
      '[',
      ']',
      '{',
      '}',
      '*',
      '+',
      '?',
      '\\',
      '|',
      '(?:',
      '(?=',
      '[[:',
      ':]]',
      '{65535}',
      '\\1',
      '^',
      '$',
      '(?#',
    ],
    read: readPatterns,
  }),
  target('table-name', {
    corpus: [
      'inline:{ a=b, { c = d e } }',
      '!x.test, .y.test, 192.0.2.0/24 [2001:db8::]/32',
      'cidr:{{192.0.2.0/24 OK}}',
      'pipemap:{inline:{a=b},static:c}',
      'unionmap:{static:a, fail:x}',
      'regexp:{{/a/ b}}',
    ],
    words: ['{', '}', ',', '=', 'inline:', 'static:', 'unionmap:{', 'pipemap:{', '!', '/', 'texthash:'],
    errors: [TableError],
    read: readNames,
  }),
  target('berkeley', {
    corpus: [built('hash.db'), built('btree.db')],
    words: FOUR,
    errors: [Error],
    read: readBerkeley,
  }),
  target('cdb', { corpus: [built('cdb.cdb')], words: FOUR, errors: [Error], read: readCdb }),
  target('lmdb', { corpus: [built('lmdb.lmdb')], words: FOUR, errors: [Error], read: readLmdb }),
]
