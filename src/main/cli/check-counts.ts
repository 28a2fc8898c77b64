/** The last lines of `postigo check`: how much of what is set, and of what can be set, is honoured. */
import { type Config, countClasses } from '../../io/config/mod.ts'
import { allParams } from '../registry.ts'

export function counts(config: Config): string {
  const set = new Set([
    ...config.settings.map((setting) => setting.name),
    ...config.master.flatMap((service) => [...service.overrides.keys()]),
  ])
  const mine = countClasses(allParams(), [...set])
  const all = countClasses(allParams())
  const named = mine.withoutEffect.length === 0 ? '' : ` (${mine.withoutEffect.join(', ')})`
  return (
    `parameters that are set: ${mine.honoured} honoured, ${mine.withoutEffect.length} without effect${named}, ` +
    `${mine.notSupported.length} not supported yet\n` +
    `all parameters of Postfix: ${all.honoured} honoured, ${all.withoutEffect.length} without effect, ` +
    `${all.notSupported.length} not supported yet\n`
  )
}
