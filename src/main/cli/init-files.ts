/** What `postigo init` writes: a main.cf and a master.cf for a mail server on the open internet. */
import { SENDING_LIMITS } from './sending-defaults.ts'

export interface InitWishes {
  readonly hostname: string
  /** Domains whose addresses are users here. */
  readonly domains: readonly string[]
  readonly aliasFile: string | undefined
  /** Where data and log lie; undefined: where Postfix has them, and the log on standard output. */
  readonly dataDirectory: string | undefined
  readonly acme: { readonly directory: string; readonly agrees: boolean } | undefined
}

/** Of TLS 1.2 these ciphers have no authenticated encryption (LUCKY13), or nobody needs them. */
const OLD_CIPHERS = 'aNULL, kRSA, SHA1, SHA256, SHA384, ARIA, CAMELLIA, AESCCM'

export function mainCfOf({ hostname, domains, aliasFile, dataDirectory, acme }: InitWishes): string {
  const [first = hostname] = domains
  const aliases = aliasFile === undefined ? '' : `hash:${aliasFile}`
  return `# A mail server on the open internet. Parameters are Postfix's: man 5 postconf; those of Postigo: docs/parameters.md.
# postigo check says what is wrong, postigo reload takes up what was changed.
compatibility_level = 3.6

# Who we are. Other servers want the name to lead to this machine, and its address to lead back to the name.
myhostname = ${hostname}
mydomain = ${first}
myorigin = $mydomain
mydestination = $myhostname, localhost.$mydomain, localhost${domains.map((domain) => `, ${domain}`).join('')}
mynetworks = 127.0.0.0/8, [::1]/128
inet_interfaces = all
alias_maps =${aliases === '' ? '' : ` ${aliases}`}
alias_database =${aliases === '' ? '' : ` ${aliases}`}
recipient_delimiter = +
${dataDirectory === undefined ? '' : `data_directory = ${dataDirectory}\nqueue_directory = ${dataDirectory}\nmaillog_file = $config_directory/mail.log\n`}
# Mailboxes. 143 and 110 are not needed where mail programs speak TLS from the start.
mailbox_services = imap, imaps, pop3s
message_size_limit = 52428800

# TLS. Without a certificate one of our own making is shown.
${acmeLines(acme)}smtpd_tls_security_level = may
smtpd_tls_auth_only = yes
smtpd_tls_loglevel = 1
smtpd_tls_protocols = >=TLSv1.2
smtpd_tls_mandatory_protocols = >=TLSv1.2
smtpd_tls_ciphers = high
smtpd_tls_mandatory_ciphers = high
# A server that knows no other cipher of TLS 1.2 sends its mail in clear; less is said here if such mail matters.
smtpd_tls_exclude_ciphers = ${OLD_CIPHERS}
tls_preempt_cipherlist = yes

# Mail to other servers: by DNSSEC where their domain has it (wants a validating resolver), else by what they publish.
smtp_dns_support_level = dnssec
smtp_tls_security_level = dane
smtp_tls_loglevel = 1
smtp_tls_mandatory_protocols = >=TLSv1.2
mta_sts_enable = yes

# Who may send what. Passwords are taken on ports 465 and 587 alone: master.cf.
smtpd_relay_restrictions = permit_mynetworks, permit_sasl_authenticated, reject_unauth_destination
smtpd_helo_required = yes
smtpd_helo_restrictions = permit_mynetworks, permit_sasl_authenticated, reject_invalid_helo_hostname, reject_non_fqdn_helo_hostname
smtpd_sender_restrictions = reject_non_fqdn_sender, reject_unknown_sender_domain
smtpd_recipient_restrictions = reject_non_fqdn_recipient, permit_mynetworks, reject_unauth_destination
smtpd_data_restrictions = reject_unauth_pipelining
smtpd_sender_login_maps = accounts:
${SENDING_LIMITS}disable_vrfy_command = yes
`
}

function acmeLines(acme: InitWishes['acme']): string {
  if (acme === undefined)
    return '# acme_directory = https://acme-v02.api.letsencrypt.org/directory\n# acme_agree_to_terms = yes\n'
  return `acme_directory = ${acme.directory}\nacme_agree_to_terms = ${acme.agrees ? 'yes' : 'no'}\n`
}

const SUBMISSION = `  -o syslog_name=postfix/SERVICE
  -o smtpd_sasl_auth_enable=yes
  -o smtpd_tls_auth_only=yes
  -o smtpd_client_restrictions=
  -o smtpd_helo_required=no
  -o smtpd_helo_restrictions=
  -o smtpd_sender_restrictions=reject_sender_login_mismatch
  -o smtpd_relay_restrictions=permit_sasl_authenticated,reject
  -o smtpd_recipient_restrictions=reject_non_fqdn_recipient,permit_sasl_authenticated,reject
`

/** Services that receive, and the transports that send. */
export const MASTER_CF = `# Services of Postfix's master.cf(5). IMAP and POP3 stand in main.cf (mailbox_services).
# service   type  private unpriv  chroot  wakeup  maxproc command + args
smtp        inet  n       -       n       -       -       smtpd
# Mail programs of users. Each account sends in its own name.
submission  inet  n       -       n       -       -       smtpd
  -o smtpd_tls_security_level=encrypt
${SUBMISSION.replace('SERVICE', 'submission')}submissions inet  n       -       n       -       -       smtpd
  -o smtpd_tls_wrappermode=yes
${SUBMISSION.replace('SERVICE', 'submissions')}smtp        unix  -       -       n       -       -       smtp
relay       unix  -       -       n       -       -       smtp
lmtp        unix  -       -       n       -       -       lmtp
local       unix  -       n       n       -       -       local
virtual     unix  -       n       n       -       -       virtual
error       unix  -       -       n       -       -       error
retry       unix  -       -       n       -       -       error
discard     unix  -       -       n       -       -       discard
`
