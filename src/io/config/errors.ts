/** What is wrong with a configuration, and where. */
import type { Origin } from './contract.ts'

/** A configuration that cannot be used. `message` reads as Postfix's: `/etc/postfix/main.cf, line 3: missing '=' …`. */
export class ConfigError extends Error {
  readonly file: string
  readonly line: number
  /** The message without its file and line. */
  readonly text: string

  /** @param at where the fault stands; line 0 for a fault of the whole file or of a default */
  constructor(text: string, at: Origin, cause?: unknown) {
    super(at.line > 0 ? `${at.file}, line ${at.line}: ${text}` : at.file === '' ? text : `${at.file}: ${text}`, {
      cause,
    })
    this.name = 'ConfigError'
    this.text = text
    this.file = at.file
    this.line = at.line
  }
}
