/** TLS files that only root may read, read by the launcher for the server. */
import { accessSync, constants } from 'node:fs'
import type { Config } from '../../io/config/mod.ts'
import type { LauncherClient } from './client.ts'
import { tlsFiles } from './configured.ts'

/** A file that the launcher cannot read either is left to whoever needs it, who says so. */
export async function handedFiles(
  config: Config,
  launcher: Pick<LauncherClient, 'read'> | undefined,
): Promise<ReadonlyMap<string, string>> {
  const handed = new Map<string, string>()
  for (const path of launcher === undefined ? [] : tlsFiles(config)) {
    if (mayRead(path)) continue
    const text = await launcher?.read(path).catch(() => undefined)
    if (text !== undefined) handed.set(path, text)
  }
  return handed
}

function mayRead(path: string): boolean {
  try {
    accessSync(path, constants.R_OK)
    return true
  } catch {
    return false
  }
}
