/** What a command sees of the world; tests give their own. */
import type { Readable } from 'node:stream'

export interface CliIo {
  readonly stdin: Readable & { readonly isTTY?: boolean }
  /** Octets, where they are not text. */
  out(text: string | Buffer): void
  err(text: string): void
  readonly env: Readonly<Record<string, string | undefined>>
  readonly cwd: string
  /** Standard output is a terminal: progress may be drawn. */
  readonly tty: boolean
}

/** A command: its words after the name; resolves with the exit code (sysexits(3)). */
export type Command = (argv: readonly string[], io: CliIo) => Promise<number>

/** sysexits(3). */
export const EX = {
  ok: 0,
  usage: 64,
  dataErr: 65,
  noInput: 66,
  noUser: 67,
  unavailable: 69,
  software: 70,
  cantCreat: 73,
  tempFail: 75,
  noPerm: 77,
  config: 78,
} as const

export const processIo: CliIo = {
  stdin: process.stdin,
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
  env: process.env,
  cwd: process.cwd(),
  tty: process.stdout.isTTY,
}

/** The configuration directory: -c, MAIL_CONFIG (as Postfix's tools), else /etc/postfix. */
export function configDirectory(option: string | undefined, io: CliIo): string {
  return option ?? io.env['MAIL_CONFIG'] ?? '/etc/postfix'
}
