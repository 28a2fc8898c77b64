/** Messages that lead through all that the queue does, and what must have become of each. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Users of the system by the part they have, where there are any. */
export type Users = Readonly<Partial<Record<'forwards' | 'files', string>>>

export interface WorkMessage {
  readonly name: string
  readonly to: readonly string[]
  readonly parameters?: string
  /** To a user of the system instead. */
  readonly user?: keyof Users
  /** By the maildrop, not by SMTP. */
  readonly drop?: { readonly trace?: 'deliver'; readonly deliver?: { readonly account: string } }
  /** Recipients that another host takes. */
  readonly taken?: readonly string[]
  /** Recipients that the sender is told of, and what. */
  readonly told?: Readonly<Record<string, 'failed' | 'delivered' | 'expanded' | 'relayed'>>
  /** Recipients that the sender may be told are late. */
  readonly late?: readonly string[]
  /** Whose mailboxes it is in. */
  readonly boxes?: readonly string[]
  /** Files of this host. */
  readonly files?: readonly string[]
}

const HERE = 'mail.example.test'

export const WORK: readonly WorkMessage[] = [
  {
    name: 'plain',
    to: ['good@far.test', 'bad@far.test', 'here@mail.example.test'],
    taken: ['good@far.test'],
    told: { 'bad@far.test': 'failed' },
    boxes: ['here'],
  },
  { name: 'later', to: ['one@later.test', 'two@later.test'], taken: ['one@later.test', 'two@later.test'] },
  { name: 'held', to: ['one@held.test'], taken: ['one@held.test'] },
  { name: 'parked', to: ['one@parked.test'], taken: ['one@parked.test'] },
  { name: 'deleted', to: ['one@deleted.test'] },
  { name: 'expired', to: ['never@expired.test'], told: { 'never@expired.test': 'failed' } },
  {
    name: 'list',
    to: [`team@${HERE}`],
    parameters: ' NOTIFY=SUCCESS,FAILURE',
    taken: ['member@far.test'],
    told: { [`team@${HERE}`]: 'expanded' },
    boxes: ['here'],
    files: ['mbox', 'maildir/', 'piped'],
  },
  { name: 'moved', to: ['never@moved.test'], taken: ['first@far.test', 'second@far.test'] },
  { name: 'dropped', to: ['dropped@far.test'], drop: {}, taken: ['dropped@far.test'] },
  {
    name: 'traced',
    to: ['never.traced@expired.test'],
    drop: { trace: 'deliver' },
    told: { 'never.traced@expired.test': 'failed' },
    late: ['never.traced@expired.test'],
  },
  { name: 'forwarded', to: [], user: 'forwards', taken: ['next@far.test'] },
  { name: 'filed', to: [], user: 'files', boxes: ['files'] },
  { name: 'delivered', to: [], drop: { deliver: { account: 'here' } }, boxes: ['here'] },
]

/** Whether another host takes mail for an address at its nth asking. */
export function takes(address: string, nth: number): string | undefined {
  if (address.startsWith('never')) return '451 4.3.0 not now'
  if (address.startsWith('bad@')) return '550 5.1.1 nobody of that name'
  if (/@(later|parked)\.test$/.test(address) && nth === 1) return '451 4.3.0 later'
  return undefined
}

/** Files of an installation; `dir` is writable by whoever commands and files of aliases belong to. */
export function writeWork(
  dir: string,
  { open, sink, users }: { readonly open: string; readonly sink: number; readonly users: Users },
): void {
  const files =
    users.files === undefined ? '' : `mailbox_command_maps = inline:{ {${users.files} = /usr/bin/procmail} }\n`
  writeFileSync(
    join(dir, 'main.cf'),
    `
compatibility_level = 3.6
myhostname = ${HERE}
mydestination = $myhostname
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
data_directory = $config_directory/data
queue_directory = $config_directory
maillog_file = $config_directory/mail.log
alias_maps = texthash:$config_directory/aliases
virtual_alias_maps = texthash:$config_directory/virtual
header_checks = regexp:$config_directory/checks
default_transport = smtp:[127.0.0.1]:${sink}
allow_mail_to_files = alias
default_destination_concurrency_limit = 2
local_destination_concurrency_limit = 2
smtp_tls_security_level = none
smtp_connection_cache_on_demand = no
${files}`,
  )
  writeFileSync(join(dir, 'checks'), '/^Subject: (held|deleted)/ HOLD\n')
  writeFileSync(
    join(dir, 'aliases'),
    `team here, member@far.test, ${open}/mbox, ${open}/maildir/, "|cat >> ${open}/piped"\n`,
  )
  if (!existsSync(join(dir, 'virtual'))) writeFileSync(join(dir, 'virtual'), '')
}

