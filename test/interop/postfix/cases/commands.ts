/** What is asked of postmap, postalias and postconf, on the files of the tables' world. */
import type { Asked } from '../commands.ts'

const KEYS = [
  'hit@table.test',
  'HIT@TABLE.TEST',
  'user@',
  'Mixed@Table.Test',
  'spaced@table.test',
  'long@table.test',
  'missed',
  '192.0.2',
  '',
]
const TYPES = [
  'hash:@DIR@/hashed',
  'btree:@DIR@/treed',
  'lmdb:@DIR@/mapped',
  'cdb:@DIR@/constant',
  'regexp:@DIR@/patterns.re',
  'pcre:@DIR@/patterns.pcre',
  'cidr:@DIR@/networks',
  'texthash:@DIR@/users',
  'sqlite:@DIR@/database.cf',
  'inline:{a=b, {c=d e}}',
  'static:x y',
  'unionmap:{static:a,static:b}',
  'pipemap:{inline:{a=b},inline:{b=c}}',
  'environ:x',
  'unix:passwd.byname',
  'fail:x',
  'randmap:{one}',
]

/** A message of two parts. */
const MIME = `Subject: a
 b
Content-Type: multipart/mixed; boundary="x"

before
--x
Content-Type: text/plain
X-Y: z
  w

one

--x
X-No: blank line
--x--
behind
`

const all = (types: readonly string[]): Asked[] =>
  types.map((type) => ({
    command: 'postmap',
    words: ['-q', '-', type],
    input: [...KEYS, 'a', 'c', 'root', 'PATH_X'].filter(Boolean).join('\n') + '\n',
  }))
const single = (types: readonly string[]): Asked[] =>
  types.flatMap((type) =>
    ['hit@table.test', 'missed'].map((key): Asked => ({ command: 'postmap', words: ['-q', key, type] })),
  )

const PARAMETERS = [
  'mydestination',
  'relay_domains',
  'recipient_delimiter',
  'smtpd_relay_restrictions',
  'nosuchparameter',
  'inet_protocols',
  'mynetworks',
]

export const commands: readonly Asked[] = [
  ...all(TYPES),
  ...single(TYPES),
  ...[
    'hash:@DIR@/hashed',
    'btree:@DIR@/treed',
    'lmdb:@DIR@/mapped',
    'cdb:@DIR@/constant',
    'texthash:@DIR@/users',
    'hash:@DIR@/nothing',
  ].map((type): Asked => ({ command: 'postmap', words: ['-s', type] })),
  { command: 'postmap', words: ['-fq', 'HIT@TABLE.TEST', 'hash:@DIR@/hashed'] },
  { command: 'postmap', words: ['-q', 'hit@table.test', 'hash:@DIR@/nothing'] },
  { command: 'postmap', words: ['-q', 'hit@table.test', 'nosuchtype:x'] },
  ...['-hm', '-bm', '-hbm', '-m'].map((flags): Asked => ({
    command: 'postmap',
    words: [flags, '-q', '-', 'regexp:{{/(.*)/ <$1>}}'],
    input: MIME,
  })),
  ...[['-m'], ['-b'], ['-h'], ['-m', '-q', 'a', 'static:x']].map((words): Asked => ({ command: 'postmap', words })),
  { command: 'postmap', words: ['-bq', '-', 'regexp:{{/world/ found}}'], input: 'Subject: x\n\nhello world\nbye\n' },
  {
    command: 'postmap',
    words: ['-hq', '-', 'regexp:{{/^Subject/ found}}'],
    input: 'Subject: x\nTo: y\n\nSubject: body\n',
  },
  { command: 'postalias', words: ['-q', 'postmaster', 'hash:@DIR@/aliases'] },
  { command: 'postalias', words: ['-q', 'PostMaster', 'hash:@DIR@/aliases'] },
  { command: 'postalias', words: ['-q', 'missed', 'hash:@DIR@/aliases'] },
  {
    command: 'postalias',
    words: ['-q', '-', 'hash:@DIR@/aliases'],
    input: 'list\nprogram\nquoted name\nfile\nincluded\n',
  },
  { command: 'postalias', words: ['-s', 'hash:@DIR@/aliases'] },
  ...[
    ['-n'],
    ['-l'],
    ['-M'],
    ['-P'],
    ['-F'],
    ['-h', 'mydestination'],
    ['-x', 'relay_domains'],
    ['-C', 'all', 'smtpd_banner'],
    ['-e'],
    ['-p', 'mydestination'],
    ['-d', 'mydestination', 'smtpd_banner'],
    ['-xd', 'smtpd_banner'],
    ['-o', 'mydestination=x', 'mydestination'],
  ].map((words): Asked => ({ command: 'postconf', words })),
  ...PARAMETERS.map((name): Asked => ({ command: 'postconf', words: [name] })),
]
