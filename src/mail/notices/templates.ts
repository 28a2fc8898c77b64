/**
 * The texts of reports: built in, in two languages, or from bounce_template_file. bounce(5).
 * Reading a file never fails: what cannot be used is left out with a warning, and the built-in text stands for it.
 */
import { spanish } from './templates-es.ts'

export const TEMPLATES = ['failure', 'delay', 'success', 'verify'] as const
export type TemplateName = (typeof TEMPLATES)[number]

export interface Template {
  readonly charset: string
  readonly from: string
  readonly subject: string
  readonly postmasterSubject: string
  /** `$name` not expanded; lines end in LF. */
  readonly text: string
}

export type Templates = Readonly<Record<TemplateName, Template>>

const FROM = 'Mail Delivery System <MAILER-DAEMON>'
const HELP = `For further assistance, please send mail to postmaster.

If you do so, please include this problem report. You can
delete your own text from the attached returned message.
`
const SIGNED = `
                   The mail system
`

const english: Templates = {
  failure: {
    charset: 'us-ascii',
    from: FROM,
    subject: 'Undelivered Mail Returned to Sender',
    postmasterSubject: 'Postmaster Copy: Undelivered Mail',
    text: `This is the mail system at host $myhostname.

I'm sorry to have to inform you that your message could not
be delivered to one or more recipients. It's attached below.

${HELP}${SIGNED}`,
  },
  delay: {
    charset: 'us-ascii',
    from: FROM,
    subject: 'Delayed Mail (still being retried)',
    postmasterSubject: 'Postmaster Warning: Delayed Mail',
    text: `This is the mail system at host $myhostname.

####################################################################
# THIS IS A WARNING ONLY.  YOU DO NOT NEED TO RESEND YOUR MESSAGE. #
####################################################################

Your message could not be delivered for more than $delay_warning_time_hours hour(s).
It will be retried until it is $maximal_queue_lifetime_days day(s) old.

${HELP}${SIGNED}`,
  },
  success: {
    charset: 'us-ascii',
    from: FROM,
    subject: 'Successful Mail Delivery Report',
    postmasterSubject: '',
    text: `This is the mail system at host $myhostname.

Your message was successfully delivered to the destination(s)
listed below. If the message was delivered to mailbox you will
receive no further notifications. Otherwise you may still receive
notifications of mail delivery errors from other systems.
${SIGNED}`,
  },
  verify: {
    charset: 'us-ascii',
    from: FROM,
    subject: 'Mail Delivery Status Report',
    postmasterSubject: '',
    text: `This is the mail system at host $myhostname.

Enclosed is the mail delivery report that you requested.
${SIGNED}`,
  },
}

export const builtIn: Readonly<Record<'en' | 'es', Templates>> = { en: english, es: spanish }

/** @param file its name, for warnings */
export function readTemplates(
  text: string,
  file: string,
  initial: Templates,
): { readonly templates: Templates; readonly warnings: readonly string[] } {
  const templates: Record<TemplateName, Template> = { ...initial }
  const warnings: string[] = []
  const lines = text.split('\n')
  if (lines.at(-1) === '') lines.pop()
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at] ?? ''
    if (/^\s*(#|$)/.test(line)) continue
    const [, label = '', mark] = /^\s*(\w+)\s*=\s*<<\s*(\S+)\s*$/.exec(line) ?? []
    const name = TEMPLATES.find((one) => `${one}_template` === label)
    const where = `${file}, line ${at + 1}`
    if (mark === undefined || name === undefined) {
      const other = /^\s*(\w+)\s*=/.exec(line)?.[1]
      warnings.push(
        other === undefined
          ? `${where}: syntax error in bounce template file`
          : `${where}: unknown template name: ${other} -- ignoring this template`,
      )
      if (mark === undefined) continue
    }
    const end = lines.indexOf(mark, at + 1)
    if (end < 0) warnings.push(`${where}: missing "${mark}" marker in template ${name ?? label}`)
    const body = lines.slice(at + 1, end < 0 ? lines.length : end)
    if (name !== undefined) {
      const read = readTemplate(body, name, initial[name], file)
      if (typeof read === 'string') warnings.push(...read.split('\n'))
      else templates[name] = read
    }
    at = end < 0 ? lines.length : end
  }
  return { templates, warnings }
}

/** A text is what is wrong with it. */
function readTemplate(
  lines: readonly string[],
  name: TemplateName,
  initial: Template,
  file: string,
): Template | string {
  const blank = lines.indexOf('')
  const heads = blank < 0 ? lines : lines.slice(0, blank)
  const found = new Map<string, string>()
  for (const head of heads) {
    const [, label = '', value = ''] = /^([\w-]+):\s*(.*)$/.exec(head) ?? []
    if (!['charset', 'from', 'subject', 'postmaster-subject'].includes(label.toLowerCase()))
      return `${file}: unknown "${label === '' ? head : label}" header label in ${name} template -- ignoring this template`
    if (/[^\x20-\x7e]/.test(value))
      return `${file}: non-ASCII "${label}" header in ${name} template -- ignoring this template`
    found.set(label.toLowerCase(), value)
  }
  const body = blank < 0 ? [] : lines.slice(blank + 1)
  const charset = found.get('charset') ?? 'us-ascii'
  const text = body.map((line) => `${line}\n`).join('')
  if (charset.toLowerCase() === 'us-ascii' && /[^\0-\x7f]/.test(text))
    return `${file}: 8-bit message text in ${name} template\nplease specify a charset value other than us-ascii\n-- ignoring this template for now`
  return {
    charset,
    from: found.get('from') ?? initial.from,
    subject: found.get('subject') ?? initial.subject,
    postmasterSubject: found.get('postmaster-subject') ?? initial.postmasterSubject,
    text,
  }
}

const UNITS: Readonly<Record<string, number>> = {
  seconds: 1000,
  minutes: 60_000,
  hours: 3_600_000,
  days: 86_400_000,
  weeks: 604_800_000,
}

/**
 * `$name` and `${name}` in a text; `$$` is a dollar sign.
 * @param value main.cf's, expanded; times are read by `timeMs`
 */
export function expandTemplate(
  text: string,
  value: (name: string) => string | undefined,
  timeMs: (name: 'delay_warning_time' | 'maximal_queue_lifetime') => number,
): string {
  return text.replace(
    /\$(?:(\$)|\{(\w+)\}|\((\w+)\)|(\w+))/g,
    (_, dollar?: string, ...names: (string | undefined)[]) => {
      if (dollar !== undefined) return '$'
      const name = names.slice(0, 3).find((one) => one !== undefined) ?? ''
      const [, parameter, unit = ''] = /^(delay_warning_time|maximal_queue_lifetime)_(\w+)$/.exec(name) ?? []
      const divisor = UNITS[unit]
      if ((parameter === 'delay_warning_time' || parameter === 'maximal_queue_lifetime') && divisor !== undefined)
        return String(Math.floor(timeMs(parameter) / divisor))
      return value(name) ?? ''
    },
  )
}

/** As a file would have it: `postconf -t`. */
export function printTemplate(
  name: TemplateName,
  { charset, from, subject, postmasterSubject, text }: Template,
): string {
  const copy = postmasterSubject === '' ? '' : `Postmaster-Subject: ${postmasterSubject}\n`
  return `${name}_template = <<EOF\nCharset: ${charset}\nFrom: ${from}\nSubject: ${subject}\n${copy}\n${text}EOF\n`
}
