/** What is asked of postconf(1) in show/, and what is changed in edit/: words, one case each. */

const SHOW = `
-n
-nx
-nf
-nfx
-nh
-nH
-nhf
-n smtpd_recipient_limit relayhost nosuch
-d smtpd_recipient_limit relayhost transport_maps cyrus_destination_recipient_limit
-dx alias_maps local_transport smtpd_relay_restrictions
smtpd_recipient_limit relayhost smtpd_relay_restrictions
-h myhostname mydestination
-x mydestination local_transport myorigin mailbox_command
-H myhostname
-C user
-n -C user
-n -C service
-n -C builtin,user
-C SERVICE
-C nosuch
-o myhostname=other.example -x mydestination
-o novalue myhostname
-M
-Mf
-Mx
-Mxf
-M smtp
-M smtp/inet
-M */unix
-M nosuch/inet
-M a/b/c
-M sm*/inet
-F
-FH
-Fx
-Ff
-F smtp/inet/command
-Fh smtp/inet/command
-F */inet/chroot
-F smtp/inet/nosuch
-F smtp/inet/chroot/x
-P
-Pf
-Px
-Pxf
-Ph
-PH
-P smtp/inet
-P */*/syslog_name
-P smtp/inet/nosuch
-Pn
-Pd
-Md
-h -H
-M -F
-a -A
-n -e
-n -d
-e
-X
-#
-T nosuch
-M -c nosuch
`

const EDIT = `
-e|relayhost=[mx.example.org]
-e|new = a  b
-e|mynetworks = 127.0.0.1
myhostname=x|relayhost=y
-e|myhostname = one|myhostname = two
-X|relayhost
-X|mynetworks
-#|mynetworks
-#|nosuch
-X|a=b
-X|
-e|novalue
-e|# a=b
-e|=b
-M|-e|smtp/inet=smtp inet n - n - 10 smtpd -o a=b -o { c = d e }
-M|-e|new/inet = new inet n - n - - smtpd -v -o x=y one {two three}
-M|-e|*/inet=smtp inet n - n - - smtpd
-M|-e|other/unix = smtp unix - - n - - smtp
-M|-e|smtp=smtp inet n - n - - smtpd
-M|-X|submission/inet
-M|-#|submission/inet
-M|-X|*/unix
-M|-X|nosuch/inet
-F|-e|*/inet/chroot=n
-F|-e|smtp/unix/wakeup=60?|smtp/unix/process_limit=7
-F|-e|submission/inet/command=smtpd -v -o { a = b c } -o d=e
-F|-e|smtp/inet/*=n
-F|-e|smtp/inet/nosuch=n
-F|-e|smtp/inet/wakeup=1 2
-F|-e|nosuch/inet/chroot=n
-F|-X|smtp/inet/chroot
-P|-e|smtp/inet/smtpd_banner=x
-P|-e|submission/inet/syslog_name=y
-P|-e|smtp/unix/a=b|smtp/unix/smtp_helo_timeout=7
-P|-e|uucp/unix/a=b
-P|-e|smtp/inet/a=b c
-P|-X|smtp/unix/smtp_helo_timeout
-P|-X|submission/inet/smtpd_sender_restrictions
-P|-X|smtp/inet/*
-P|-#|submission/inet/syslog_name
`

const lines = (text: string): string[] => text.split('\n').filter((line) => line !== '')

export const showCases: readonly (readonly string[])[] = lines(SHOW).map((line) => line.split(' '))
export const editCases: readonly (readonly string[])[] = lines(EDIT).map((line) => line.split('|'))

/** One case as it is recorded: the words, what came out (`>`), what was warned of (`!`, sorted), the exit code. */
export function recordOf(words: readonly string[], out: string, err: string, code: number, files = ''): string {
  const marked = (mark: string, text: string): string[] =>
    text === ''
      ? []
      : text
          .replace(/\n$/, '')
          .split('\n')
          .map((line) => mark + line)
  return [
    `$ postconf ${words.join(' | ')}`,
    ...marked('>', out),
    ...marked('!', err).toSorted(),
    ...marked('=', files),
    ...(code === 0 ? [] : [`exit ${code}`]),
    '',
  ].join('\n')
}
