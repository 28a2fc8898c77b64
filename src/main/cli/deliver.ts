/**
 * `postigo deliver`: the LDA for scripts. A message on standard input goes into a mailbox of the account; exit codes are those
 * of sysexits(3), 75 where it is worth trying again.
 */
import { randomBytes } from 'node:crypto'
import { closeSync, createReadStream, fchmodSync, openSync, unlinkSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { askControl, type ControlAnswer } from '../server/control.ts'
import type { DeliverFault } from '../server/deliver-request.ts'
import { DropWriter, publicPaths, type PublicPaths } from '../server/maildrop.ts'
import { readConfig } from '../server/rooms.ts'
import { getopt } from './getopt.ts'
import { type CliIo, type Command, configDirectory, EX } from './io.ts'

const USAGE = 'usage: postigo deliver [-c DIR] [-d ACCOUNT] [-m MAILBOX] [-f SENDER] < MESSAGE\n'
/** The server reads it, which may be another user. */
const FILE_MODE = 0o644

export const deliver: Command = async (argv, io) => {
  const { options, operands, problem } = getopt(argv, 'c:d:m:f:')
  if (problem !== undefined || operands.length > 0) {
    io.err(`postigo deliver: ${problem ?? `unknown word: ${operands[0]}`}\n${USAGE}`)
    return EX.usage
  }
  const value = (letter: string): string | undefined => options.findLast((o) => o.letter === letter)?.value
  const config = readConfig({ directory: configDirectory(value('c'), io) })
  const paths = publicPaths(config)
  const limit = Number(config.value('message_size_limit') ?? 0)
  let file: string
  try {
    file = await leave(paths, io)
  } catch (error) {
    return failed(io, 'tempFail', error instanceof Error ? error.message : String(error))
  }
  try {
    const request = { command: 'deliver', file, account: value('d'), folder: value('m'), sender: value('f') }
    return told(io, await askControl(paths.socket, request))
  } catch {
    // It lies in the maildrop already: there it is picked up when the server starts.
    return await keep(paths, file, { account: value('d'), folder: value('m'), sender: value('f') }, limit, io)
  } finally {
    remove(join(paths.maildrop, file))
  }
}

/** Leaves the message in the maildrop; answers the file's name. */
async function leave({ maildrop }: PublicPaths, { stdin }: CliIo): Promise<string> {
  const name = randomBytes(16).toString('hex')
  const fd = openSync(join(maildrop, name), 'wx', FILE_MODE)
  try {
    fchmodSync(fd, FILE_MODE)
    writeSync(fd, `${name}\n`)
    for await (const chunk of stdin) {
      const octets = Buffer.from(chunk as Buffer | string) // a Readable of octets, or of text in tests
      for (let at = 0; at < octets.length;) at += writeSync(fd, octets, at)
    }
  } catch (error) {
    remove(join(maildrop, name))
    throw error
  } finally {
    closeSync(fd)
  }
  return name
}

/** Without a server: a file of its own kind in the maildrop, durable when this answers. */
async function keep(
  { maildrop }: PublicPaths,
  file: string,
  { account, folder, sender }: Record<'account' | 'folder' | 'sender', string | undefined>,
  limit: number,
  io: CliIo,
): Promise<number> {
  const deliver = { ...(account !== undefined && { account }), ...(folder !== undefined && { folder }) }
  let drop: DropWriter | undefined
  let octets = 0
  try {
    drop = new DropWriter(maildrop, { recipients: [], deliver, ...(sender !== undefined && { sender }) })
    for await (const piece of createReadStream(join(maildrop, file), { start: file.length + 1 })) {
      octets += (piece as Buffer).length // a stream without encoding
      drop.write(piece as Buffer)
    }
    if (limit > 0 && octets > limit) {
      drop.abort()
      return failed(io, 'dataErr', 'message file too big')
    }
    drop.finish()
    return EX.ok
  } catch (error) {
    // A disk that is full has room again some day.
    drop?.abort()
    return failed(io, 'tempFail', error instanceof Error ? error.message : String(error))
  }
}

function told(io: CliIo, answer: ControlAnswer): number {
  if (answer.ok) return EX.ok
  const [, kind, text = answer.error] = /^(\w+): (.*)$/s.exec(answer.error) ?? []
  return failed(io, isFault(kind) ? kind : 'tempFail', text)
}

const FAULTS: readonly DeliverFault[] = ['dataErr', 'noUser', 'cantCreat', 'tempFail', 'noPerm']

function isFault(kind: string | undefined): kind is DeliverFault {
  return FAULTS.some((fault) => fault === kind)
}

function failed(io: CliIo, kind: DeliverFault, text: string): number {
  io.err(`postigo deliver: ${text}\n`)
  return EX[kind]
}

function remove(path: string): void {
  try {
    unlinkSync(path)
  } catch {
    // the server has taken it
  }
}
