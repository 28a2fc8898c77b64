/**
 * IMAP's words: commands and responses, sequence sets, ENVELOPE and BODYSTRUCTURE. RFC 9051, RFC 3501.
 */
export type * from './contract.ts'
export { printBodyStructure } from './body-structure.ts'
export { printEnvelope } from './envelope.ts'
export {
  findPart,
  type Partial,
  type Section,
  sectionOctets,
  type SectionOctets,
  type SectionSource,
  selectFields,
} from './section.ts'
export { parenthesised, printAString, printNString, printString } from './strings.ts'
