/**
 * SASLprep, RFC 4013: one form for each name and password, however it was typed.
 *
 * Normalization is that of today's Unicode, where the RFC names Unicode 3.2: later characters keep their meaning, and
 * for those of 3.2 the result is the same save for a few corrected mistakes. Unassigned code points are let pass, in
 * names as in passwords: what 3.2 did not know (an emoji, say) is assigned by now, and both sides take it alike.
 */
import { L_CAT, RAND_AL_CAT } from './saslprep-tables.ts'

const PRINTABLE_ASCII = /^[\x20-\x7e]*$/

/** RFC 3454 C.1.2, mapped to a blank. It comes first, so that U+200B, which is in B.1 too, is a blank. */
const OTHER_SPACES = /[\u00a0\u1680\u2000-\u200b\u202f\u205f\u3000]/gu
/** RFC 3454 B.1, mapped to nothing. Alternatives, since joiners and selectors would combine inside one class. */
const NOTHING = /\u00ad|\u034f|\u1806|[\u180b-\u180d]|\u200c|\u200d|\u2060|[\ufe00-\ufe0f]|\ufeff/gu

/** RFC 4013 §2.3; the spaces of C.1.2 are gone by then. */
const PROHIBITED = new RegExp(
  [
    String.raw`[\u0000-\u001f\u007f]`, // C.2.1
    String.raw`[\u0080-\u009f\u06dd\u070f\u180e\u2028\u2029\u2060-\u2063\u206a-\u206f\ufff9-\ufffc\u{1d173}-\u{1d17a}]`, // C.2.2
    String.raw`\u200c|\u200d|\ufeff`, // C.2.2 too
    String.raw`\p{Co}`, // C.3
    String.raw`\p{Noncharacter_Code_Point}`, // C.4
    String.raw`\p{Cs}`, // C.5
    String.raw`\ufffd`, // C.6
    String.raw`[\u2ff0-\u2ffb]`, // C.7
    String.raw`\u0340|\u0341|[\u200e\u200f\u202a-\u202e]`, // C.8
    String.raw`\u{e0001}|[\u{e0020}-\u{e007f}]`, // C.9
  ].join('|'),
  'u',
)

/** Ranges such as `41-5a aa` as a character class. */
function classOf(ranges: string): string {
  const parts = ranges.trim().split(/\s+/)
  return `[${parts.map((part) => part.replaceAll(/[0-9a-f]+/g, String.raw`\u{$&}`)).join('')}]`
}

const RAND_AL = classOf(RAND_AL_CAT)
const HAS_RIGHT_TO_LEFT = new RegExp(RAND_AL, 'u')
const HAS_LEFT_TO_RIGHT = new RegExp(classOf(L_CAT), 'u')
const BEGINS_AND_ENDS_RIGHT_TO_LEFT = new RegExp(`^${RAND_AL}(?:.*${RAND_AL})?$`, 'su')

/** The prepared form of a name or password; undefined where it holds what RFC 4013 forbids, or nothing remains. */
export function saslprep(text: string): string | undefined {
  if (text === '') return undefined
  if (PRINTABLE_ASCII.test(text)) return text
  const prepared = text.replaceAll(OTHER_SPACES, ' ').replaceAll(NOTHING, '').normalize('NFKC')
  if (prepared === '' || PROHIBITED.test(prepared) || !directionsAgree(prepared)) return undefined
  return prepared
}

/** RFC 3454 §6: text that runs to the left begins and ends so, and has nothing that runs to the right. */
function directionsAgree(text: string): boolean {
  if (!HAS_RIGHT_TO_LEFT.test(text)) return true
  return !HAS_LEFT_TO_RIGHT.test(text) && BEGINS_AND_ENDS_RIGHT_TO_LEFT.test(text)
}
