/** A mailbox as an mbox, with what UW-IMAP and Dovecot keep in it. */
import { closeSync, fsyncSync, openSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { fromLine } from '../../formats/folders/mod.ts'
import { encodeMailbox } from '../../formats/imap/mod.ts'
import type { ExportedMailbox, ExportedMessage } from '../server/export-control.ts'

const FILE = 0o600
const LETTERS = { '\\Answered': 'A', '\\Flagged': 'F', '\\Deleted': 'D', '\\Draft': 'T' } as const

export class MboxWriter {
  readonly #fd: number
  readonly #mailbox: ExportedMailbox
  #isFirst = true

  /** Throws where there is a file of that name: it would not be known what of it is ours. */
  constructor(root: string, mailbox: ExportedMailbox) {
    this.#mailbox = mailbox
    this.#fd = openSync(join(root, encodeMailbox(mailbox.name).replaceAll('/', '.')), 'wx', FILE)
  }

  /** @param text with LF */
  add({ uid, flags, internalDateMs }: ExportedMessage, text: Buffer): boolean {
    const { uidValidity, uidNext, keywords } = this.#mailbox
    const has = (flag: string): boolean => flags.some((one) => one.toLowerCase() === flag.toLowerCase())
    const letters = Object.entries(LETTERS).flatMap(([flag, letter]) => (has(flag) ? [letter] : []))
    const base = [uidValidity, uidNext - 1].map((n) => String(n).padStart(10, '0')).join(' ')
    const notes = [
      ...(this.#isFirst ? [`X-IMAPbase: ${[base, ...keywords].join(' ')}`] : []),
      `Status: ${has('\\Seen') ? 'R' : ''}O`,
      `X-Status: ${letters.join('')}`,
      `X-Keywords: ${flags.filter((flag) => !flag.startsWith('\\')).join(' ')}`,
      `X-UID: ${uid}`,
    ]
    this.#isFirst = false
    const head = `${fromLine(senderOf(text), internalDateMs)}\n${notes.join('\n')}\n`
    this.#write(Buffer.concat([Buffer.from(head), quoted(text), Buffer.from(text.at(-1) === 0x0a ? '\n' : '\n\n')]))
    return true
  }

  end(): void {
    fsyncSync(this.#fd)
    closeSync(this.#fd)
  }

  #write(octets: Buffer): void {
    for (let at = 0; at < octets.length;) at += writeSync(this.#fd, octets, at)
  }
}

function senderOf(text: Buffer): string {
  return /^Return-Path: <([^<>\s]+)>$/m.exec(text.toString('latin1', 0, 4096))?.[1] ?? ''
}

function quoted(text: Buffer): Buffer {
  if (text.indexOf('From ') < 0) return text
  return Buffer.from(text.toString('latin1').replaceAll(/^From /gm, '>From '), 'latin1')
}
