/** What is kept beside a message, found while its octets pass by. */
import { printBodyStructure, printEnvelope } from '../../formats/imap/mod.ts'
import { encodeParts, fieldValue, listedFields, parseDate, StructureScanner } from '../../formats/message/mod.ts'
import { threadKeys } from './thread-keys.ts'
import type { Analyser, MessageFacts } from './contract.ts'

/** A Message-ID longer than this is none that anybody compares. */
const MESSAGE_ID_LIMIT = 998

export function createAnalyser(): Analyser {
  const scanner = new StructureScanner()
  return {
    push: (chunk) => scanner.push(chunk),
    end(): MessageFacts {
      const { root, fields, rawHeaders } = scanner.end()
      const value = (name: string): string => {
        const field = fields.find((f) => f.name === name)
        return field === undefined ? '' : fieldValue(field)
      }
      return {
        envelope: printEnvelope(fields),
        bodyStructure: printBodyStructure(root, true),
        listedFields: listedFields(fields),
        parts: encodeParts(root),
        rawHeaders,
        messageId: (/<([^<>]+)>/.exec(value('message-id'))?.[1] ?? value('message-id')).slice(0, MESSAGE_ID_LIMIT),
        threadKeys: threadKeys(fields),
        sentMs: parseDate(value('date'))?.ms ?? Number.NaN,
      }
    },
  }
}
