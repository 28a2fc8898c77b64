/** sendmail(1): mail of this machine's programs, and what else goes by that name. */
import { userInfo } from 'node:os'
import { type Config, loadConfig } from '../../io/config/mod.ts'
import { createTables } from '../../io/tables/mod.ts'
import { userById } from '../../mail/delivery/mod.ts'
import { allParams } from '../registry.ts'
import { maySendAs } from '../server/login-senders.ts'
import { type DropEnvelope, DropWriter, type PublicPaths, publicPaths } from '../server/maildrop.ts'
import { tellDropped } from '../server/public-socket.ts'
import { submissionParams } from '../server/submission-params.ts'
import { isAuthorized } from '../server/users.ts'
import { type CliIo, type Command, configDirectory, EX } from './io.ts'
import { indexAliases } from './postalias.ts'
import { runPostqueue } from './postqueue.ts'
import { headerEnd, headerRecipients, WireLines } from './sendmail-message.ts'
import { SendmailUsage, type SendmailWords, sendmailWords } from './sendmail-words.ts'

/** What stands in for a message that is only asked about. */
/** So far a line is looked at for `From `, with any number of > in front. */
const FROM_LOOK = 100
/** A header section longer than this is not looked through for recipients. */
const HEAD_LIMIT = 1024 * 1024

export const sendmail: Command = async (argv, io) => {
  let who = userInfo().username
  try {
    const words = sendmailWords(argv, 'sendmail')
    who = senderOf(words) ?? who
    for (const warning of words.warnings) io.err(`sendmail: warning: ${warning}\n`)
    return await run(words, io)
  } catch (error) {
    if (error instanceof SendmailUsage) {
      const [problem = '', ...usage] = error.message.split('\n')
      io.err(`sendmail: ${usage.length === 0 ? 'fatal: ' : ''}${problem}\n`)
      if (usage.length > 0) io.err('sendmail: fatal: usage: sendmail [options]\n')
      return EX.tempFail
    }
    const text = error instanceof Error ? error.message : String(error)
    io.err(`sendmail: fatal: ${error instanceof NotAllowed ? '' : `${who}(${userInfo().uid}): `}${text}\n`)
    return EX.tempFail
  }
}

async function run(words: SendmailWords, io: CliIo): Promise<number> {
  const directory = configDirectory(words.config, io)
  switch (words.mode) {
    case 'enqueue':
      return enqueue(words, directory, io)
    case 'mailq':
      return runPostqueue('p', '', directory, io)
    case 'newaliases':
      return indexAliases(words, io)
    case 'daemon':
      return (await import('./lifecycle.ts')).postfix(['-c', directory, 'start'], io)
    case 'smtp':
      return (await import('./sendmail-smtp.ts')).standaloneSmtp(directory, io)
    case 'flush': {
      const { flush } = words
      if (flush === undefined) return runPostqueue('f', '', directory, io)
      return 'site' in flush
        ? runPostqueue('s', flush.site, directory, io)
        : runPostqueue('i', flush.queueId, directory, io)
    }
    case 'no-host-status':
      io.err('No persistent host status directory\n')
      return EX.ok
    default:
      return words.mode satisfies never
  }
}

async function enqueue(words: SendmailWords, directory: string, io: CliIo): Promise<number> {
  const config = loadConfig(directory, allParams())
  const me = userInfo()
  const paths = publicPaths(config)
  const limit = Number(config.value('message_size_limit') ?? 0)
  if (!words.extract && words.recipients.length === 0)
    throw new Error('Recipient addresses must be specified on the command line or via the -t option')
  const sender = senderOf(words) ?? me.username
  await checkSubmitter(me, sender, config)
  const lines = new WireLines(words.dotEnds, config.bind(submissionParams).sendmail_fix_line_endings)
  const source = io.stdin[Symbol.asyncIterator]()
  const isProbe = words.trace === 'verify'
  const { head, done } =
    isProbe && !words.extract ? { head: Buffer.alloc(0), done: true } : await readHead(source, lines)
  const recipients = [...words.recipients.flatMap(addressesOf), ...(words.extract ? headerRecipients(head) : [])]
  if (recipients.length === 0) throw new Error('No recipient addresses found in message header')
  checkVerp(words.verp, config.value('verp_delimiter_filter') ?? '-=+')
  const drop = openDrop(paths, await envelopeOf(words, recipients, config.value('default_verp_delimiters') ?? '+=', io))
  try {
    let octets = 0
    const write = (piece: Buffer): void => {
      octets += piece.length
      if (limit > 0 && octets > limit) throw new TooBig('message file too big')
      drop.write(piece)
    }
    write(isProbe ? probe(sender, recipients) : withoutFromLines(head))
    for (let ended = done || isProbe; !ended;) {
      const { value, done: last = false } = await source.next()
      write(last ? lines.end() : lines.push(value as Buffer)) // a Readable without encoding
      ended = last || lines.ended
    }
    drop.finish()
  } catch (error) {
    drop.abort()
    if (!(error instanceof TooBig)) throw error
    io.err(`sendmail: fatal: ${sender}(${me.uid}): ${error.message}\n`)
    return EX.unavailable
  }
  await tellDropped(paths)
  if (words.trace !== undefined) io.out(`Mail Delivery Status Report will be mailed to <${sender}>.\n`)
  return EX.ok
}

