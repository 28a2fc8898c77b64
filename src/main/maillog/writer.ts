/**
 * Where log lines go: standard output, `maillog_file`, or the journal (standard output under systemd, which puts time and
 * host in front itself). Lines of one turn of the event loop leave in one write.
 */
import { printable } from '#src/base/mod.ts'
import { closeSync, openSync, writeSync } from 'node:fs'

export interface LogWriter {
  /** @param syslogName the listener's own, where it has one */
  line(service: string, text: string, syslogName?: string): void
  /** A line that is whole already (JSON). */
  raw(line: string): void
  /** Opens the file again (after logrotate). */
  reopen(): void
  /** Writes what waits, at once. */
  flush(): void
  close(): void
}

export interface LogWriterOptions {
  /** A path, or `''` for standard output. */
  readonly file: string
  /** Of a file that is made: maillog_file_permissions. */
  readonly permissions: number
  /** `syslog_name`, in front of the service: `postfix/smtpd`. */
  readonly syslogName: string
  readonly hostname: string
  readonly format: 'text' | 'journal'
  readonly now: () => number
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

/** RFC 3164 time, local: `Nov  4 09:05:01`. */
export function syslogTime(ms: number): string {
  const d = new Date(ms)
  const two = (n: number): string => String(n).padStart(2, '0')
  return `${MONTHS[d.getMonth()]} ${String(d.getDate()).padStart(2)} ${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}`
}

const STDOUT = 1

export function createLogWriter(options: LogWriterOptions): LogWriter {
  const open = (): number => (options.file === '' ? STDOUT : openSync(options.file, 'a', options.permissions))
  let fd = open()
  let waiting = ''
  let second = 0
  let prefix = ''
  const flush = (): void => {
    const text = waiting
    waiting = ''
    if (text !== '') writeAll(fd, text)
  }
  const head = (): string => {
    if (options.format === 'journal') return ''
    const now = options.now()
    if (Math.floor(now / 1000) !== second) {
      second = Math.floor(now / 1000)
      prefix = `${syslogTime(now)} ${options.hostname} `
    }
    return prefix
  }
  const { pid } = process
  const add = (line: string): void => {
    if (waiting === '') setImmediate(flush)
    waiting += line
  }
  return {
    line(service, text, syslogName = options.syslogName) {
      add(`${head()}${syslogName}/${service}[${pid}]: ${printable(text).replaceAll('\t', '?')}\n`)
    },
    raw: (line) => add(line + '\n'),
    reopen() {
      flush()
      if (fd === STDOUT) return
      const old = fd
      fd = open() // where it cannot be opened, lines go where they went
      closeSync(old)
    },
    flush,
    close() {
      flush()
      if (fd !== STDOUT) closeSync(fd)
    },
  }
}

/** A full disk or a reader that went away must not stop the mail: the lines are lost, the server goes on. */
function writeAll(fd: number, text: string): void {
  const octets = Buffer.from(text)
  try {
    for (let at = 0; at < octets.length;) at += writeSync(fd, octets, at)
  } catch {
    // ENOSPC, EPIPE, EAGAIN: nowhere to tell of it
  }
}
