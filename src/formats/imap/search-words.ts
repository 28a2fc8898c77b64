/** Words of SEARCH that stand for themselves. RFC 9051 §6.4.4. */
import type { SearchKey } from './contract.ts'

export const flag = (name: string, set: boolean): SearchKey => ({ key: 'FLAG', flag: name, set })
export const and = (...keys: SearchKey[]): SearchKey => ({ key: 'AND', keys })

/** Keys without arguments. */
export const PLAIN: Readonly<Record<string, SearchKey>> = {
  ALL: { key: 'ALL' },
  SAVEDATESUPPORTED: { key: 'ALL' },
  ANSWERED: flag('\\Answered', true),
  UNANSWERED: flag('\\Answered', false),
  DELETED: flag('\\Deleted', true),
  UNDELETED: flag('\\Deleted', false),
  DRAFT: flag('\\Draft', true),
  UNDRAFT: flag('\\Draft', false),
  FLAGGED: flag('\\Flagged', true),
  UNFLAGGED: flag('\\Flagged', false),
  SEEN: flag('\\Seen', true),
  UNSEEN: flag('\\Seen', false),
  RECENT: flag('\\Recent', true),
  OLD: flag('\\Recent', false),
  NEW: and(flag('\\Recent', true), flag('\\Seen', false)),
}

export const DATES: ReadonlySet<string> = new Set([
  'BEFORE',
  'ON',
  'SINCE',
  'SENTBEFORE',
  'SENTON',
  'SENTSINCE',
  'SAVEDBEFORE',
  'SAVEDON',
  'SAVEDSINCE',
])
export const FIELDS: ReadonlySet<string> = new Set(['BCC', 'CC', 'FROM', 'SUBJECT', 'TO'])
