/** From settings to checks. */
import type { Settings } from '../../../io/config/mod.ts'
import type { Tables } from '../../../io/tables/mod.ts'
import type { CheckKind, CheckList, ContentChecks } from './contract.ts'
import type { contentParams } from './params.ts'

type ContentSettings = Settings<typeof contentParams> & { readonly header_size_limit: number }

/** The parameters of the four lists, and what they say; `''` is no list. */
export type ListSettings = Readonly<Record<CheckKind, { readonly name: string; readonly tables: string }>>

/** Opens the lists that name tables. */
function openLists(settings: ListSettings, tables: Tables): ContentChecks['lists'] {
  const lists: Partial<Record<CheckKind, CheckList>> = {}
  for (const kind of ['header', 'mime', 'nested', 'body'] as const) {
    const { name, tables: text } = settings[kind]
    if (text === '') continue
    const maps = tables.maps(text)
    lists[kind] = { name, get: (key) => maps.get(key) }
  }
  return lists
}

/** What is configured for messages that come in; undefined where nothing is, and then nothing is looked at. */
export function openChecks(cf: ContentSettings, tables: Tables): ContentChecks | undefined {
  const lists = openLists(
    {
      header: { name: 'header_checks', tables: cf.header_checks },
      mime: { name: 'mime_header_checks', tables: cf.mime_header_checks },
      nested: { name: 'nested_header_checks', tables: cf.nested_header_checks },
      body: { name: 'body_checks', tables: cf.body_checks },
    },
    tables,
  )
  const mime = !cf.disable_mime_input_processing
  const strict = {
    header8bit: mime && (cf.strict_7bit_headers || cf.strict_8bitmime),
    body8bit: mime && (cf.strict_8bitmime_body || cf.strict_8bitmime),
    encodingDomain: mime && cf.strict_mime_encoding_domain,
  }
  const headers = (['header', 'mime', 'nested'] as const).some((kind) => lists[kind] !== undefined)
  const anyStrict = Object.values(strict).some(Boolean)
  const to7bit = mime && cf.force_mime_input_conversion
  if (!headers && !anyStrict && !to7bit && lists.body === undefined) return undefined
  const { header_size_limit, body_checks_size_limit, line_length_limit } = cf
  const { mime_nesting_limit, mime_boundary_length_limit } = cf
  return {
    lists,
    strict: { ...strict, nesting: mime && (headers || anyStrict || to7bit) },
    mime,
    to7bit,
    header_size_limit,
    body_checks_size_limit,
    line_length_limit,
    mime_nesting_limit,
    mime_boundary_length_limit,
    actions: 'cleanup',
  }
}

/** milter_header_checks; undefined where they are not configured. */
export function openMilterChecks(cf: ContentSettings, tables: Tables): ContentChecks | undefined {
  const { milter_header_checks: text } = cf
  if (text === '') return undefined
  const maps = tables.maps(text)
  const list: CheckList = { name: 'milter_header_checks', get: (key) => maps.get(key) }
  const { header_size_limit, body_checks_size_limit, line_length_limit } = cf
  const { mime_nesting_limit, mime_boundary_length_limit } = cf
  return {
    // What a milter makes is of the message's own header section: MIME fields are no kind of their own.
    lists: { header: list, mime: list },
    strict: { nesting: false, header8bit: false, body8bit: false, encodingDomain: false },
    mime: false,
    to7bit: false,
    header_size_limit,
    body_checks_size_limit,
    line_length_limit,
    mime_nesting_limit,
    mime_boundary_length_limit,
    actions: 'cleanup',
  }
}

/** What else becomes of a message that smtp sends. */
export interface OutgoingOptions {
  /** The next server takes no 8-bit mail. */
  readonly to7bit: boolean
  /** Fields of the message's own header are rewritten. */
  readonly rewrites: boolean
}

/**
 * smtp's lists, or lmtp's: they see all of each part, refuse nothing but what cannot be made 7-bit, and know the actions on
 * a line; undefined where a message goes as it is.
 */
export function openOutgoingChecks(
  settings: ListSettings,
  { to7bit, rewrites }: OutgoingOptions,
  limits: Pick<
    ContentSettings,
    'header_size_limit' | 'line_length_limit' | 'mime_nesting_limit' | 'mime_boundary_length_limit'
  >,
  tables: Tables,
): ContentChecks | undefined {
  const lists = openLists(settings, tables)
  const looks = Object.keys(lists).length > 0
  if (!looks && !to7bit && !rewrites) return undefined
  const strict = { nesting: to7bit, header8bit: false, body8bit: false, encodingDomain: false }
  const { header_size_limit, line_length_limit } = limits
  const { mime_nesting_limit, mime_boundary_length_limit } = limits
  return {
    lists,
    strict,
    mime: looks || to7bit,
    to7bit,
    header_size_limit,
    body_checks_size_limit: 0,
    line_length_limit,
    mime_nesting_limit,
    mime_boundary_length_limit,
    actions: 'smtp',
  }
}
