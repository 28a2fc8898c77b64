/** Macros: what a milter is told beside an event. MILTER_README, "What macros will Postfix send to Milters?". */
import { splitList, splitNameValue } from '../../../io/config/mod.ts'
import type { MilterSettings } from './service.ts'

/** Stages that have a list of macros; the numbers are the protocol's (SMFIM_…). */
export const STAGES = ['connect', 'helo', 'mail', 'rcpt', 'data', 'endOfData', 'endOfHeader', 'unknown'] as const
export type Stage = (typeof STAGES)[number]

/** Names by stage, as they are sent. */
export type MacroLists = Readonly<Record<Stage, readonly string[]>>

/** The value of a macro, by its name in braces; undefined: there is none now. */
export type MacroSource = (name: string) => string | undefined | Promise<string | undefined>

const words = (text: string): string[] => text.split(/[\s,]+/).filter((word) => word !== '')

export function macroLists(cf: MilterSettings): MacroLists {
  return {
    connect: words(cf.milter_connect_macros),
    helo: words(cf.milter_helo_macros),
    mail: words(cf.milter_mail_macros),
    rcpt: words(cf.milter_rcpt_macros),
    data: words(cf.milter_data_macros),
    endOfData: words(cf.milter_end_of_data_macros),
    endOfHeader: words(cf.milter_end_of_header_macros),
    unknown: words(cf.milter_unknown_command_macros),
  }
}

/** A list that a milter asked for in place of main.cf's (SMFIF_SETSYMLIST). */
export function listFrom(octets: Buffer): readonly string[] {
  return words(octets.toString('latin1'))
}

const braced = (name: string): string => (name.startsWith('{') ? name : `{${name}}`)

/** milter_macro_defaults. */
export function macroDefaults(text: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>()
  for (const item of splitList(text)) {
    const pair = splitNameValue(item.replace(/^\{([\s\S]*)\}$/, '$1'))
    if (typeof pair !== 'string') found.set(braced(pair.name), pair.value)
  }
  return found
}

/** Names and values in turn, of those that have one. */
export async function macroValues(
  names: readonly string[],
  source: MacroSource,
  defaults: ReadonlyMap<string, string>,
): Promise<string[]> {
  const found: string[] = []
  for (const name of names) {
    const value = (await source(braced(name))) ?? defaults.get(braced(name))
    if (value !== undefined) found.push(name, value)
  }
  return found
}
