/** URLs of messages and their parts, relative to a log-in: RFC 5092 §2, §5, as CATENATE takes them (RFC 4469 §3). */
import { Cursor } from './cursor.ts'
import { ImapError } from './error.ts'
import { takeFetch } from './fetch.ts'
import type { Partial, Section } from './section.ts'

export interface MessageUrl {
  /** UTF-8; undefined: the selected one. */
  readonly mailbox: string | undefined
  readonly uidValidity: number | undefined
  readonly uid: number
  readonly section: Section
  readonly partial: Partial | undefined
}

const URL_FORM =
  /^(?:\/?(?<mailbox>[^;?/][^;?]*?))?(?:;UIDVALIDITY=(?<validity>\d{1,10}))?\/?;UID=(?<uid>\d{1,10})(?:\/;SECTION=(?<section>[^;?]+?))?(?:\/;PARTIAL=(?<from>\d{1,10})(?:\.(?<length>\d{1,10}))?)?$/i

/** Beyond any message. */
const TO_THE_END = 2 ** 40

/** undefined: not such a URL. */
export function parseMessageUrl(text: string): MessageUrl | undefined {
  const { mailbox, validity, uid, section = '', from, length } = URL_FORM.exec(text)?.groups ?? {}
  if (uid === undefined || Number(uid) === 0) return undefined
  try {
    const item = sectionOf(decodeURIComponent(section), from, length)
    if (item === undefined) return undefined
    return {
      mailbox: mailbox === undefined ? undefined : decodeURIComponent(mailbox),
      uidValidity: validity === undefined ? undefined : Number(validity),
      uid: Number(uid),
      ...item,
    }
  } catch (error) {
    if (error instanceof URIError || error instanceof ImapError) return undefined
    throw error
  }
}

/** As FETCH reads it. */
function sectionOf(
  section: string,
  from: string | undefined,
  length: string | undefined,
): Pick<MessageUrl, 'section' | 'partial'> | undefined {
  const partial = from === undefined ? '' : `<${from}.${length ?? TO_THE_END}>`
  const cursor = new Cursor(Buffer.from(`BODY.PEEK[${section}]${partial}`))
  const [item] = takeFetch(cursor).items
  cursor.takeEnd()
  return item?.item === 'SECTION' ? { section: item.section, partial: item.partial } : undefined
}
