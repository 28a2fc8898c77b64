/** Every table type that both know, in access checks and in other parameters: found, not found, broken and missing. */
import type { Session, World } from '../world.ts'
import { upToRcpt } from './steps.ts'

const ENTRIES =
  'hit@table.test REJECT found\nsub.table.test REJECT domain\nuser@ REJECT user\n192.0.2 REJECT network\n2001:db8 REJECT v6\nMixed@Table.Test REJECT mixed\nspaced@table.test   REJECT   many   blanks  \nlong@table.test REJECT first\n  continued\n# comment\n\nhit@table.test REJECT twice\n'

const dir = '$config_directory'

/** For recipients: what each table says to the same addresses. */
const TABLES: readonly string[] = [
  `hash:${dir}/hashed`,
  `btree:${dir}/treed`,
  `lmdb:${dir}/mapped`,
  `cdb:${dir}/constant`,
  `texthash:${dir}/text`,
  `regexp:${dir}/patterns.re`,
  `pcre:${dir}/patterns.pcre`,
  `pcre:{{/^(hit)@(table)\\.test$$/ REJECT $$1 at $$2} {!/table/ REJECT no table}}`,
  `regexp:{{/^HIT@/ REJECT folded} {/^hit@/i REJECT unfolded}}`,
  'inline:{ hit@table.test=REJECT, {user@=REJECT with blanks} }',
  'inline:{hit@table.test=REJECT}',
  'static:REJECT',
  'static:{REJECT with blanks}',
  'static:DUNNO',
  'environ:x',
  'fail:x',
  'unix:passwd.byname',
  `unionmap:{inline:{hit@table.test=reject}, static:DUNNO}`,
  `unionmap:{static:reject}`,
  `pipemap:{inline:{hit@table.test=one}, inline:{one={REJECT through a pipe}}}`,
  `pipemap:{inline:{hit@table.test=one}, inline:{two=REJECT}}`,
  'randmap:{REJECT}',
  `proxy:hash:${dir}/hashed`,
  `proxy:unix:passwd.byname`,
  `sqlite:${dir}/database.cf`,
  `sqlite:${dir}/query.cf`,
  // what cannot be asked
  `hash:${dir}/nothing`,
  `lmdb:${dir}/nothing`,
  `cdb:${dir}/nothing`,
  `texthash:${dir}/nothing`,
  `regexp:${dir}/nothing`,
  `pcre:${dir}/nothing`,
  `cidr:${dir}/nothing`,
  `sqlite:${dir}/nothing`,
  `proxy:hash:${dir}/nothing`,
  `hash:${dir}/text`,
  'unix:group.byname',
  'unix:nothing',
  'regexp:{{/(/ REJECT} {/hit/ REJECT after a bad one}}',
  'pcre:{{/(/ REJECT} {/hit/ REJECT after a bad one}}',
  'nosuchtype:x',
  'inline:{}',
  'inline:{broken}',
  'pipemap:{static:x}',
  'randmap:{}',
  'unionmap:{nosuchtype:x}',
]
const RECIPIENTS = [
  'hit@table.test',
  'HIT@TABLE.TEST',
  'a@sub.table.test',
  'user@other.test',
  'Mixed@Table.Test',
  'spaced@table.test',
  'long@table.test',
  'missed@other.test',
  'hit+ext@table.test',
  'root',
]

const CLIENT_TABLES = [
  `cidr:${dir}/networks`,
  'cidr:{{192.0.2.0/24 REJECT inside} {0.0.0.0/0 REJECT elsewhere}}',
  'cidr:{{!192.0.2.0/24 REJECT outside}}',
  'cidr:{{192.0.2.1/24 REJECT with host bits} {::/0 REJECT six}}',
  'cidr:{{if 192.0.2.0/24} {192.0.2.7 REJECT in the block} {endif} {2001:db8::/32 REJECT six}}',
  `hash:${dir}/hashed`,
  `btree:${dir}/treed`,
  `regexp:{{/^192\\.0\\.2\\./ REJECT by pattern}}`,
]
const CLIENTS = ['192.0.2.7', '198.51.100.1', '203.0.113.200', 'IPV6:2001:db8::7', 'IPV6:2001:db9::7']

/** The same types where another parameter takes tables or lists. */
const PARAMETERS: Readonly<Record<string, readonly string[]>> = {
  local_recipient_maps: [
    'unix:passwd.byname',
    'proxy:unix:passwd.byname',
    `hash:${dir}/users`,
    `regexp:{{/^hit/ x}}`,
    'static:x',
    'fail:x',
    `hash:${dir}/nothing`,
    'inline:{hit@local.test=x}',
    'inline:{@local.test=x}',
    'inline:{hit=x} unix:passwd.byname',
  ],
  relay_recipient_maps: [
    `hash:${dir}/users`,
    'static:x',
    'fail:x',
    'inline:{@relay.test=x}',
    'inline:{hit@relay.test=x}',
  ],
  mynetworks: [
    '192.0.2.0/24',
    '!192.0.2.7, 192.0.2.0/24',
    `cidr:${dir}/networks`,
    'cidr:{{192.0.2.0/24 x}}',
    'hash:$config_directory/hashed',
    `${dir}/network-list`,
    '192.0.2.7',
    '[2001:db8::]/32',
    'static:x',
    'fail:x',
    '192.0.2.0/28 203.0.113.0/24',
  ],
}

