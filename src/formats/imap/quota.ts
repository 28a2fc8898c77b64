/** SETQUOTA's arguments. RFC 9208 §7. */
import type { Cursor } from './cursor.ts'
import { ImapError } from './error.ts'

const RESOURCES = ['STORAGE', 'MESSAGE', 'MAILBOX'] as const
export type QuotaResource = (typeof RESOURCES)[number]

export interface SetQuota {
  readonly root: string
  /** STORAGE in units of 1024 octets. */
  readonly limits: ReadonlyMap<QuotaResource, number>
}

/** `quota-root-name SP "(" [resource-limit *(SP resource-limit)] ")"`. @throws NO for a resource that is not counted here */
export function takeSetQuota(cursor: Cursor): SetQuota {
  const root = cursor.takeAString()
  cursor.takeSpace()
  const limits = new Map<QuotaResource, number>()
  const unknown: string[] = []
  cursor.takeList(() => {
    const word = cursor.takeAtom()
    const resource = RESOURCES.find((one) => one === word.toUpperCase())
    cursor.takeSpace()
    const limit = cursor.takeNumber64()
    if (resource === undefined) unknown.push(word)
    else if (limits.has(resource)) throw cursor.bad('A resource is named twice')
    else limits.set(resource, limit)
  })
  cursor.takeEnd()
  if (unknown.length > 0) throw new ImapError('NO', 'A resource that is not counted here', { code: 'CANNOT' })
  return { root, limits }
}
