/** The lists of milters in main.cf: `inet:host:port`, or with settings of its own `{ inet:host:port, command_timeout=5s }`. */
import { parseTime, type Settings, splitList, splitNameValue } from '../../../io/config/mod.ts'
import type { ConnectOptions } from '../../../io/net/mod.ts'
import { endpointOf } from '../endpoint.ts'
import type { milterParams } from './params.ts'

export type MilterSettings = Settings<typeof milterParams>

export interface MilterService {
  /** As in main.cf, without its settings. */
  readonly name: string
  readonly connectTimeoutMs: number
  readonly commandTimeoutMs: number
  readonly contentTimeoutMs: number
  readonly protocol: string
  readonly defaultAction: string
  /** What is wrong with its settings. */
  readonly fault?: string
}

const TIMEOUTS = {
  connect_timeout: 'connectTimeoutMs',
  command_timeout: 'commandTimeoutMs',
  content_timeout: 'contentTimeoutMs',
} as const

export function milterServices(list: string, cf: MilterSettings): MilterService[] {
  return splitList(list).map((item) => serviceOf(item, cf))
}

function serviceOf(item: string, cf: MilterSettings): MilterService {
  const braced = /^\{([\s\S]*)\}$/.exec(item)?.[1]
  const [name = '', ...settings] = braced === undefined ? [item] : splitSettings(braced)
  const base: MilterService = {
    name,
    connectTimeoutMs: cf.milter_connect_timeout,
    commandTimeoutMs: cf.milter_command_timeout,
    contentTimeoutMs: cf.milter_content_timeout,
    protocol: cf.milter_protocol,
    defaultAction: cf.milter_default_action,
  }
  return settings.reduce(withSetting, name === '' ? { ...base, fault: `empty milter definition: "${item}"` } : base)
}

/** Where it listens; a text: why that is nowhere. */
export function placeOf({ name }: MilterService, queueDirectory: string): ConnectOptions['to'] | string {
  const colon = name.indexOf(':')
  if (colon < 1 || colon === name.length - 1) return `Milter service needs transport:endpoint instead of "${name}"`
  const type = name.slice(0, colon)
  const kind = type === 'inet' ? 'inet' : type === 'unix' || type === 'local' ? 'unix' : undefined
  const to = kind === undefined ? undefined : endpointOf(kind, name.slice(colon + 1), queueDirectory)
  return to ?? `invalid transport name: ${type} in Milter service: ${name}`
}

/** Commas part them; a setting may stand in braces itself. */
function splitSettings(text: string): string[] {
  return splitList(text.replace(/\s*=\s*/g, '=')).map((word) => word.replace(/^\{\s*([\s\S]*?)\s*\}$/, '$1'))
}

function withSetting(service: MilterService, setting: string): MilterService {
  const pair = splitNameValue(setting)
  if (typeof pair === 'string') return { ...service, fault: `milter service syntax error: ${pair}` }
  const { name, value } = pair
  if (name === 'default_action') return { ...service, defaultAction: value }
  if (name === 'protocol') return { ...service, protocol: value }
  const timeout = isTimeout(name) ? TIMEOUTS[name] : undefined
  const ms = parseTime(value)
  if (timeout === undefined) return { ...service, fault: `unknown milter parameter: "${name}"` }
  return ms === undefined || ms <= 0
    ? { ...service, fault: `bad milter ${name}: ${value}` }
    : { ...service, [timeout]: ms }
}

const isTimeout = (name: string): name is keyof typeof TIMEOUTS => name in TIMEOUTS