function tableSessions(): Session[] {
  return TABLES.flatMap((table) =>
    RECIPIENTS.map((to) => ({
      name: `table ${table}, <${to}>`,
      overrides: {
        smtpd_recipient_restrictions: `check_recipient_access ${table}, permit`,
        smtpd_relay_restrictions: 'check_client_access static:OK, reject',
      },
      steps: upToRcpt('a@known.test', to),
    })),
  )
}

function clientSessions(): Session[] {
  return CLIENT_TABLES.flatMap((table) =>
    CLIENTS.map((address) => ({
      name: `table ${table}, ${address}`,
      overrides: { smtpd_client_restrictions: `check_client_access ${table}` },
      steps: upToRcpt(),
      client: `ADDR=${address} NAME=[UNAVAILABLE] PORT=1`,
    })),
  )
}

function parameterSessions(): Session[] {
  return Object.entries(PARAMETERS).flatMap(([parameter, values]) =>
    values.map((value) => ({
      name: `table ${value} in ${parameter}`,
      overrides: { [parameter]: value },
      steps: [
        ...upToRcpt('a@known.test', 'hit@local.test'),
        ...[
          'root@local.test',
          'missed@local.test',
          'hit+ext@local.test',
          'hit@relay.test',
          'missed@relay.test',
          'far@known.test',
        ].map((to) => `RCPT TO:<${to}>`),
      ],
    })),
  )
}

const DOMAINS = [
  'one.test',
  'two.test',
  'sub.two.test',
  'three.test',
  'not.three.test',
  'sub.three.test',
  'four.test',
  'sub.four.test',
  'five.test',
  'six.test',
  'sub.six.test',
  'seven.test',
]

function domainSessions(): Session[] {
  return DOMAINS.map((domain) => ({
    name: `table of domains, ${domain}`,
    steps: upToRcpt('a@known.test', `hit@${domain}`),
  }))
}

export const tables: World = {
  name: 'tables',
  mainCf: `
recipient_delimiter = +
smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination
relay_domains = relay.test, hash:$config_directory/domains, !not.three.test, regexp:{{/three\\.test$$/ x}}, .four.test, $config_directory/domain-list, inline:{six.test=x}
local_recipient_maps = inline:{rcpt=x}
proxy_read_maps = proxy:unix:passwd.byname proxy:hash:$config_directory/hashed proxy:hash:$config_directory/nothing
`,
  files: {
    hashed: ENTRIES,
    treed: ENTRIES,
    mapped: ENTRIES,
    constant: ENTRIES,
    text: ENTRIES,
    aliases:
      'postmaster: root\nlist: a, b@c.test,\n  "d e"@f.test\nprogram: "|/bin/cat -n"\n"quoted name": x\nfile: /var/mail/x\nincluded: :include:/etc/list\nnothing:\n',
    users: 'hit x\nhit@relay.test x\n',
    domains: 'one.test x\ntwo.test x\n',
    'domain-list': '# a comment\nfive.test\nseven.test\n',
    'network-list': '# a comment\n192.0.2.0/24\n',
    networks:
      '192.0.2.7 REJECT the one\n192.0.2.0/24 REJECT its network\n!203.0.113.0/24 DUNNO\n2001:db8::/32 REJECT six\n',
    'patterns.re':
      '/^hit@/ REJECT pattern\nif /table/\n/^(long)@(.*)$/ REJECT $1 and ${2}\nendif\n!/./ REJECT never\n/^user@([^.]+)/\n  REJECT $(1) continued\n',
    'patterns.pcre':
      '/^hit@/ REJECT pattern\nif /table/\n/^(?<a>long)@(.*)$/ REJECT $1 and ${2}\nendif\n/^user@([^.]+?)\\./x REJECT $(1)\n/MIXED/ REJECT folded\n/SPACED/i REJECT unfolded $$\n',
    'database.cf': 'dbpath = @DIR@/tables.sqlite\ntable = access\nselect_field = action\nwhere_field = address\n',
    'query.cf':
      "dbpath = @DIR@/tables.sqlite\nquery = SELECT action FROM access WHERE address = '%s' OR address = '%u' AND '%d' = 'other.test'\nresult_format = %s (%d)\n",
  },
  databases: {
    'tables.sqlite':
      "CREATE TABLE access (address TEXT, action TEXT); INSERT INTO access VALUES ('hit@table.test', 'REJECT sql'), ('user', 'REJECT user'), ('user@', 'REJECT partial');",
  },
  indexed: ['hash:hashed', 'btree:treed', 'lmdb:mapped', 'cdb:constant', 'hash:users', 'hash:domains', 'hash:aliases'],
  sessions: [...tableSessions(), ...clientSessions(), ...parameterSessions(), ...domainSessions()],
}
