/** Where another program listens: `inet:host:port`, `unix:path`. Milters, policy services, before-queue filters. */
import { existsSync } from 'node:fs'
import { isAbsolute, join } from 'node:path'
import { servicePort } from '../../io/config/mod.ts'
import type { ConnectOptions } from '../../io/net/mod.ts'

/**
 * undefined: it is none.
 * @param text without `inet:` or `unix:`
 * @param queueDirectory what paths are relative to; an absolute one that is not there is looked for in it too, since
 *   chrooted programs see it as their root
 */
export function endpointOf(
  type: 'inet' | 'unix',
  text: string,
  queueDirectory: string,
): ConnectOptions['to'] | undefined {
  if (text === '') return undefined
  if (type === 'unix') {
    const inside = join(queueDirectory, text)
    return { path: !isAbsolute(text) || (!existsSync(text) && existsSync(inside)) ? inside : text }
  }
  const [, host = '', named = ''] = /^(?:(\[[^\]]*\]|[^:[\]]*):)?([\w-]+)$/.exec(text) ?? []
  const port = servicePort(named)
  return port === undefined ? undefined : { address: host.replace(/^\[|\]$/g, '') || 'localhost', port }
}
