/** Parameters of local(8) and virtual(8), with Postfix's names and defaults. */
import { bool, defineParams, int, list, raw, size, str, time } from '../../../io/config/mod.ts'

const SAFE_CHARACTERS = '1234567890!@%-_=+:,./abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ'

const PLACES = ['alias', 'forward', 'include']

export const localParams = defineParams({
  myhostname: str('', 'The internet host name of this mail system.'),
  queue_directory: str('/var/spool/postfix', 'Where commands run, if it is there.'),
  recipient_delimiter: str('', 'Characters of which the first found parts user and extension: user+news.'),
  owner_request_special: bool('yes', 'owner-list and list-request are never cut at a hyphen.'),
  double_bounce_sender: str('double-bounce', 'Sender of notices that must not bounce again.'),
  forward_path: raw(
    '$home/.forward${recipient_delimiter}${extension}, $home/.forward',
    'Files that say where mail for a system user goes instead; the first that is there counts.',
  ),
  forward_expansion_filter: str(SAFE_CHARACTERS, 'Characters that $name in forward_path may bring; others become _.'),
  allow_mail_to_commands: list('alias, forward', 'Where |command may stand: alias, forward, include.', {
    values: PLACES,
  }),
  allow_mail_to_files: list('alias, forward', 'Where /file/name may stand: alias, forward, include.', {
    values: PLACES,
  }),
  mailbox_transport: str('', 'The transport that delivers to all local names, users of the system or not.'),
  mailbox_transport_maps: str('', 'Tables of such transports by name.'),
  mailbox_command: raw('', 'The command that delivers to system users.'),
  mailbox_command_maps: str('', 'Tables of such commands by user.'),
  home_mailbox: str(
    '',
    'A file or, ending in /, a Maildir in the home directory of system users that takes their mail.',
  ),
  mail_spool_directory: str(
    '/var/mail',
    'Where main.cf sets it: the directory with an mbox (ending in /: a Maildir) for each system user. Otherwise their mail is in the store.',
  ),
  mail_spool_copy: bool(
    'no',
    'Whether mail for system users that goes into the store is also appended to their mbox in mail_spool_directory.',
  ),
  biff: bool(
    'yes',
    'Whether comsat(8) on this machine is told of mail in an mbox of a system user (home_mailbox, mail_spool_directory, mail_spool_copy).',
  ),
  default_privs: str('nobody', 'The user whose rights commands and files of aliases have that belong to root.'),
  local_command_shell: str('', 'A shell that runs every command, `/bin/smrsh -c`; empty: /bin/sh, where it is needed.'),
  command_time_limit: time('1000s', 'How long a command may take.', { min: 1000 }),
  command_expansion_filter: str(
    SAFE_CHARACTERS,
    'Characters that the environment of commands may hold; others become _.',
  ),
  command_execution_directory: raw('', 'The directory that commands run in; $home, $user and the like are filled in.'),
  execution_directory_expansion_filter: str(SAFE_CHARACTERS, 'Characters that $name there may bring; others become _.'),
  export_environment: list(
    'TZ MAIL_CONFIG LANG',
    'Environment that commands get from the server: names, or name=value.',
  ),
  prepend_delivered_header: list(
    'command, file, forward',
    'Deliveries that get a Delivered-To field: command, file, forward. Without it loops are not seen.',
    { values: ['command', 'file', 'forward'] },
  ),
  require_home_directory: bool('no', 'Whether mail for a system user waits until the home directory is there.'),
  strict_mailbox_ownership: bool('yes', 'Whether an mbox must belong to its user.'),
  mailbox_delivery_lock: list('fcntl, dotlock', 'How mbox files are locked: fcntl, flock, dotlock.'),
  deliver_lock_attempts: int('20', 'How often a lock is tried.', { min: 1 }),
  deliver_lock_delay: time('1s', 'The wait between two tries.', { min: 0 }),
  stale_lock_time: time('500s', 'A lock file of this age is removed.', { min: 1000 }),
  mailbox_size_limit: size('51200000', 'The largest an mbox may grow; 0 is no limit.', { min: 0 }),
  virtual_mailbox_base: str('', 'The directory in front of every result of virtual_mailbox_maps.'),
  virtual_mailbox_maps: str('', 'Tables of the valid addresses in virtual_mailbox_domains.'),
  virtual_uid_maps: str('', 'Tables of the user id that a virtual mailbox is written with.'),
  virtual_gid_maps: str('', 'Tables of its group id.'),
  virtual_minimum_uid: int('100', 'The least user id that virtual_uid_maps may yield.', { min: 1 }),
  virtual_mailbox_limit: size('51200000', 'The largest a virtual mailbox file may grow; 0 is no limit.', { min: 0 }),
  virtual_mailbox_lock: list('fcntl, dotlock', 'How virtual mbox files are locked: fcntl, flock, dotlock.'),
})