/** -bv sends no message: one is made up for the report, in Postfix's words. */
function probe(sender: string, recipients: readonly string[]): Buffer {
  return Buffer.from(`From: ${sender}\r\nSubject: probe\r\nTo:\t${recipients.join(',\r\n\t')}\r\n\r\n`)
}

class NotAllowed extends Error {}

/** So that a user hears at once what the server will not take; the server asks again. */
async function checkSubmitter(
  me: { readonly uid: number; readonly username: string },
  sender: string,
  config: Config,
): Promise<void> {
  const asked = ['authorized_submit_users', 'local_login_sender_maps'].some((name) => config.raw(name) !== undefined)
  if (!asked) return
  const tables = createTables({ parameter: (name) => config.value(name) })
  if (!(await isAuthorized({ config, tables }, 'authorized_submit_users', me.uid)))
    throw new NotAllowed(`User ${me.username}(${me.uid}) is not allowed to submit mail`)
  const user = { uid: me.uid, name: (await userById(me.uid))?.name }
  if (!(await maySendAs(user, sender, { config, tables }, config.bind(submissionParams))))
    throw new Error(`not authorized to use sender='${sender}'`)
}

/** Two characters that the site allows; the default ones where none were named. */
function checkVerp(verp: string | undefined, allowed: string): void {
  if (verp === undefined || verp === '') return
  if (verp.length !== 2 || Array.from(verp).some((character) => !allowed.includes(character)))
    throw new SendmailUsage(`-V requires two characters from ${allowed}`)
}

class TooBig extends Error {}

/** Reads until the header section is whole; `done`: that was all. */
async function readHead(
  source: AsyncIterator<unknown>,
  lines: WireLines,
): Promise<{ readonly head: Buffer; readonly done: boolean }> {
  let head = Buffer.alloc(0)
  while (headerEnd(head) < 0 && head.length < HEAD_LIMIT) {
    const { value, done = false } = await source.next()
    head = Buffer.concat([head, done ? lines.end() : lines.push(Buffer.from(value as Buffer))]) // as above
    if (done || lines.ended) return { head, done: true }
  }
  return { head, done: lines.ended }
}

/** `From user date` in front of a message is a mailbox file's, not the message's; mail that went by UUCP has more. */
function withoutFromLines(head: Buffer): Buffer {
  let rest = head
  while (/^>*From /.test(rest.toString('latin1', 0, FROM_LOOK))) rest = rest.subarray(rest.indexOf(0x0a) + 1)
  return rest
}

function openDrop(paths: PublicPaths, envelope: DropEnvelope): DropWriter {
  try {
    return new DropWriter(paths.maildrop, envelope)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT')
      throw new Error(`there is no ${paths.maildrop}: the mail system has not been started yet`, { cause: error })
    throw error
  }
}

async function envelopeOf(
  words: SendmailWords,
  recipients: readonly string[],
  delimiters: string,
  io: CliIo,
): Promise<DropEnvelope> {
  const { notify, ret, envid, body, verp, relayed, trace } = words
  const fullName = words.fullName ?? io.env['NAME'] ?? (await userById(userInfo().uid))?.fullName
  const address = senderOf(words)
  return {
    recipients: recipients.map((one) => ({ address: one, ...(notify !== undefined && { notify }) })),
    ...(address !== undefined && { sender: address }),
    ...(fullName !== undefined && fullName !== '' && { fullName }),
    ...(ret !== undefined && { ret }),
    ...(envid !== undefined && { envid }),
    ...(body !== undefined && { body }),
    ...(verp !== undefined && { verp: verp === '' ? delimiters : verp }),
    ...(relayed && { relayed }),
    ...(trace !== undefined && { trace }),
  }
}

/** Words of the command line may hold several addresses, with names and commas. */
function addressesOf(word: string): string[] {
  const found = headerRecipients(Buffer.from(`To: ${word}`))
  return found.length > 0 ? found : [word]
}

/** The sender that the command line names, in internal form. */
function senderOf({ sender }: SendmailWords): string | undefined {
  return sender === undefined ? undefined : (parsed(sender) ?? sender)
}

/** `<>` and `""` are the null sender. */
function parsed(sender: string): string | undefined {
  const bare = sender.replace(/^<(.*)>$/, '$1')
  return bare === '' ? '' : addressesOf(bare)[0]
}
