/** postconf -b and -t: the texts of reports, expanded or as they are. bounce(5) */
import { readFileSync } from 'node:fs'
import { parseTime } from '../../io/config/mod.ts'
import { expandTemplate, loadTemplates, noticesParams, printTemplate, TEMPLATES } from '../../mail/notices/mod.ts'
import { readConfig } from '../server/rooms.ts'
import { type CliIo, configDirectory, EX } from './io.ts'
import type { PostconfWords } from './postconf-words.ts'

export function showTemplates({ flags, config: directory, names }: PostconfWords, io: CliIo): number {
  const config = readConfig({ directory: configDirectory(directory, io) })
  const { notice_language, bounce_template_file } = config.bind(noticesParams)
  const file = names[0] ?? bounce_template_file
  const { templates, warnings } = loadTemplates({ notice_language, bounce_template_file: file }, (path) =>
    readFileSync(path, 'utf8'),
  )
  for (const warning of warnings) for (const line of warning.split('\n')) io.err(`postconf: warning: ${line}\n`)
  const timeMs = (name: string): number => parseTime(config.value(name) ?? '', name.startsWith('max') ? 'd' : 'h') ?? 0
  const texts = TEMPLATES.map((name) =>
    flags.has('t')
      ? printTemplate(name, templates[name])
      : `expanded_${name}_text = <<EOF\n${expandTemplate(templates[name].text, (one) => config.value(one), timeMs)}EOF\n`,
  )
  io.out(texts.join('\n'))
  return EX.ok
}
