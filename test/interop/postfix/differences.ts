/** Where we differ from Postfix on purpose. Each line must be used by the comparison; docs/decisions/0008 tells why. */

export interface Difference {
  /** Found in `session: command`. */
  readonly where: RegExp
  readonly postfix: RegExp
  readonly postigo: RegExp
  readonly reason: string
  /** The release of Postfix that does as we do, or `ours`. */
  readonly release: string
}

export const differences: readonly Difference[] = [
  {
    where: /^postconf -(?:xd smtpd_banner|d: mail_name)/,
    postfix: /Postfix/,
    postigo: /Postigo/,
    reason: 'mail_name is Postigo.',
    release: 'ours',
  },
  {
    where: /^postconf -d: mail_(?:version|release_date)$/,
    postfix: /^ (?:3\.7\.|2024)/,
    postigo: /^ (?:3\.10\.|2025)/,
    reason: 'The language is that of Postfix 3.10.',
    release: '3.10',
  },
  {
    where: /^postconf -d: smtpd_forbid_unauth_pipelining$/,
    postfix: /^ no$/,
    postigo: /^ yes$/,
    reason: 'The default of Postfix 3.9.',
    release: '3.9',
  },
  {
    where: /^postconf -d: smtpd_forbid_bare_newline$/,
    postfix: /^ no$/,
    postigo: /^ normalize$/,
    reason: 'No message is smuggled in, at any compatibility_level.',
    release: '3.9',
  },
  {
    where: /^postmap -s cdb:/,
    postfix: /^\(ends with 1\)$/,
    postigo: /\(ends with 0\)$/,
    reason: 'postmap -s lists a cdb table too.',
    release: 'ours',
  },
  {
    where: /^reports, sent with SMTPUTF8/,
    postfix: /Original-Recipient: rfc822;\u00c3\u00b1@/,
    postigo: /Original-Recipient: utf-8;\u00c3\u00b1@/,
    reason: 'An address beyond ASCII is of the type utf-8 (RFC 6533).',
    release: 'ours',
  },
  {
    where: /^outgoing, asis \w+, SMTPUTF8 for nothing/,
    postfix: /BODY=8BITMIME SMTPUTF8 to/,
    postigo: /BODY=8BITMIME to/,
    reason:
      'SMTPUTF8 is said to the next server only where something needs it, so that the one behind it may do without.',
    release: 'ours',
  },
  {
    where: /^outgoing, seven \w+, message types that are not looked into/,
    postfix: /Encoding: 7bit\s+Reporting-MTA: dns; caf=C3=A9[^]*Encoding: 7bit\s+part =C3=A9/,
    postigo: /Encoding: quoted-printable\s+Reporting-MTA: dns; caf=C3=A9[^]*Encoding: quoted-printable\s+part =C3=A9/,
    reason: 'A part that is made quoted-printable says so, also where its type is message/…',
    release: 'ours',
  },
  {
    where: /: HELP\b/,
    postfix: /^500 5\.5\.2 Error: command not recognized$/,
    postigo: /^214-2\.0\.0 Commands:/,
    reason: 'HELP is answered: RFC 5321 §4.5.1 counts it among the commands that SHOULD be there.',
    release: 'ours',
  },
  {
    where: /(?:MAIL FROM:<|RCPT TO:<|VRFY )@b\.test/,
    postfix: /^(?:2|550)/,
    postigo: /^501 5\.1\.[37] Bad (?:sender|recipient) address syntax$/,
    reason: 'An address without a local part is none (RFC 5321 §4.1.2).',
    release: 'ours',
  },
  {
    where: /recipient @known\.test:a@other\.test from (?:here|elsewhere): \(arrived\)/,
    postfix: /^To:@known\.test:a@other\.test,/m,
    postigo: /^To:a@other\.test,/m,
    reason:
      'A source route goes out of header fields also without brackets (RFC 5322 §4.4); Postfix takes it for a group.',
    release: 'ours',
  },
  {
    where: /^blind copies, from \S* to (?:a@else\.test self@known\.test|archive\+all@known\.test): \(arrived\)$/,
    postfix:
      /^to (?:a@else\.test )?archive\+all@known\.test (?:archive\+all@known\.test|self@known\.test self@known\.test) from/,
    postigo: /^to (?:a@else\.test )?archive\+all@known\.test (?:self@known\.test )?from/,
    reason: 'Who is a recipient already gets no second copy as a blind one.',
    release: 'ours',
  },
]
