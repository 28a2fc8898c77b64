/** Who is told of what: the sender, the postmaster, or nobody. Postfix: bounce(8); RFC 3461 §5.2, RFC 5321 §6.1. */
import { type Clock, publish } from '#src/base/mod.ts'
import type { Config, Settings } from '../../io/config/mod.ts'
import type { Intake } from '../intake/mod.ts'
import type { Completion, Ended, Notify, QueueStore } from '../queue/mod.ts'
import { noticesParams } from './params.ts'
import { messageIdOf, tlsNotRequiredBy, writeReport } from './report.ts'
import { builtIn, expandTemplate, readTemplates, type TemplateName, type Templates } from './templates.ts'

export interface NoticeDeps {
  readonly config: () => Config
  readonly intake: () => Intake
  readonly queue: Pick<QueueStore, 'completeNow'>
  readonly clock: Clock
  readonly date: (ms: number) => string
  /** An address to standard form. */
  readonly standard: (address: string) => string
  /** Throws when the file cannot be read. */
  readonly readFile: (path: string) => string
  /** delay_warning_time, maximal_queue_lifetime in ms. */
  readonly timeMs: (name: 'delay_warning_time' | 'maximal_queue_lifetime') => number
}

export type NoticeEvent =
  | {
      readonly event: 'notices.sent'
      /** Of the message that is reported. */
      readonly queueId: string
      /** `sender non-delivery`, `postmaster delay` … */
      readonly what: string
      /** Of the report. */
      readonly as: string
    }
  | { readonly event: 'notices.discarded'; readonly queueId: string }
  | { readonly event: 'notices.warning'; readonly text: string }

type NoticeSettings = Settings<typeof noticesParams>

interface Send {
  readonly template: TemplateName
  readonly told: readonly Ended[]
  readonly postmaster: boolean
  readonly to: string
  readonly sender: string
  /** `sender non-delivery`. */
  readonly what: string
  readonly completes?: Completion
}

/** What each template's report is called in the log. */
const WHAT: Readonly<Record<TemplateName, string>> = {
  failure: 'non-delivery',
  delay: 'delay',
  success: 'delivery status',
  verify: 'delivery status',
}

export function createNotices(deps: NoticeDeps): Notify {
  const notices = new Notices(deps)
  return (kind, recipients) => notices.notify(kind, recipients)
}

class Notices {
  readonly #deps: NoticeDeps
  #read: { readonly of: Config; readonly templates: Templates } | undefined

  constructor(deps: NoticeDeps) {
    this.#deps = deps
  }

  async notify(kind: 'ended' | 'delayed', recipients: readonly Ended[]): Promise<void> {
    if (kind === 'delayed')
      return this.#tell(recipients[0]?.job.trace === undefined ? 'delay' : 'verify', recipients, true)
    const template = ({ result, job }: Ended): TemplateName =>
      job.trace === 'verify' || (job.trace === 'deliver' && result.status === 'sent')
        ? 'verify'
        : result.status === 'sent'
          ? 'success'
          : 'failure'
    for (const [name, told] of Map.groupBy(recipients, template)) await this.#tell(name, told, false)
  }

