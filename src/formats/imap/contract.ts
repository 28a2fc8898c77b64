/**
 * What the store sees of IMAP: the search program. RFC 9051 §6.4.4.
 */
import type { Collation } from '../message/mod.ts'

/** A sequence set: ranges of numbers, ascending or not; `'*'` is the largest in use. RFC 9051 §9 `sequence-set`. */
export type SequenceSet = readonly (readonly [number | '*', number | '*'])[]

/**
 * A search program as a tree. Strings are decoded to Unicode (CHARSET done by the parser); dates are days since
 * 1970-01-01 of the text's own calendar date, without regard to zones (RFC 9051: "disregarding time and timezone").
 */
export type SearchKey =
  | { readonly key: 'ALL' }
  | { readonly key: 'AND'; readonly keys: readonly SearchKey[] }
  | { readonly key: 'OR'; readonly left: SearchKey; readonly right: SearchKey }
  | { readonly key: 'NOT'; readonly not: SearchKey }
  /** System flag or keyword, set or not: ANSWERED, UNDELETED, KEYWORD x … NEW, OLD and RECENT come as trees of these. */
  | { readonly key: 'FLAG'; readonly flag: string; readonly set: boolean }
  | { readonly key: 'SEQ' | 'UID'; readonly set: SequenceSet }
  | { readonly key: 'LARGER' | 'SMALLER'; readonly octets: number }
  /** Age in seconds (RFC 5032). */
  | { readonly key: 'OLDER' | 'YOUNGER'; readonly seconds: number }
  | { readonly key: 'BEFORE' | 'ON' | 'SINCE' | 'SENTBEFORE' | 'SENTON' | 'SENTSINCE'; readonly day: number }
  /** When the message came into the mailbox (RFC 8514). */
  | { readonly key: 'SAVEDBEFORE' | 'SAVEDON' | 'SAVEDSINCE'; readonly day: number }
  /** RFC 8474. */
  | { readonly key: 'EMAILID' | 'THREADID'; readonly id: string }
  /**
   * BCC CC FROM SUBJECT TO are HEADER with that field; an empty text means: the field is there. `fuzzy` (RFC 6203): its words in
   * any order, nearly right.
   */
  | ({ readonly key: 'HEADER'; readonly field: string } & SoughtText)
  | ({ readonly key: 'BODY' | 'TEXT' } & SoughtText)
  | { readonly key: 'MODSEQ'; readonly modSeq: bigint }

/** Text that a key looks for. */
export interface SoughtText {
  readonly text: string
  readonly fuzzy?: boolean
  /** How it is compared; i;unicode-casemap, when undefined. */
  readonly collation?: Collation
}

/** How a session compares text (RFC 5255 §4.2). */
export interface Comparator {
  readonly collation: Collation
  /** `-` before its name: what it orders comes the other way round (RFC 4790 §3.3). */
  readonly descending: boolean
}

/** What SORT orders by. RFC 5256 §3, RFC 5957. */
export interface SortCriterion {
  readonly key:
    | 'ARRIVAL'
    | 'RELEVANCY'
    | 'CC'
    | 'DATE'
    | 'DISPLAYFROM'
    | 'DISPLAYTO'
    | 'FROM'
    | 'SIZE'
    | 'SUBJECT'
    | 'TO'
  readonly reverse: boolean
  /** How it compares text; i;unicode-casemap, when undefined. */
  readonly collation?: Collation
}

/** How THREAD groups. RFC 5256 §3; REFS is of draft-ietf-morg-inthread. */
export type ThreadAlgorithm = 'ORDEREDSUBJECT' | 'REFERENCES' | 'REFS'
