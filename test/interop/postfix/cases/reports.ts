/** Reports: what is said of each recipient, whoever asked for what. RFC 3464. */
import type { Session, World } from '../world.ts'

type Case = readonly [name: string, rcpt: string, notify: string, mail?: string]

const CASES: readonly Case[] = [
  ['refused for good', 'err@alias.test', ''],
  ['refused, with its own recipient', 'err@alias.test', ' ORCPT=rfc822;x+2By@z.test', ' ENVID=id+2B1'],
  ['refused, of no interest', 'err@alias.test', ' NOTIFY=NEVER'],
  ['refused, where success was asked for', 'err@alias.test', ' NOTIFY=SUCCESS'],
  ['refused, headers alone', 'err@alias.test', ' NOTIFY=FAILURE', ' RET=HDRS'],
  ['refused for good without a status', 'plain@alias.test', ''],
  ['relayed', 'a@nodsn.test', ' NOTIFY=SUCCESS'],
  ['relayed to who makes reports', 'a@dsn.test', ' NOTIFY=SUCCESS'],
  ['relayed, and nothing asked', 'a@nodsn.test', ''],
  ['by LMTP', 'a@lmtp.test', ' NOTIFY=SUCCESS'],
  ['by LMTP, which is the last', 'a@last.test', ' NOTIFY=SUCCESS'],
  ['discarded', 'a@gone.test', ' NOTIFY=SUCCESS'],
  ['an alias', 'many@alias.test', ' NOTIFY=SUCCESS,FAILURE', ' ENVID=x'],
  ['an alias to one', 'one@alias.test', ' NOTIFY=SUCCESS'],
  ['an alias to itself', 'self@nodsn.test', ' NOTIFY=SUCCESS'],
  ['a local alias', 'single@local.test', ' NOTIFY=SUCCESS ORCPT=rfc822;other@x.test'],
  ['a local alias with an owner', 'list@local.test', ' NOTIFY=SUCCESS'],
  ['a local alias to nobody', 'broken@local.test', ' NOTIFY=SUCCESS,FAILURE'],
  ['a name that nobody has', 'nobody-here@local.test', ''],
  ['a quoted recipient', '"a b"@alias.test', ''],
  ['sent with SMTPUTF8', 'ñ@alias.test', '', ' SMTPUTF8 BODY=8BITMIME'],
]

function session([name, rcpt, notify, mail = '']: Case): Session {
  return {
    name,
    steps: [
      'EHLO client.example.test',
      `MAIL FROM:<s@known.test>${mail}`,
      `RCPT TO:<${rcpt}>${notify}`,
      'DATA',
      { content: `X-Session: ${name}\r\nSubject: x\r\n\r\ntext` },
      'QUIT',
    ],
  }
}

export const reports: World = {
  name: 'reports',
  mainCf: `
mydestination = local.test
local_recipient_maps =
alias_maps = texthash:$config_directory/aliases
virtual_alias_domains = alias.test
virtual_alias_maps = texthash:$config_directory/virtual
relayhost = @SINK@
smtpd_relay_restrictions = check_recipient_access static:OK, reject_unauth_destination
transport_maps = texthash:$config_directory/transport
`,
  files: {
    aliases: 'single five@nodsn.test\nlist five@nodsn.test\nowner-list boss@known.test\nbroken nobody-there\n',
    virtual:
      'many@alias.test one@nodsn.test, a@err.test\none@alias.test one@nodsn.test\nerr@alias.test a@err.test\nplain@alias.test a@plain.test\n"a b"@alias.test "c d"@err.test\nñ@alias.test ñ@err.test\nself@nodsn.test self@nodsn.test\n',
    transport:
      'err.test error:5.7.0 no mail for you\nplain.test error:no mail at all\ngone.test discard:silently\nnodsn.test nodsn:@SINK@\ndsn.test smtp:@SINK@\nlmtp.test lmtp:inet:@SINK@\nlast.test last:inet:@SINK@\n',
  },
  indexed: [],
  sink: 'reports',
  masterCf: `nodsn unix - - n - - smtp -o smtp_discard_ehlo_keywords=dsn
last unix - - n - - lmtp -o lmtp_discard_lhlo_keywords=dsn flags=X
`,
  sessions: CASES.map(session),
}
