/** postscreen_access_list: permit_mynetworks, permit, reject, dunno, and tables whose entries are lists of the same. */
import type { Tables } from '../../../io/tables/mod.ts'
import { listWords } from '../../../mail/policy/mod.ts'

export type Access = 'permit' | 'reject' | 'dunno'

export interface AccessDeps {
  readonly tables: Pick<Tables, 'open' | 'matchAddress'>
  readonly mynetworks: string
  readonly warn: (text: string) => void
}

type Lookup = (address: string) => Promise<Access>

/** A table that cannot be asked, and a word that is none, say nothing of anybody; both are told. */
export function accessList(text: string, deps: AccessDeps): Lookup {
  const own = deps.tables.matchAddress(deps.mynetworks, { parameter: 'mynetworks' })
  const ends =
    (access: Access): Lookup =>
    async () =>
      access
  const step = (word: string, inTable: boolean): Lookup | undefined => {
    const name = word.toLowerCase()
    if (name === 'permit' || name === 'reject') return ends(name)
    if (name === 'permit_mynetworks')
      return async (address) => ((await own({ name: '', address })) === undefined ? 'dunno' : 'permit')
    if (!word.includes(':') || inTable) return undefined
    const table = deps.tables.open(word)
    return async (address) => {
      const found = await table.get(address)
      return found === undefined ? 'dunno' : run(listWords(found), address, true)
    }
  }
  const run = async (words: readonly string[], address: string, inTable: boolean): Promise<Access> => {
    for (const word of words) {
      if (word.toLowerCase() === 'dunno') return 'dunno'
      const look = step(word, inTable)
      if (look === undefined) {
        deps.warn(`unknown command: ${word} -- ignoring the remainder of this access list`)
        return 'dunno'
      }
      const access = await look(address)
      if (access !== 'dunno') return access
    }
    return 'dunno'
  }
  const words = listWords(text)
  return async (address) => {
    try {
      return await run(words, address, false)
    } catch (error) {
      deps.warn(`postscreen_access_list: ${error instanceof Error ? error.message : String(error)}`)
      return 'dunno'
    }
  }
}