  async #tell(template: TemplateName, told: readonly Ended[], warned: boolean): Promise<void> {
    const job = told[0]?.job
    if (job === undefined) return
    const cf = this.#deps.config().bind(noticesParams)
    const recipients = warned ? [] : told.map(({ recipient }) => recipient.n)
    const completes: Completion = { reported: { queueId: job.queueId, recipients, warned } }
    const doubleBounce = this.#deps.standard(cf.double_bounce_sender)
    if (job.sender === doubleBounce && template !== 'success') {
      publish<NoticeEvent>({ event: 'notices.discarded', queueId: job.queueId })
      return this.#deps.queue.completeNow(completes)
    }
    const copy = this.#postmasterCopy(template, told, doubleBounce, cf)
    if (job.sender === '') {
      if (copy === undefined) return this.#deps.queue.completeNow(completes)
      return this.#send({ ...copy, completes }, cf)
    }
    await this.#send(
      { template, told, postmaster: false, to: job.sender, sender: '', what: `sender ${WHAT[template]}`, completes },
      cf,
    )
    if (copy !== undefined) await this.#send(copy, cf)
  }

  /** postconf(5) notify_classes; a message of the null sender is never answered, but its postmaster may be told. */
  #postmasterCopy(
    template: TemplateName,
    told: readonly Ended[],
    sender: string,
    cf: NoticeSettings,
  ): Send | undefined {
    const classes = new Set(cf.notify_classes)
    const isNull = told[0]?.job.sender === ''
    const to =
      template === 'failure' && isNull && (classes.has('2bounce') || classes.has('bounce'))
        ? cf['2bounce_notice_recipient']
        : template === 'failure' && !isNull && classes.has('bounce')
          ? cf.bounce_notice_recipient
          : template === 'delay' && classes.has('delay')
            ? cf.delay_notice_recipient
            : ''
    if (to === '') return undefined
    const what = `postmaster ${WHAT[template]}`
    return { template, told, postmaster: true, to: this.#deps.standard(to), sender, what }
  }

  async #send({ template, told, postmaster, to, sender, what, completes }: Send, cf: NoticeSettings): Promise<void> {
    const { intake, config, clock, date, timeMs } = this.#deps
    const { job } = told[0]!
    const texts = this.#templates(cf)[template]
    const hostname = config().value('myhostname') ?? 'localhost'
    const submission = intake().open(
      {
        origin: 'internal',
        mailClass: 'bounce',
        clientAddress: '',
        clientName: '',
        helo: '',
        protocol: '',
        rewriteHeaders: false,
      },
      { effects: [], recipients: 0, firstRecipient: '', sender: '', ...(completes !== undefined && { completes }) },
    )
    if ('code' in submission) throw new Error(`no report for ${job.queueId}: ${submission.lines.join(' ')}`)
    const facts = {
      template,
      texts,
      text: expandTemplate(texts.text, (name) => config().value(name), timeMs),
      language: cf.notice_language,
      hostname,
      mailName: (config().value('mail_name') ?? 'Postigo').replace(/[^A-Za-z0-9-]+/g, '-'),
      postmaster,
      to,
      queueId: submission.queueId,
      nowMs: clock.now(),
      date,
      sizeLimit: cf.bounce_size_limit,
      lifetimeMs: timeMs('maximal_queue_lifetime'),
      thread: cf.enable_threaded_bounces ? messageIdOf(job) : undefined,
      tlsNotRequired: cf.tls_required_enable && tlsNotRequiredBy(job),
    }
    await writeReport(told, facts, (octets) => submission.write(octets))
    const reply = await submission.finish({
      sender,
      recipients: [{ address: to, notify: ['NEVER'] }],
      body: '8BITMIME',
      smtpUtf8: job.smtpUtf8,
    })
    if (reply.code >= 400) throw new Error(`no report for ${job.queueId}: ${reply.lines.join(' ')}`)
    publish<NoticeEvent>({ event: 'notices.sent', queueId: job.queueId, what, as: submission.queueId })
  }

  #templates(cf: NoticeSettings): Templates {
    const config = this.#deps.config()
    if (this.#read?.of === config) return this.#read.templates
    const { templates, warnings } = loadTemplates(cf, this.#deps.readFile)
    for (const text of warnings) publish<NoticeEvent>({ event: 'notices.warning', text })
    this.#read = { of: config, templates }
    return templates
  }
}

/** The texts of a configuration; a file that cannot be read is a warning, for mail goes on. */
export function loadTemplates(
  { bounce_template_file, notice_language }: Pick<NoticeSettings, 'bounce_template_file' | 'notice_language'>,
  readFile: (path: string) => string,
): { readonly templates: Templates; readonly warnings: readonly string[] } {
  const initial = builtIn[notice_language]
  if (bounce_template_file === '') return { templates: initial, warnings: [] }
  try {
    return readTemplates(readFile(bounce_template_file), bounce_template_file, initial)
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error)
    return { templates: initial, warnings: [`open ${bounce_template_file}: ${text}`] }
  }
}