/** What a life found, and what another host heard. */
export interface Books {
  /** Messages whose acceptance was heard. */
  readonly accepted: ReadonlySet<string>
  /** How often each recipient was taken, before the kill and in all. */
  readonly taken: ReadonlyMap<string, number>
  readonly takenBefore: ReadonlyMap<string, number>
  readonly kills: number
  /** Texts in mailboxes by user. */
  readonly mail: ReadonlyMap<string, readonly string[]>
  /** The directory of files that aliases name. */
  readonly open: string
}

/** Deliveries that may be on their way at a time: two by smtp(8), two by local(8). */
const IN_FLIGHT = 4

/** What must not be. */
export function audit({ accepted, taken, takenBefore, kills, mail, open }: Books): string[] {
  const problems: string[] = []
  let doubles = 0
  const count = (what: string, n: number, name: string, most = 1): void => {
    if (accepted.has(name) && n === 0) problems.push(`${name}: ${what}: missing`)
    if (n > most) problems.push(`${name}: ${what}: ${n} times`)
    if (n > 1) doubles++
  }
  const told = (mail.get('ana') ?? []).flatMap(reported)
  for (const one of WORK) {
    const { name } = one
    for (const to of one.taken ?? []) {
      count(`taken for ${to}`, taken.get(to) ?? 0, name, 1 + kills)
      if ((taken.get(to) ?? 0) > 1 && !takenBefore.has(to)) problems.push(`${to}: sent twice without a kill between`)
    }
    for (const [to, action] of Object.entries(one.told ?? {}))
      count(`${action} ${to}`, told.filter((said) => said === `${to} ${action}`).length, name)
    for (const to of one.late ?? [])
      if (told.filter((said) => said === `${to} delayed`).length > 1) problems.push(`${to}: late, and told twice`)
    for (const box of one.boxes ?? []) {
      const entries = (mail.get(box) ?? []).filter(
        (text) => text.includes(`Subject: ${name}\r\n`) && /x{200}\r\n$/.test(text),
      )
      // Of a command that was killed nobody knows whether it filed.
      count(`in the mailbox of ${box}`, entries.length, name, box === 'files' ? 1 + kills : 1)
    }
    for (const file of one.files ?? []) count(`in ${file}`, inFile(join(open, file), name, problems), name, 1 + kills)
  }
  const expected = new Set(
    WORK.flatMap(({ told: what = {}, late = [] }) => [
      ...Object.entries(what).map(([to, action]) => `${to} ${action}`),
      ...late.map((to) => `${to} delayed`),
    ]),
  )
  for (const said of told) if (!expected.has(said)) problems.push(`told without reason: ${said}`)
  for (const to of taken.keys())
    if (!WORK.some((one) => one.taken?.includes(to) === true)) problems.push(`taken without reason: ${to}`)
  if (doubles > IN_FLIGHT * kills) problems.push(`${doubles} deliveries were made twice`)
  return problems
}

/** `RECIPIENT ACTION` of each recipient of a report. */
function reported(text: string): string[] {
  return Array.from(
    text.matchAll(/^Final-Recipient: rfc822; (\S+)\r\n(?:.+\r\n)*?Action: (\w+)/gm),
    ([, to = '', action = '']) => `${to} ${action}`,
  )
}

/** How often a message is there. The last octets of a file are those of a whole message. */
function inFile(path: string, name: string, problems: string[]): number {
  if (!existsSync(path)) return 0
  const files = path.endsWith('/') ? readdirSync(`${path}new`).map((file) => join(path, 'new', file)) : [path]
  const texts = files.map((file) => readFileSync(file, 'utf8'))
  for (const text of texts) if (!/x{200}\n*$/.test(text)) problems.push(`${path}: part of a message`)
  return texts.join('').split(`Subject: ${name}\n`).length - 1
}
